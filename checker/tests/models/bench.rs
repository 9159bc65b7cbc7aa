//! What the tests of all families share: small histories as JSON values, brute force by the
//! definition, and certificates spoilt in every way.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::num::NonZeroU32;

use serde_json::Value;
use squall_checker::certificate::Certificate;
use squall_checker::history::{History, Moment, Operation, Outcome};
use squall_checker::model::ModelName;
use squall_checker::placement::all_but_one;
use squall_checker::verdict::{Conclusion, Contradiction, Counterexample, OperationId, Verdict};
use squall_checker::{Budget, CheckOptions, check, verify};

/// Characters an explanation may have, however large the counterexample.
const EXPLANATION_CHARACTERS: usize = 300;

/// A small generator of pseudo-random numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// An operation of a small history.
#[derive(Clone, Debug)]
pub(crate) struct Small {
    pub(crate) f: &'static str,
    pub(crate) argument: Value,
    /// Null unless it ended with success.
    pub(crate) result: Value,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<&'static str>,
    pub(crate) begin: u32,
    /// When it completed, however; not before `begin`.
    pub(crate) end: u32,
}

impl Small {
    fn precedes(&self, other: &Self) -> bool {
        self.outcome != Outcome::Info && self.end < other.begin
    }
}

/// Whether an operation has a place in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
    Absent,
}

/// When operations begin, happen and end: the shape of a small history.
///
/// Operations are by beginnings; `effects` lists them in the order in which they happen.
pub(crate) fn shape(random: &mut Random, most: usize) -> (Vec<(u32, u32)>, Vec<usize>) {
    let count = if random.percent(10) { 1 } else { 3 + random.below(most - 2) };
    let length = random.pick(&[1, 3, 6, 12]);
    let spread = random.pick(&[1, 2, 3]) * count;
    let mut spans: Vec<(u32, u32, usize)> = (0..count)
        .map(|_| {
            let begin = 1 + random.below(spread);
            let end = begin + random.below(length);
            let effect = begin + random.below(end - begin + 1);
            (begin as u32, end as u32, effect)
        })
        .collect();
    spans.sort_unstable();
    let mut effects: Vec<usize> = (0..count).collect();
    effects.sort_by_key(|index| spans[*index].2);
    (spans.into_iter().map(|(begin, end, _)| (begin, end)).collect(), effects)
}

/// A family of models with its specification.
pub(crate) struct Family<'a, State> {
    pub(crate) model: ModelName,
    pub(crate) generate: &'a dyn Fn(&mut Random) -> Vec<Small>,
    pub(crate) initial: State,
    /// The states an operation may lead to; none if it cannot happen.
    pub(crate) step: &'a dyn Fn(&State, &Small) -> Vec<State>,
    pub(crate) presence: &'a dyn Fn(&Small) -> Presence,
    /// Whether operations that contradict each other show this, by the definition of the
    /// kind; asked of kinds other than the one claimed.
    pub(crate) shows: &'a dyn Fn(Contradiction, &[Small]) -> bool,
}

/// How many histories came out how.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) linearizable: u32,
    pub(crate) violations: u32,
    pub(crate) searched: u32,
    pub(crate) orders_refused: u32,
    pub(crate) orders_still_right: u32,
    pub(crate) counterexamples_refused: u32,
    pub(crate) kinds: Vec<(Contradiction, u32)>,
}

/// Every kind that a counterexample might be said to have.
const KINDS: [Contradiction; 20] = [
    Contradiction::NeverWritten,
    Contradiction::ReadBeforeWrite,
    Contradiction::ValueReturned,
    Contradiction::ReplacedTwice,
    Contradiction::DivergentReads,
    Contradiction::RepeatedElement,
    Contradiction::OutOfOrder,
    Contradiction::CountTooHigh,
    Contradiction::CountTooLow,
    Contradiction::DuplicateId,
    Contradiction::MissingId,
    Contradiction::DequeuedTwice,
    Contradiction::NeverEnqueued,
    Contradiction::DequeuedBeforeEnqueue,
    Contradiction::Overtaken,
    Contradiction::EmptyNotEmpty,
    Contradiction::HeldTwice,
    Contradiction::NotHeld,
    Contradiction::G0,
    Contradiction::LostUpdate,
];

