//! The short strings of a history: functions, nodes, keys and errors, each kept once.

use std::num::NonZeroU32;

use super::arena::Arena;

/// A string of one history; equal strings of a history have equal names.
///
/// Means nothing without the [`Names`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(NonZeroU32);

impl Name {
    /// The dense number of the string, from 0 on by first appearance.
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    fn of(number: u32) -> Self {
        Self(number.checked_add(1).and_then(NonZeroU32::new).expect(
            "a history has fewer than 2^32 events, and other callers hold fewer names still",
        ))
    }
}

/// The strings of a history.
///
/// ```
/// use squall_checker::history::Names;
///
/// let mut names = Names::default();
/// let write = names.intern("write");
/// assert_eq!(names.intern("write"), write);
/// assert_eq!((names.get(write), names.find("read")), ("write", None));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Names {
    texts: Arena<String>,
}

impl Names {
    /// The name of a string, a new one if it was not seen before.
    pub fn intern(&mut self, text: &str) -> Name {
        Name::of(self.texts.intern(text))
    }

    /// The string of a name given by this table; O(1).
    ///
    /// # Panics
    /// On a name of another table that this one does not have.
    pub fn get(&self, name: Name) -> &str {
        self.texts.get(name.index() as u32)
    }

    /// The name of a string that was seen before.
    pub fn find(&self, text: &str) -> Option<Name> {
        self.texts.find(text).map(Name::of)
    }

    /// How many different strings there are.
    pub fn count(&self) -> usize {
        self.texts.len()
    }
}
