//! Text that is read, replaced and appended to.

use super::{Part, Subject};
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::unread::{Misshapen, Unread};
use crate::history::{History, Outcome, Value, View};
use crate::model::{ModelName, TextId, TextOp, TextRegister};
use crate::procedure::Decision;
use crate::timed::Timed;
use crate::verdict::OperationId;

/// A text that is empty at first; nothing found is empty too.
pub(in crate::check) struct TextSubject {
    part: Part<TextOp>,
    model: TextRegister,
}

/// The texts of an object.
struct Texts<'a> {
    history: &'a History,
    numbers: Numbers,
    /// The number that stands for each value.
    texts: Vec<TextId>,
    model: TextRegister,
}

impl Texts<'_> {
    /// The text that a value is; nothing if it is none.
    fn text(&mut self, value: Value) -> Option<TextId> {
        let text = match self.history.values.view(value) {
            View::Text(text) => text,
            View::Null => "",
            _ => return None,
        };
        let number = self.numbers.number(value) as usize;
        if let Some(known) = self.texts.get(number) {
            return Some(*known);
        }
        // The empty text is the first, and has two spellings.
        let id = if text.is_empty() { 0 } else { self.model.texts.len() as u32 };
        if id != 0 {
            self.model.texts.push(text.into());
        }
        self.texts.push(TextId(id));
        Some(TextId(id))
    }
}

impl Subject for TextSubject {
    type Model = TextRegister;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let mut part = Part::with_room_for(object);
        let (numbers, empty) = (Numbers::default(), TextRegister { texts: vec!["".into()] });
        let mut texts = Texts { history, numbers, texts: Vec::new(), model: empty };
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail {
                continue;
            }
            let argument = |texts: &mut Texts<'_>| {
                let argument = texts.text(recorded.argument);
                argument.ok_or_else(|| CheckError::argument(id, recorded, "a string"))
            };
            let op = match recorded.f() {
                "get" if recorded.outcome == Outcome::Info => continue,
                "get" => {
                    let result = texts.text(recorded.result);
                    let wrong = || Misshapen::new(id, recorded, "a string or null");
                    match part.held_back.pass(result.ok_or_else(wrong))? {
                        Some(result) => TextOp::Get(result),
                        None => continue,
                    }
                }
                "put" => TextOp::Put(argument(&mut texts)?),
                "append" => TextOp::Append(argument(&mut texts)?),
                _ => return Err(CheckError::unknown_function(id, recorded, model).into()),
            };
            part.push(id, recorded, op);
        }
        Ok(Self { part: part.sorted()?, model: texts.model })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "search"
    }

    fn decide(&self) -> Decision {
        Decision::NotApplicable("text that is replaced and appended to has no faster procedure")
    }

    fn model(&self) -> &TextRegister {
        &self.model
    }

    fn operations(&self) -> Vec<Timed<TextOp>> {
        self.part.operations.clone()
    }
}
