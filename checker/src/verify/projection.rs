//! A counterexample about a few elements of a collection.
//!
//! *Claim.* Let E be some elements, and let S hold every operation that adds or removes one
//! of them, and any others. If the history has a linearization L, then L restricted to S is
//! legal once everything is restricted to E: reads of all elements return only those in E.
//! *Proof.* Lists, sets, queues and bags restricted to E are the same kind of collection on
//! the elements of E, and operations on other elements do nothing to them. What leaves in
//! the order it came still does among fewer; what was empty still is. ∎
//!
//! An element that is returned but that no operation of the object can have added may be in
//! E without any operation in S adding it. A crashed dequeue takes nobody knows what, maybe
//! an element of E: as many of them as there are operations named, which are no fewer than
//! the enqueues among them, are put into S by the verifier, to be used or left out: those
//! that began first. More are of no use, and later ones can do nothing that earlier ones
//! cannot, as none of them ends.
//!
//! *Claim.* Let E be some elements of a queue or a bag, and let S hold every enqueue of one of
//! them, and any of their dequeues, but nothing that found the queue empty. If the history
//! has a linearization, then restricted to S it is legal for a bag. *Proof.* In it each
//! dequeue has an enqueue of its element before it that no other dequeue has. ∎

use rustc_hash::FxHashSet;

use super::Flaw;
use super::chosen::{Chosen, member, taking_part};
use super::enumerate::no_order;
use super::objects::Object;
use super::rules::{
    Discipline, ElementDeed, Elements, List, ListDeed, Queue, QueueDeed, Rules, Taken,
};
use crate::history::{History, Value};
use crate::verdict::OperationId;

/// A model whose states are collections of elements.
pub(super) trait Collection: Rules {
    /// The element that an operation adds or removes, or may.
    fn changes(&self, deed: &Self::Deed) -> Option<Value>;

    /// The elements that a read of all of them returned.
    fn returned<'a>(&self, deed: &'a Self::Deed) -> &'a [Value];

    /// The operation as it is to those who see only these elements; `None` if they do not
    /// see it.
    fn restrict(&self, deed: Self::Deed, elements: &FxHashSet<Value>) -> Option<Self::Deed>;

    /// Whether nobody knows which element the operation removes.
    fn takes_unknown(&self, _deed: &Self::Deed) -> bool {
        false
    }

    /// Completes what the rules read off the operations one by one.
    ///
    /// # Errors
    /// Operations for which the rules are not exact.
    fn complete(&self, _deeds: &mut [(OperationId, Self::Deed)]) -> Result<(), Flaw> {
        Ok(())
    }
}

/// Checks that the operations named contradict each other.
pub(super) fn verify<C: Collection>(
    rules: &C,
    history: &History,
    object: &Object<'_>,
    named: &[OperationId],
) -> Result<(), Flaw> {
    let mut chosen = Chosen::read(rules, history, object, named)?;
    let whole = taking_part(rules, history, object)?;
    let mut elements: FxHashSet<Value> =
        chosen.operations.iter().filter_map(|(_, deed)| rules.changes(deed)).collect();
    let changed: FxHashSet<Value> =
        whole.iter().filter_map(|(_, deed)| rules.changes(deed)).collect();
    for (_, deed) in &chosen.operations {
        elements.extend(rules.returned(deed).iter().filter(|element| !changed.contains(*element)));
    }
    let outside = whole.iter().find(|(id, deed)| {
        rules.changes(deed).is_some_and(|element| elements.contains(&element)) && !chosen.has(*id)
    });
    if let Some(&(source_operation, _)) = outside {
        let operation = named.first().copied().unwrap_or(source_operation);
        return Err(Flaw::NotClosed { operation, source_operation });
    }
    let takes_unknown = |(id, deed): &&(_, _)| rules.takes_unknown(deed) && !chosen.has(*id);
    let mut unknown: Vec<_> = whole.iter().filter(takes_unknown).cloned().collect();
    unknown.sort_by_key(|(id, _)| history.get(*id).invoked.position());
    let useful = chosen.operations.len();
    chosen.operations.extend(unknown.into_iter().take(useful));
    rules.complete(&mut chosen.operations)?;
    let members: Vec<_> = chosen
        .operations
        .into_iter()
        .filter_map(|(id, deed)| Some(member(history, id, rules.restrict(deed, &elements)?)))
        .collect();
    no_order(rules, &members, [rules.initial()])
}

