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

/// Slots of [`Recent`].
const RECENT: usize = 256;

/// Names lately asked for, which are found again without hashing.
///
/// A history repeats a few strings over and over: each is kept where its length and its last
/// letters say, until another takes that place.
#[derive(Debug)]
pub(super) struct Recent {
    slots: [Option<Name>; RECENT],
}

impl Default for Recent {
    fn default() -> Self {
        Self { slots: [None; RECENT] }
    }
}

impl Recent {
    /// The name of a string in `names`, which must be the same table every time.
    pub(super) fn intern(&mut self, names: &mut Names, text: &str) -> Name {
        let letters = match text.as_bytes() {
            [.., before, last] => 7 * usize::from(*before) + usize::from(*last),
            [only] => usize::from(*only),
            [] => 0,
        };
        let slot = &mut self.slots[(letters + 41 * text.len()) % RECENT];
        match *slot {
            Some(name) if names.get(name) == text => name,
            _ => *slot.insert(names.intern(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_share_a_slot_stay_apart() {
        let mut names = Names::default();
        let mut recent = Recent::default();
        let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let first: Vec<Name> = texts.iter().map(|text| recent.intern(&mut names, text)).collect();
        let again: Vec<Name> = texts.iter().map(|text| recent.intern(&mut names, text)).collect();
        assert_eq!(first, again);
        assert!(texts.iter().zip(first).all(|(text, name)| names.get(name) == text));
        assert_eq!(names.count(), texts.len());
    }
}
