//! Sets: elements added, removed, looked for, and read all at once.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::{Part, Subject};
use crate::bit::{self, BitOp, BitState};
use crate::check::Budget;
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::unread::{Misshapen, Unread};
use crate::grow_set::{self, GrowSetHistory, GrowSetOp, SetId};
use crate::history::{History, Name, Outcome, Recorded, Value, View};
use crate::model::{Elements, ModelName, Set, SetOp};
use crate::procedure::{Conflict, Decision};
use crate::search::minimal;
use crate::timed::{NEVER, Timed};
use crate::verdict::OperationId;

/// A set that is empty at first.
///
/// One that only grows has a procedure for itself. One that nobody reads as a whole is as
/// many objects as it has elements (Herlihy & Wing 1990, locality), each of them a bit. All
/// else is searched.
pub(in crate::check) struct SetSubject {
    part: Part<SetOp>,
    elements: u32,
    model: Set,
    /// The operations on each element, where nobody reads the whole set but the operations
    /// do more than add.
    by_element: Option<ByElement>,
}

/// Positions of operations by what element they are about.
struct ByElement {
    /// By element, then by beginnings.
    positions: Vec<u32>,
    /// Where each element's operations stand in `positions`.
    ranges: Vec<Range<u32>>,
}

impl ByElement {
    /// Sorts the operations by element, none of which may be about the whole set.
    fn of(operations: &[Timed<SetOp>], elements: u32) -> Self {
        let mut ranges: Vec<Range<u32>> = vec![0..0; elements as usize];
        let element = |timed: &Timed<SetOp>| timed.op.element().map(|element| element as usize);
        for element in operations.iter().filter_map(element) {
            ranges[element].end += 1;
        }
        let mut start = 0;
        for range in &mut ranges {
            let count = range.end;
            *range = start..start;
            start += count;
        }
        let mut positions = vec![0; operations.len()];
        for (position, timed) in (0..).zip(operations) {
            if let Some(element) = element(timed) {
                positions[ranges[element].end as usize] = position;
                ranges[element].end += 1;
            }
        }
        Self { positions, ranges }
    }

    fn elements(&self) -> impl Iterator<Item = &[u32]> {
        self.ranges.iter().map(|range| &self.positions[range.start as usize..range.end as usize])
    }
}

/// The functions by their handles.
struct Functions {
    add: Option<Name>,
    remove: Option<Name>,
    contains: Option<Name>,
    read: Option<Name>,
}

/// The different sets that were read, and the numbers of the elements.
#[derive(Default)]
struct Sets {
    numbers: Numbers,
    ids: FxHashMap<Value, SetId>,
    model: Set,
}

impl Sets {
    /// The set that a read returned, where nothing is the empty set; none if it is no list
    /// or if the sets together are too large.
    fn id(&mut self, read: Recorded<'_>) -> Option<SetId> {
        if let Some(id) = self.ids.get(&read.result) {
            return Some(*id);
        }
        let found: &[Value] = match read.result() {
            View::List(found) => found,
            View::Null => &[],
            _ => return None,
        };
        let mut set: Vec<u32> = found.iter().map(|element| self.numbers.number(*element)).collect();
        set.sort_unstable();
        // However often a system lists it, an element is in a set or is not.
        set.dedup();
        let start = u32::try_from(self.model.arena.len()).ok()?;
        self.model.arena.append(&mut set);
        let end = u32::try_from(self.model.arena.len()).ok()?;
        let id = SetId(self.model.sets.len() as u32);
        self.model.sets.push(start..end);
        self.ids.insert(read.result, id);
        Some(id)
    }

    /// What an operation that did not fail does; nothing if it is a read nobody received.
    fn op(
        &mut self,
        functions: &Functions,
        id: OperationId,
        recorded: Recorded<'_>,
        model: ModelName,
    ) -> Result<Option<SetOp>, Unread> {
        let f = Some(recorded.f);
        let received = recorded.outcome == Outcome::Ok;
        if f == functions.read {
            let set = || {
                let expected = "a list or null, of fewer than 2^32 elements together";
                self.id(recorded).ok_or_else(|| Misshapen::new(id, recorded, expected))
            };
            return Ok(received.then(set).transpose()?.map(SetOp::Read));
        }
        let found = match recorded.result() {
            View::Bool(found) if received => Some(found),
            _ => None,
        };
        if f == functions.contains {
            if !received {
                return Ok(None);
            }
            let found = found.ok_or_else(|| Misshapen::new(id, recorded, "true or false"))?;
            return Ok(Some(SetOp::Contains(self.numbers.number(recorded.argument), found)));
        }
        // An element that is itself true or false may be echoed.
        let changed = found.filter(|_| recorded.result != recorded.argument);
        if f != functions.add && f != functions.remove {
            return Err(CheckError::unknown_function(id, recorded, model).into());
        }
        let element = self.numbers.number(recorded.argument);
        Ok(Some(match (f == functions.add, changed) {
            (true, None) => SetOp::Put(element),
            (true, Some(true)) => SetOp::Adds(element),
            (true, Some(false)) => SetOp::Contains(element, true),
            (false, None) => SetOp::Drop(element),
            (false, Some(true)) => SetOp::Removes(element),
            (false, Some(false)) => SetOp::Contains(element, false),
        }))
    }
}

impl SetSubject {
    fn only_grows(&self) -> bool {
        let grows = |timed: &Timed<SetOp>| matches!(timed.op, SetOp::Put(_) | SetOp::Read(_));
        self.part.operations.iter().all(grows)
    }