impl<State: Clone + Eq + Hash + Debug> Family<'_, State> {
    /// Judges random histories; panics on the first that is judged wrongly.
    pub(crate) fn run(&self, histories: u64, seed: u64) -> Tally {
        let mut tally = Tally::default();
        for number in 0..histories {
            let mut random = Random::new(seed << 32 | number);
            let operations = (self.generate)(&mut random);
            let history = as_history(&operations);
            let options = CheckOptions { model: Some(self.model), ..CheckOptions::default() };
            let analysis = check(&history, &options).expect("operations of the model");
            let certificate = Certificate::of(&analysis);
            let verified = verify(&history, &certificate);
            assert!(verified.is_ok(), "{verified:?}: {certificate:#?} of {operations:#?}");
            let legal = self.is_linearizable(&operations);
            let expected = if legal { Verdict::Linearizable } else { Verdict::Violation };
            assert_eq!(analysis.verdict, expected, "{analysis:#?} of {operations:#?}");
            tally.searched += u32::from(analysis.keys[0].procedure == "search");
            let spoiling = Spoiling { operations: &operations, history: &history, certificate };
            match &analysis.keys[0].conclusion {
                Conclusion::Linearizable { order } => {
                    tally.linearizable += 1;
                    self.spoil_order(&spoiling, order, &mut random, &mut tally);
                    self.condemn(&spoiling, &mut random);
                }
                Conclusion::Violation(counterexample) => {
                    tally.violations += 1;
                    let by_search = analysis.keys[0].procedure == "search";
                    self.spoil_counterexample(&spoiling, counterexample, by_search, &mut tally);
                    self.place(&spoiling, counterexample);
                }
                Conclusion::Unknown { reason } => panic!("{reason}: {operations:#?}"),
            }
        }
        tally
    }

    fn taking_part<'a>(&self, operations: &'a [Small]) -> Vec<(&'a Small, Presence)> {
        operations
            .iter()
            .map(|operation| (operation, (self.presence)(operation)))
            .filter(|(_, presence)| *presence != Presence::Absent)
            .collect()
    }

    /// Whether any order of any choice of the optional operations is legal.
    fn is_linearizable(&self, operations: &[Small]) -> bool {
        let members = self.taking_part(operations);
        let required = members.iter().enumerate().fold(0, |required: u64, (index, member)| {
            required | u64::from(member.1 == Presence::Required) << index
        });
        let mut seen: HashSet<(u64, State)> = HashSet::new();
        let mut pending = vec![(0, self.initial.clone())];
        while let Some((placed, state)) = pending.pop() {
            if placed & required == required {
                return true;
            }
            if !seen.insert((placed, state.clone())) {
                continue;
            }
            for (index, (operation, _)) in members.iter().enumerate() {
                let is_placed = |other: usize| placed >> other & 1 == 1;
                let late = (0..members.len())
                    .any(|other| !is_placed(other) && members[other].0.precedes(operation));
                if !is_placed(index) && !late {
                    let next = (self.step)(&state, operation).into_iter();
                    pending.extend(next.map(|state| (placed | 1 << index, state)));
                }
            }
        }
        false
    }

    /// All operations of a counterexample but one, if they are said to fit an order, do.
    fn place(&self, spoiling: &Spoiling<'_>, counterexample: &Counterexample) {
        let (history, budget) = (spoiling.history, Budget::default());
        let Some(placement) = all_but_one(history, self.model, counterexample, &budget) else {
            return;
        };
        let of = |ids: &[OperationId]| -> Vec<Small> {
            ids.iter().map(|id| spoiling.operations[id.0 as usize].clone()).collect()
        };
        let all = &counterexample.operations;
        assert!(!self.is_linearizable(&of(all)), "{placement:?} of {:#?}", of(all));
        let rest: Vec<OperationId> =
            all.iter().copied().filter(|id| *id != placement.left_out).collect();
        let place = |id| rest.iter().position(|other| *other == id).expect("one of the rest");
        let order: Vec<OperationId> =
            placement.order.iter().map(|placed| OperationId(place(placed.id) as u32)).collect();
        assert!(self.is_linearization(&of(&rest), &order), "{placement:?} of {:#?}", of(all));
    }

    /// Whether an order is a linearization: the definition, pair by pair.
    fn is_linearization(&self, operations: &[Small], order: &[OperationId]) -> bool {
        let presence = |operation: &Small| (self.presence)(operation);
        let mut states = vec![self.initial.clone()];
        for (place, id) in order.iter().enumerate() {
            let Some(operation) = operations.get(id.0 as usize) else { return false };
            let earlier = &order[..place];
            let late = |other: &OperationId| operation.precedes(&operations[other.0 as usize]);
            if earlier.contains(id)
                || presence(operation) == Presence::Absent
                || earlier.iter().any(late)
            {
                return false;
            }
            states = states.iter().flat_map(|state| (self.step)(state, operation)).collect();
        }
        let complete = operations.iter().zip(0..).all(|(operation, id)| {
            presence(operation) != Presence::Required || order.contains(&OperationId(id))
        });
        complete && !states.is_empty()
    }

    /// Drops, repeats, moves and replaces operations of an order: refused unless still right.
    fn spoil_order(
        &self,
        spoiling: &Spoiling<'_>,
        order: &[OperationId],
        random: &mut Random,
        tally: &mut Tally,
    ) {
        assert!(self.is_linearization(spoiling.operations, order));
        for spoilt in spoilt_orders(order, spoiling.operations.len(), random) {
            let right = self.is_linearization(spoiling.operations, &spoilt);
            let accepted =
                spoiling.accepts(Conclusion::Linearizable { order: spoilt.clone() }).is_ok();
            assert_eq!(accepted, right, "{spoilt:?} of {:#?}", spoiling.operations);
            *(if right { &mut tally.orders_still_right } else { &mut tally.orders_refused }) += 1;
        }
    }

    /// Says of a linearizable history that some of its operations contradict each other.
    fn condemn(&self, spoiling: &Spoiling<'_>, random: &mut Random) {
        for kind in [random.pick(&KINDS), random.pick(&KINDS), Contradiction::NoOrder] {
            let share = random.pick(&[20, 50, 90]);
            let all = (0..spoiling.operations.len() as u32).map(OperationId);
            let some: Vec<OperationId> = all.filter(|_| random.percent(share)).collect();
            let accepted = spoiling.accepts(violation(kind, some.clone()));
            assert!(accepted.is_err(), "{kind} {some:?} of {:#?}", spoiling.operations);
        }
    }

    /// Drops each operation of a counterexample, and gives it every other kind: refused
    /// unless it shows that.
    fn spoil_counterexample(
        &self,
        spoiling: &Spoiling<'_>,
        right: &Counterexample,
        by_search: bool,
        tally: &mut Tally,
    ) {
        let length = right.explanation.chars().count();
        assert!((10..=EXPLANATION_CHARACTERS).contains(&length), "{}", right.explanation);
        match tally.kinds.iter_mut().find(|(kind, _)| *kind == right.kind) {
            Some((_, count)) => *count += 1,
            None => tally.kinds.push((right.kind, 1)),
        }
        let small = |id: &OperationId| spoiling.operations[id.0 as usize].clone();
        for id in &right.operations {
            let fewer: Vec<OperationId> =
                right.operations.iter().copied().filter(|other| other != id).collect();
            let accepted = spoiling.accepts(violation(right.kind, fewer.clone())).is_ok();
            // A search shows the beginning of the history, in which some updates may be of
            // no use.
            let may_go = by_search && small(id).f != "read";
            assert!(!accepted || may_go, "{fewer:?} of {right:#?} of {:#?}", spoiling.operations);
            tally.counterexamples_refused += u32::from(!accepted);
        }
        let members: Vec<Small> = right.operations.iter().map(small).collect();
        for kind in KINDS.into_iter().filter(|kind| *kind != right.kind) {
            let accepted = spoiling.accepts(violation(kind, right.operations.clone())).is_ok();
            let shown = (self.shows)(kind, &members);
            assert!(!accepted || shown, "{kind} for {right:#?} of {:#?}", spoiling.operations);
            tally.counterexamples_refused += u32::from(!accepted);
        }
    }
}

