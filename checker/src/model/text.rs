//! A register of text with get, put and append, initially empty (`kv-append`).

use std::sync::Arc;

use super::Model;

/// A text, by its position in [`TextRegister::texts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextId(pub u32);

/// What an operation does to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextOp {
    /// Returned this text.
    Get(TextId),
    /// Replaced the text by this one.
    Put(TextId),
    /// Added this text at the end.
    Append(TextId),
}

/// A register of text; texts may be written more than once.
#[derive(Clone, Debug, Default)]
pub struct TextRegister {
    /// The texts that operations name; best each given once.
    pub texts: Vec<Box<str>>,
}

impl TextRegister {
    fn text(&self, id: TextId) -> &str {
        &self.texts[id.0 as usize]
    }
}

impl Model for TextRegister {
    type State = Arc<str>;
    type Op = TextOp;

    fn init(&self) -> Arc<str> {
        Arc::from("")
    }

    fn step(&self, state: &Arc<str>, op: &TextOp) -> Option<Arc<str>> {
        match *op {
            TextOp::Get(seen) => (self.text(seen) == &**state).then(|| Arc::clone(state)),
            TextOp::Put(new) => Some(Arc::from(self.text(new))),
            TextOp::Append(piece) => Some(Arc::from([state, self.text(piece)].concat())),
        }
    }

    fn reads_only(&self, op: &TextOp) -> bool {
        matches!(op, TextOp::Get(_))
    }

    fn kind(&self, op: &TextOp) -> Option<u128> {
        Some(match *op {
            TextOp::Get(text) => super::effect(0, text.0, 0),
            TextOp::Put(text) => super::effect(1, text.0, 0),
            TextOp::Append(text) => super::effect(2, text.0, 0),
        })
    }

    const LOOKS_AHEAD: bool = true;

    fn viable<'a>(
        &self,
        state: &Arc<str>,
        read: &TextOp,
        mut before: impl Iterator<Item = &'a TextOp>,
    ) -> bool {
        // Text only grows at its end, unless it is replaced.
        let TextOp::Get(seen) = *read else { return true };
        let seen = self.text(seen);
        let begins = |op: &TextOp| match *op {
            TextOp::Put(new) => seen.starts_with(self.text(new)),
            TextOp::Get(_) | TextOp::Append(_) => false,
        };
        seen.starts_with(&**state) || before.any(begins)
    }

    fn owned_bytes(&self, state: &Arc<str>) -> usize {
        // With the two counts before the text.
        state.len() + 2 * size_of::<usize>()
    }
}