    fn decide_growing(&self) -> Decision {
        let growing = |timed: &Timed<SetOp>| {
            let op = match timed.op {
                SetOp::Put(element) => GrowSetOp::Add(element),
                SetOp::Read(set) => GrowSetOp::Read(set),
                _ => return None,
            };
            Some(Timed { op, invoked: timed.invoked, returned: timed.returned })
        };
        let operations: Option<Vec<Timed<GrowSetOp>>> =
            self.part.operations.iter().map(growing).collect();
        match operations {
            Some(operations) => grow_set::decide(&GrowSetHistory {
                operations: &operations,
                sets: &self.model.sets,
                arena: &self.model.arena,
                elements: self.elements,
            }),
            None => Decision::NotApplicable("the set is read as a whole and does not only grow"),
        }
    }

    /// Decides elements one after another, each as a bit.
    fn decide_bits(&self, by_element: &ByElement) -> Decision {
        let mut order = Vec::with_capacity(self.part.operations.len());
        let mut silent = false;
        for positions in by_element.elements() {
            let at = |position: &u32| bit_operation(&self.part.operations[*position as usize]);
            let Some(bits) = positions.iter().map(at).collect::<Option<Vec<_>>>() else {
                silent = true;
                continue;
            };
            match bit::linearize(&bits, BitState::Clear) {
                Decision::Linearizable(bits) => {
                    order.extend(bits.into_iter().map(|index| positions[index as usize]));
                }
                Decision::Violation(conflict) => {
                    let named = conflict.operations.iter().map(|index| positions[*index as usize]);
                    return Decision::Violation(Conflict::new(conflict.kind, named));
                }
                refusal @ Decision::NotApplicable(_) => return refusal,
            }
        }
        if silent {
            return Decision::NotApplicable("adds or removes do not say whether they did anything");
        }
        Decision::Linearizable(order)
    }

    /// The operations as if each element had its own time, one after another.
    ///
    /// Elements of which nobody reads more than one at a time are independent objects, and
    /// order in time binds only within each. So moving them apart keeps a history without a
    /// linearization so, and one with.
    fn one_by_one(&self, by_element: &ByElement) -> Vec<Timed<SetOp>> {
        let mut apart = self.part.operations.clone();
        let mut next = 0;
        let mut moments: Vec<u32> = Vec::new();
        for positions in by_element.elements() {
            let of_element = || positions.iter().map(|position| *position as usize);
            moments.clear();
            moments.extend(of_element().flat_map(|at| [apart[at].invoked, apart[at].returned]));
            moments.sort_unstable();
            moments.dedup();
            let moved = |moment: u32| match moment {
                NEVER => NEVER,
                moment => next + moments.partition_point(|earlier| *earlier < moment) as u32,
            };
            for at in of_element() {
                apart[at].invoked = moved(apart[at].invoked);
                apart[at].returned = moved(apart[at].returned);
            }
            next += moments.len() as u32;
        }
        apart
    }
}

/// An operation on one element as one on a bit; nothing if it ended without saying whether it
/// changed anything.
///
/// An add that may have happened or not is taken for one that changes the bit if it happens
/// at all. Nothing is lost: one that changed nothing can be left out, as nobody knows that it
/// happened, and what is left is legal as it was.
fn bit_operation(timed: &Timed<SetOp>) -> Option<Timed<BitOp>> {
    let op = match timed.op {
        SetOp::Adds(_) => BitOp::Set,
        SetOp::Removes(_) => BitOp::Clear,
        SetOp::Put(_) if timed.returned == NEVER => BitOp::Set,
        SetOp::Drop(_) if timed.returned == NEVER => BitOp::Clear,
        SetOp::Contains(_, true) => BitOp::IsSet,
        SetOp::Contains(_, false) => BitOp::IsClear,
        SetOp::Put(_) | SetOp::Drop(_) | SetOp::Read(_) => return None,
    };
    Some(Timed { op, invoked: timed.invoked, returned: timed.returned })
}

impl Subject for SetSubject {
    type Model = Set;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let find = |f| history.names.find(f);
        let functions = Functions {
            add: find("add"),
            remove: find("remove"),
            contains: find("contains"),
            read: find("read"),
        };
        let mut part = Part::with_room_for(object);
        let mut sets = Sets::default();
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail {
                continue;
            }
            part.take(id, recorded, sets.op(&functions, id, recorded, model))?;
        }
        let elements = sets.numbers.count();
        let mut subject =
            Self { part: part.sorted()?, elements, model: sets.model, by_element: None };
        if subject.model.sets.is_empty() && !subject.only_grows() {
            subject.model.elements = Elements::OneByOne;
            subject.by_element = Some(ByElement::of(&subject.part.operations, elements));
        }
        Ok(subject)
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        match self.by_element {
            Some(_) => "set-elements",
            None => "grow-set",
        }
    }

    fn decide(&self) -> Decision {
        match &self.by_element {
            Some(by_element) => self.decide_bits(by_element),
            None => self.decide_growing(),
        }
    }

    fn model(&self) -> &Set {
        &self.model
    }

    fn operations(&self) -> Vec<Timed<SetOp>> {
        match &self.by_element {
            Some(by_element) => self.one_by_one(by_element),
            None => self.part.operations.clone(),
        }
    }

    fn reduce(&self, operations: &[Timed<SetOp>], budget: &Budget<'_>) -> Option<Vec<u32>> {
        let Some(by_element) = &self.by_element else {
            return Some(minimal(&self.model, operations, budget)?.operations);
        };
        // What contradicts itself does so on one element.
        let one = Set::default();
        by_element.elements().find_map(|positions| {
            let of_element: Vec<Timed<SetOp>> =
                positions.iter().map(|position| operations[*position as usize]).collect();
            let few = minimal(&one, &of_element, budget)?.operations;
            Some(few.into_iter().map(|index| positions[index as usize]).collect())
        })
    }
}