/// A certificate to be spoilt, with what it is about.
struct Spoiling<'a> {
    operations: &'a [Small],
    history: &'a History,
    certificate: Certificate,
}

impl Spoiling<'_> {
    fn accepts(&self, conclusion: Conclusion) -> Result<(), squall_checker::VerifyError> {
        let mut certificate = self.certificate.clone();
        certificate.verdict = conclusion.verdict();
        certificate.keys[0].conclusion = conclusion;
        verify(self.history, &certificate).map(drop)
    }
}

fn violation(kind: Contradiction, operations: Vec<OperationId>) -> Conclusion {
    let explanation = String::new();
    Conclusion::Violation(Counterexample { kind, operations, explanation, edges: Vec::new() })
}

fn spoilt_orders(
    order: &[OperationId],
    operations: usize,
    random: &mut Random,
) -> Vec<Vec<OperationId>> {
    let mut foreign = order.to_vec();
    foreign.push(OperationId(operations as u32));
    let mut spoilt = vec![order.iter().rev().copied().collect(), foreign];
    let mut added = order.to_vec();
    added.insert(random.below(order.len() + 1), OperationId(random.below(operations) as u32));
    spoilt.push(added);
    if order.is_empty() {
        return spoilt;
    }
    let (place, other) = (random.below(order.len()), random.below(order.len()));
    let mut swapped = order.to_vec();
    swapped.swap(place, other);
    let mut dropped = order.to_vec();
    dropped.remove(place);
    let mut moved = dropped.clone();
    moved.insert(other.min(moved.len()), order[place]);
    let mut replaced = order.to_vec();
    replaced[place] = OperationId(random.below(operations) as u32);
    spoilt.extend([swapped, dropped, moved, replaced]);
    spoilt
}

