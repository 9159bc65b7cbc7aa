//! Lists: elements appended and whole lists read.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::{Part, Subject};
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::unread::{Misshapen, Unread};
use crate::history::{History, Name, Outcome, Recorded, Value, View};
use crate::list::{self, ListHistory, ListId, ListOp};
use crate::model::{AppendList, ModelName};
use crate::procedure::Decision;
use crate::timed::Timed;
use crate::verdict::OperationId;

/// A list that is empty at first.
///
/// Every list read is known by its handle, so that one read often is looked at once; and all
/// that are beginnings of the longest are kept as parts of it.
pub(in crate::check) struct ListSubject {
    part: Part<ListOp>,
    model: AppendList,
    elements: u32,
}

/// The functions by their handles.
struct Functions {
    read: Option<Name>,
    append: Option<Name>,
}

/// The different lists that were read, in the order they were first read.
struct Lists<'a> {
    numbers: FxHashMap<Value, u32>,
    /// The last one read, which often is read again.
    last: Option<(Value, ListId)>,
    lists: Vec<&'a [Value]>,
}

impl<'a> Lists<'a> {
    /// The list that a read returned, where nothing is the empty list.
    fn id(&mut self, id: OperationId, read: Recorded<'a>) -> Result<ListId, Misshapen> {
        let handle = read.result;
        if let Some((last, list)) = self.last
            && last == handle
        {
            return Ok(list);
        }
        let list = match self.numbers.get(&handle) {
            Some(number) => ListId(*number),
            None => {
                let elements: &[Value] = match read.result() {
                    View::List(elements) => elements,
                    View::Null => &[],
                    _ => return Err(Misshapen::new(id, read, "a list or null")),
                };
                let number = self.lists.len() as u32;
                self.lists.push(elements);
                self.numbers.insert(handle, number);
                ListId(number)
            }
        };
        self.last = Some((handle, list));
        Ok(list)
    }

    /// The lists with elements by number.
    ///
    /// # Errors
    /// The list with which those to be kept are too many.
    fn numbered(&self, numbers: &mut Numbers) -> Result<AppendList, ListId> {
        let longest = self.lists.iter().max_by_key(|list| list.len()).copied().unwrap_or(&[]);
        let mut arena: Vec<u32> = longest.iter().map(|element| numbers.number(*element)).collect();
        let mut ranges: Vec<Range<u32>> = Vec::with_capacity(self.lists.len());
        for (number, list) in (0..).map(ListId).zip(&self.lists) {
            let start = if longest.starts_with(list) { 0 } else { arena.len() };
            if start > 0 {
                arena.extend(list.iter().map(|element| numbers.number(*element)));
            }
            let end = u32::try_from(start + list.len()).map_err(|_| number)?;
            ranges.push(start as u32..end);
        }
        Ok(AppendList { lists: ranges, arena })
    }
}

impl Subject for ListSubject {
    type Model = AppendList;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let find = |f| history.names.find(f);
        let functions = Functions { read: find("read"), append: find("append") };
        let mut part = Part::with_room_for(object);
        let mut numbers = Numbers::default();
        let mut lists = Lists { numbers: FxHashMap::default(), last: None, lists: Vec::new() };
        for &id in &object.members {
            let recorded = history.get(id);
            let f = Some(recorded.f);
            if f != functions.read && f != functions.append {
                return Err(CheckError::unknown_function(id, recorded, model).into());
            }
            let op = match recorded.outcome {
                Outcome::Fail => continue,
                _ if f == functions.append => ListOp::Append(numbers.number(recorded.argument)),
                Outcome::Info => continue,
                Outcome::Ok => match part.held_back.pass(lists.id(id, recorded))? {
                    Some(list) => ListOp::Read(list),
                    None => continue,
                },
            };
            part.push(id, recorded, op);
        }
        let part = part.sorted()?;
        let lists = lists.numbered(&mut numbers).map_err(|list| {
            let reads = |timed: &Timed<ListOp>| timed.op == ListOp::Read(list);
            let id = part.ids[part.operations.iter().position(reads).expect("it was read")];
            let expected = "lists with fewer than 2^32 elements together";
            Misshapen::new(id, history.get(id), expected)
        })?;
        Ok(Self { part, model: lists, elements: numbers.count() })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "append-list"
    }

    fn decide(&self) -> Decision {
        list::decide(&ListHistory {
            operations: &self.part.operations,
            lists: &self.model.lists,
            arena: &self.model.arena,
            elements: self.elements,
        })
    }

    fn model(&self) -> &AppendList {
        &self.model
    }

    fn operations(&self) -> Vec<Timed<ListOp>> {
        self.part.operations.clone()
    }
}
