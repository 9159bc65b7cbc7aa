//! What every family is judged on: small histories, a brute force, spoilt certificates.
//!
//! The brute force works on what is recorded, by the rules a test states, and shares no code
//! with the crate.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::num::NonZeroU32;

use serde_json::Value as Json;
use squall_checker::certificate::Certificate;
use squall_checker::history::{History, Moment, Operation, Outcome};
use squall_checker::model::ModelName;
use squall_checker::placement::all_but_one;
use squall_checker::verdict::{Conclusion, Contradiction, Counterexample, OperationId, Verdict};
use squall_checker::{Budget, CheckOptions, check, verify};

/// A small generator of numbers (xorshift64*), so that a seed is a history for ever.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (self.next() % u64::from(bound)) as u32
    }

    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u32) as usize]
    }
}

/// An operation as it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Small {
    pub(crate) process: u64,
    pub(crate) f: &'static str,
    pub(crate) argument: Json,
    pub(crate) result: Json,
    pub(crate) outcome: Outcome,
    pub(crate) begin: u32,
    pub(crate) end: u32,
}

impl Small {
    /// Where it ends, if it does.
    fn ended(&self) -> Option<u32> {
        (self.outcome != Outcome::Info).then_some(self.end)
    }
}

/// A history of `count` operations on a few sequential processes, each done by `happen` at a
/// random point between its beginning and its end, in the order of these points; by beginnings.
///
/// `happen` gets process and outcome, and says function, argument and result.
pub(crate) fn play(
    random: &mut Random,
    count: u32,
    mut happen: impl FnMut(&mut Random, u64, Outcome) -> (&'static str, Json, Json),
) -> Vec<Small> {
    let mut free = vec![1; 1 + random.below(4) as usize];
    let longest = 1 + random.below(count + 2);
    let lost = random.below(40);
    // Processes retire when they do not know what became of an operation.
    let mut retired = free.len() as u64;
    let mut processes: Vec<u64> = (0..retired).collect();
    let mut planned: Vec<(u32, u32, Small)> = Vec::new();
    for _ in 0..count {
        let worker = random.below(free.len() as u32) as usize;
        let begin = free[worker] + random.below(3);
        let end = begin + random.below(longest);
        free[worker] = end + 1;
        let outcome = match random.below(100) {
            0..4 => Outcome::Fail,
            percent if percent < 4 + lost => Outcome::Info,
            _ => Outcome::Ok,
        };
        let process = processes[worker];
        if outcome == Outcome::Info {
            processes[worker] = retired;
            retired += 1;
        }
        let small =
            Small { process, f: "", argument: Json::Null, result: Json::Null, outcome, begin, end };
        planned.push((begin + random.below(end - begin + 1), random.below(1 << 20), small));
    }
    planned.sort_by_key(|(point, tie, _)| (*point, *tie));
    let mut played: Vec<Small> = planned
        .into_iter()
        .map(|(_, _, small)| {
            let (f, argument, result) = happen(random, small.process, small.outcome);
            let result = if small.outcome == Outcome::Info { Json::Null } else { result };
            Small { f, argument, result, ..small }
        })
        .collect();
    played.sort_by_key(|small| small.begin);
    played
}

/// The history as a checker gets it.
pub(crate) fn recorded(operations: &[Small]) -> History {
    let moment = |position: u32| {
        let at = NonZeroU32::new(position).expect("positions begin with 1");
        Moment::new(at, u64::from(position) * 1_000_000)
    };
    let mut history = History::default();
    for small in operations {
        let History { names, values, .. } = &mut history;
        let operation = Operation {
            process: small.process,
            node: Some(names.intern(&format!("n{}", small.process % 3 + 1))),
            f: names.intern(small.f),
            key: Some(names.intern("k")),
            argument: values.intern(&small.argument),
            result: values.intern(&small.result),
            outcome: small.outcome,
            invoked: moment(small.begin),
            completed: small.ended().map(moment),
            error: (small.outcome != Outcome::Ok).then(|| names.intern("unreachable")),
            revision: None,
        };
        history.operations.push(operation);
    }
    history
}

/// The rules of a model as a test states them.
pub(crate) struct Rules<'a, State> {
    pub(crate) model: ModelName,
    pub(crate) initial: State,
    /// The states that may follow; none if the operation cannot happen.
    pub(crate) step: &'a dyn Fn(&State, &Small) -> Vec<State>,
    /// Whether an operation takes part that is not known to have happened.
    pub(crate) takes_part: &'a dyn Fn(&Small) -> bool,
    /// Kinds of contradiction that no counterexample of the model is of.
    pub(crate) foreign: &'a [Contradiction],
}