/// Checks that too few enqueues came before the dequeues named, whatever else was dequeued.
pub(super) fn verify_taken(
    history: &History,
    object: &Object<'_>,
    named: &[OperationId],
) -> Result<(), Flaw> {
    let rules = Queue { discipline: Discipline::Bag };
    let chosen = Chosen::read(&rules, history, object, named)?;
    let dequeued: FxHashSet<Value> = chosen
        .operations
        .iter()
        .filter_map(|(_, deed)| match deed {
            QueueDeed::Dequeue(element) => Some(*element),
            _ => None,
        })
        .collect();
    for (source_operation, deed) in taking_part(&rules, history, object)? {
        let QueueDeed::Enqueue { element, .. } = deed else { continue };
        if dequeued.contains(&element) && !chosen.has(source_operation) {
            return Err(Flaw::NotClosed { operation: named[0], source_operation });
        }
    }
    let members: Vec<_> = chosen
        .operations
        .into_iter()
        .filter(|(_, deed)| matches!(deed, QueueDeed::Enqueue { .. } | QueueDeed::Dequeue(_)))
        .map(|(id, deed)| member(history, id, deed))
        .collect();
    no_order(&rules, &members, [rules.initial()])
}

impl<'h> Collection for List<'h> {
    fn changes(&self, deed: &ListDeed<'h>) -> Option<Value> {
        match deed {
            ListDeed::Append(element) => Some(*element),
            ListDeed::Read { .. } | ListDeed::ReadAmongOthers(_) => None,
        }
    }

    fn returned<'a>(&self, deed: &'a ListDeed<'h>) -> &'a [Value] {
        match deed {
            ListDeed::Append(_) => &[],
            ListDeed::Read { elements, .. } => elements,
            ListDeed::ReadAmongOthers(elements) => elements,
        }
    }

    fn restrict(&self, deed: ListDeed<'h>, elements: &FxHashSet<Value>) -> Option<ListDeed<'h>> {
        let kept = |found: &[Value]| {
            found.iter().copied().filter(|element| elements.contains(element)).collect()
        };
        match deed {
            ListDeed::Append(_) => Some(deed),
            ListDeed::Read { elements, .. } => Some(ListDeed::ReadAmongOthers(kept(elements))),
            ListDeed::ReadAmongOthers(found) => Some(ListDeed::ReadAmongOthers(kept(&found))),
        }
    }
}

impl Collection for Elements {
    fn changes(&self, deed: &ElementDeed) -> Option<Value> {
        match deed {
            ElementDeed::Adds(element)
            | ElementDeed::Removes(element)
            | ElementDeed::Put(element)
            | ElementDeed::Drop(element) => Some(*element),
            ElementDeed::Contains(..) | ElementDeed::Read(_) => None,
        }
    }

    fn returned<'a>(&self, deed: &'a ElementDeed) -> &'a [Value] {
        match deed {
            ElementDeed::Read(elements) => elements,
            ElementDeed::Contains(element, true) => std::slice::from_ref(element),
            _ => &[],
        }
    }

    fn restrict(&self, deed: ElementDeed, elements: &FxHashSet<Value>) -> Option<ElementDeed> {
        match deed {
            ElementDeed::Contains(element, _) if !elements.contains(&element) => None,
            ElementDeed::Read(mut found) => {
                found.retain(|element| elements.contains(element));
                Some(ElementDeed::Read(found))
            }
            deed => Some(deed),
        }
    }
}

impl Collection for Queue {
    fn changes(&self, deed: &QueueDeed) -> Option<Value> {
        match *deed {
            QueueDeed::Enqueue { element, .. } | QueueDeed::Dequeue(element) => Some(element),
            QueueDeed::Empty | QueueDeed::DequeueUnknown => None,
        }
    }

    fn returned<'a>(&self, _deed: &'a QueueDeed) -> &'a [Value] {
        &[]
    }

    fn restrict(&self, deed: QueueDeed, _elements: &FxHashSet<Value>) -> Option<QueueDeed> {
        Some(deed)
    }

    fn takes_unknown(&self, deed: &QueueDeed) -> bool {
        *deed == QueueDeed::DequeueUnknown
    }

    fn complete(&self, deeds: &mut [(OperationId, QueueDeed)]) -> Result<(), Flaw> {
        if self.discipline == Discipline::Fifo {
            return Ok(());
        }
        let dequeued: FxHashSet<Value> = deeds
            .iter()
            .filter_map(|(_, deed)| match deed {
                QueueDeed::Dequeue(element) => Some(*element),
                _ => None,
            })
            .collect();
        let mut enqueued = FxHashSet::default();
        for (id, deed) in deeds {
            let QueueDeed::Enqueue { element, taken } = deed else { continue };
            if !enqueued.insert(*element) {
                return Err(Flaw::EnqueuedTwice(*id));
            }
            if !dequeued.contains(element) {
                *taken = Taken::ByNobodyKnown;
            }
        }
        Ok(())
    }
}