/// The history as the checker gets it, of one object without a key.
pub(crate) fn as_history(operations: &[Small]) -> History {
    let moment = |position: u32| {
        let time_ns = u64::from(position) * 1_000_000;
        Moment::new(NonZeroU32::new(position).expect("positions count from 1"), time_ns)
    };
    let mut history = History::default();
    for (process, small) in (0..).zip(operations) {
        let History { names, values, .. } = &mut history;
        let operation = Operation {
            process,
            node: Some(names.intern(&format!("n{}", process % 3 + 1))),
            f: names.intern(small.f),
            key: None,
            argument: values.intern(&small.argument),
            result: values.intern(&small.result),
            outcome: small.outcome,
            invoked: moment(small.begin),
            completed: Some(moment(small.end)),
            error: small.error.map(|error| names.intern(error)),
            revision: None,
        };
        history.operations.push(operation);
    }
    history
}

/// How an operation ends: mostly well.
pub(crate) fn outcome(random: &mut Random) -> Outcome {
    match random.below(10) {
        0 | 1 => Outcome::Info,
        2 => Outcome::Fail,
        _ => Outcome::Ok,
    }
}

/// What is said of a history that violates its model, as its kind and a sentence.
pub(crate) fn said(model: ModelName, lines: &[&str]) -> String {
    let text = lines.join("\n");
    let history = squall_checker::history::read_jsonl(text.as_bytes()).expect("a history");
    let options = CheckOptions { model: Some(model), ..CheckOptions::default() };
    let analysis = check(&history, &options).expect("operations of the model");
    let Conclusion::Violation(counterexample) = &analysis.keys[0].conclusion else {
        panic!("{analysis:#?}");
    };
    verify(&history, &Certificate::of(&analysis)).expect("a proof");
    format!("{}: {}", counterexample.kind, counterexample.explanation)
}