/// How many histories ended how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) linearizable: u32,
    pub(crate) violations: u32,
    pub(crate) searched: u32,
    pub(crate) spoilt: u32,
}

impl<State: Clone + Eq + Hash> Rules<'_, State> {
    /// Judges one history and its certificate.
    pub(crate) fn judge(&self, random: &mut Random, operations: &[Small], tally: &mut Tally) {
        let history = recorded(operations);
        let options = CheckOptions { model: Some(self.model), ..CheckOptions::default() };
        let analysis = check(&history, &options).expect("operations of the model");
        let legal = self.is_legal(operations);
        let expected = if legal { Verdict::Linearizable } else { Verdict::Violation };
        assert_eq!(analysis.verdict, expected, "{analysis:#?} of {operations:#?}");
        let certificate = Certificate::of(&analysis);
        let verified = verify(&history, &certificate);
        assert!(verified.is_ok(), "{verified:?} of {analysis:#?} of {operations:#?}");
        tally.searched += u32::from(analysis.keys[0].procedure == "search");
        match &analysis.keys[0].conclusion {
            Conclusion::Linearizable { order } => {
                tally.linearizable += 1;
                self.spoil_order(random, operations, &history, &certificate, order, tally);
            }
            Conclusion::Violation(found) => {
                tally.violations += 1;
                assert!(found.explanation.chars().count() <= 300, "{}", found.explanation);
                self.place(operations, &history, found);
                for kind in self.foreign {
                    let mut spoilt = certificate.clone();
                    counterexample(&mut spoilt).kind = *kind;
                    assert!(verify(&history, &spoilt).is_err(), "{kind} {found:?}");
                }
                for place in 0..found.operations.len() {
                    let mut spoilt = certificate.clone();
                    counterexample(&mut spoilt).operations.remove(place);
                    let verified = verify(&history, &spoilt);
                    // Of what a search found, fewer may still suffice.
                    if verified.is_ok() && found.kind == Contradiction::NoOrder {
                        continue;
                    }
                    assert!(verified.is_err(), "{place} of {found:?} of {operations:#?}");
                    tally.spoilt += 1;
                }
            }
            Conclusion::Unknown { reason } => panic!("{reason}: {operations:#?}"),
        }
    }

    /// All operations of a counterexample but one, if they are said to fit an order, do.
    fn place(&self, operations: &[Small], history: &History, found: &Counterexample) {
        let budget = Budget::default();
        let Some(placement) = all_but_one(history, self.model, found, &budget) else { return };
        let of = |ids: &[OperationId]| -> Vec<Small> {
            ids.iter().map(|id| operations[id.0 as usize].clone()).collect()
        };
        let all = of(&found.operations);
        assert!(!self.is_legal(&all), "{placement:?} of {all:#?}");
        let rest: Vec<OperationId> =
            found.operations.iter().copied().filter(|id| *id != placement.left_out).collect();
        let place = |id| rest.iter().position(|other| *other == id).expect("one of the rest");
        let order: Vec<u32> =
            placement.order.iter().map(|placed| place(placed.id) as u32).collect();
        assert!(self.is_linearization(&of(&rest), &order), "{placement:?} of {all:#?}");
    }

    /// The verifier must refuse what is no linearization, and only that.
    fn spoil_order(
        &self,
        random: &mut Random,
        operations: &[Small],
        history: &History,
        certificate: &Certificate,
        order: &[OperationId],
        tally: &mut Tally,
    ) {
        for _ in 0..4 {
            let mut order: Vec<u32> = order.iter().map(|id| id.0).collect();
            let place = |random: &mut Random, length: usize| random.below(length as u32) as usize;
            match random.below(4) {
                0 if !order.is_empty() => {
                    order.remove(place(random, order.len()));
                }
                1 if !order.is_empty() => {
                    let again = *random.pick(&order);
                    order.insert(place(random, order.len() + 1), again);
                }
                2 if order.len() > 1 => {
                    let (one, other) = (place(random, order.len()), place(random, order.len()));
                    order.swap(one, other);
                }
                _ if !order.is_empty() => {
                    let replaced = place(random, order.len());
                    order[replaced] = random.below(operations.len() as u32);
                }
                _ => {}
            }
            let mut spoilt = certificate.clone();
            spoilt.keys[0].conclusion = Conclusion::Linearizable {
                order: order.iter().copied().map(OperationId).collect(),
            };
            let right = self.is_linearization(operations, &order);
            let verified = verify(history, &spoilt);
            assert_eq!(verified.is_ok(), right, "{verified:?}: {order:?} of {operations:#?}");
            tally.spoilt += u32::from(!right);
        }
    }

    fn counts(&self, small: &Small) -> bool {
        match small.outcome {
            Outcome::Ok => true,
            Outcome::Fail => false,
            Outcome::Info => (self.takes_part)(small),
        }
    }

    fn is_linearization(&self, operations: &[Small], order: &[u32]) -> bool {
        let mut seen = HashSet::new();
        // The elements of a set that nobody reads as a whole are objects of their own.
        let parted = self.model == ModelName::Set
            && !operations.iter().any(|small| small.f == "read" && small.outcome == Outcome::Ok);
        let part = |small: &Small| if parted { small.argument.to_string() } else { String::new() };
        let mut latests: HashMap<String, u32> = HashMap::new();
        let mut states = vec![self.initial.clone()];
        for &index in order {
            let small = &operations[index as usize];
            let latest = latests.entry(part(small)).or_default();
            let in_time = small.ended().is_none_or(|end| end >= *latest);
            if !seen.insert(index) || !self.counts(small) || !in_time {
                return false;
            }
            *latest = small.begin.max(*latest);
            let next: HashSet<State> =
                states.iter().flat_map(|state| (self.step)(state, small)).collect();
            states = next.into_iter().collect();
        }
        let missing = (0..)
            .zip(operations)
            .any(|(index, small)| small.outcome == Outcome::Ok && !seen.contains(&index));
        !missing && !states.is_empty()
    }

    /// Whether any order is legal, by trying all.
    fn is_legal(&self, operations: &[Small]) -> bool {
        let taking_part: Vec<&Small> =
            operations.iter().filter(|small| self.counts(small)).collect();
        let mut seen = HashSet::new();
        self.has_order(&taking_part, 0, &self.initial, &mut seen)
    }

    fn has_order(
        &self,
        operations: &[&Small],
        taken: u32,
        state: &State,
        seen: &mut HashSet<(u32, State)>,
    ) -> bool {
        let left = || (0..operations.len()).filter(|index| taken >> index & 1 == 0);
        let Some(deadline) = left().filter_map(|index| operations[index].ended()).min() else {
            return true;
        };
        seen.insert((taken, state.clone()))
            && left().filter(|&index| operations[index].begin <= deadline).any(|index| {
                let next = (self.step)(state, operations[index]);
                next.iter().any(|next| self.has_order(operations, taken | 1 << index, next, seen))
            })
    }
}

