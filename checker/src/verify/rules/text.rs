//! Text that is read, replaced and appended to.

use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, View};

/// `get`, `put` and `append` on a text that is empty at first; nothing found is empty too.
pub(in crate::verify) struct Text;

/// What an operation does to the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum TextDeed {
    Get(String),
    Put(String),
    Append(String),
}

impl Rules for Text {
    type Deed = TextDeed;
    type State = String;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<TextDeed>, Foreign> {
        let text = |view: View<'_>| match view {
            View::Text(text) => Ok(text.to_owned()),
            View::Null => Ok(String::new()),
            _ => Err(Foreign),
        };
        match operation.f() {
            "get" if operation.outcome == Outcome::Info => Ok(None),
            "get" => text(operation.result()).map(TextDeed::Get).map(Some),
            "put" => text(operation.argument()).map(TextDeed::Put).map(Some),
            "append" => text(operation.argument()).map(TextDeed::Append).map(Some),
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> String {
        String::new()
    }

    fn apply(&self, state: &mut String, deed: &TextDeed) -> bool {
        match deed {
            TextDeed::Get(text) => return text == state,
            TextDeed::Put(text) => state.clone_from(text),
            TextDeed::Append(text) => state.push_str(text),
        }
        true
    }

    fn only_reads(&self, deed: &TextDeed) -> bool {
        matches!(deed, TextDeed::Get(_))
    }
}