fn counterexample(certificate: &mut Certificate) -> &mut Counterexample {
    match &mut certificate.keys[0].conclusion {
        Conclusion::Violation(counterexample) => counterexample,
        other => panic!("no counterexample but {other:?}"),
    }
}

/// Kind, operations and sentence of the contradiction in a history without a linearization.
///
/// The operations are separated by commas, each `process f argument result begin end`, values
/// as JSON without spaces, an indeterminate one ending at `-`.
pub(crate) fn told(model: ModelName, operations: &'static str) -> String {
    let operations: Vec<Small> = operations.split(", ").map(small).collect();
    let options = CheckOptions { model: Some(model), ..CheckOptions::default() };
    let history = recorded(&operations);
    let analysis = check(&history, &options).expect("operations of the model");
    let verified = verify(&history, &Certificate::of(&analysis));
    assert!(verified.is_ok(), "{verified:?} of {analysis:?}");
    let Conclusion::Violation(found) = &analysis.keys[0].conclusion else {
        panic!("no violation: {analysis:?}")
    };
    let ids: Vec<u32> = found.operations.iter().map(|id| id.0).collect();
    format!("{} {ids:?}: {}\n", found.kind, found.explanation)
}

fn small(line: &'static str) -> Small {
    let words: Vec<&'static str> = line.split(' ').collect();
    let &[process, f, argument, result, begin, end] = &words[..] else { panic!("{line}") };
    let json = |text: &str| text.parse::<Json>().expect("a value");
    Small {
        process: process.parse().expect("a process"),
        f,
        argument: json(argument),
        result: json(result),
        outcome: if end == "-" { Outcome::Info } else { Outcome::Ok },
        begin: begin.parse().expect("a position"),
        end: end.parse().unwrap_or(0),
    }
}
