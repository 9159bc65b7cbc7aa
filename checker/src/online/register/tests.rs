//! The register monitor against all orders of small histories, against search on larger
//! ones, and in the long run.

use super::*;
use crate::check::Budget;
use crate::cross_check::{Random, brute_force};
use crate::model::{Register, RegisterOp, ValueId};
use crate::online::judged::{Cut, JudgedOnline, Recorded, simulate};
use crate::online::{Slot, Watched};
use crate::search::{Searched, search};
use crate::timed::Timed;

type Call = RegisterCall<ValueId>;
type Reply = RegisterReply<ValueId>;
type RegisterRecord = Recorded<Call, Reply>;
type RegisterCut = Cut<Call, Reply>;

/// The states after an operation whose reply may be unknown.
fn step(state: &ValueId, (call, reply): &(Call, Option<Reply>)) -> Vec<ValueId> {
    let next = match (*call, *reply) {
        (_, Some(RegisterReply::Found(value))) => (value == *state).then_some(*state),
        (RegisterCall::Read, _) => Some(*state),
        (RegisterCall::Write(value), _) => Some(value),
        (RegisterCall::Cas { expected, new }, _) => (expected == *state).then_some(new),
    };
    next.into_iter().collect()
}

fn legal_in_some_order(operations: &[RegisterCut]) -> bool {
    brute_force(operations, &ValueId::INITIAL, &step)
}

/// What to make of the workings of a simulated register.
#[derive(Clone, Copy)]
struct Mix {
    cas: u32,
    /// In percent: replies made up, and values written again.
    lies: u32,
    again: u32,
}

fn history(random: &mut Random, count: u32, indeterminate: u32, mix: Mix) -> Vec<RegisterRecord> {
    let mut state = ValueId::INITIAL;
    let mut fresh = 0;
    simulate(random, count, indeterminate, &mut |random, _| {
        let any = |random: &mut Random| ValueId(random.below(fresh + 1));
        let lost = random.chance(5);
        let lie = random.chance(mix.lies);
        if random.chance(45) {
            let value = if lie { any(random) } else { state };
            return (RegisterCall::Read, Some(RegisterReply::Found(value)));
        }
        let known = any(random);
        let new = if random.chance(mix.again) { known } else { ValueId(fresh + 1) };
        let expected = if random.chance(70) { state } else { any(random) };
        fresh = fresh.max(new.0);
        let call = match random.chance(mix.cas) {
            true => RegisterCall::Cas { expected, new },
            false => RegisterCall::Write(new),
        };
        if lost {
            return (call, lie.then_some(RegisterReply::Done));
        }
        if matches!(call, RegisterCall::Cas { .. }) && expected != state {
            let refused = random.chance(50).then_some(RegisterReply::Found(state));
            return (call, if lie { Some(RegisterReply::Done) } else { refused });
        }
        state = new;
        (call, if lie && random.chance(30) { None } else { Some(RegisterReply::Done) })
    })
}

fn small(random: &mut Random) -> Vec<RegisterRecord> {
    let mix = Mix {
        cas: random.pick(&[0, 30, 70]),
        lies: random.pick(&[5, 20, 40]),
        again: random.pick(&[0, 0, 20]),
    };
    let count = 2 + random.below(7);
    let indeterminate = random.pick(&[0, 15, 30]);
    history(random, count, indeterminate, mix)
}

const FAULTS: &[&str] = &[
    "online register: a failed write stays possible",
    "online register: a chain is never passed",
    "online register: replaced twice",
    "online register: a chain forgets its links",
    "online register: forgotten too early",
    "online register: ties precede",
    "online register: the horizon is ignored",
    "online register: the keeper is forgotten",
];

#[test]
fn the_first_event_without_legal_order_is_found() {
    let judged = JudgedOnline {
        generate: &small,
        monitor: &|| RegisterMonitor::forgetting_after(0, ValueId::INITIAL),
        legal: &legal_in_some_order,
    };
    let tally = judged.run(120_000, 1).unwrap();
    assert!(tally.linearizable > 15_000, "{tally:?}");
    assert!(tally.violations > 15_000, "{tally:?}");
    assert!(tally.with_indeterminate > 20_000, "{tally:?}");
    assert!(tally.not_applicable < 20_000, "{tally:?}");
    assert_eq!(judged.survivors(FAULTS, 60_000, 2), Vec::<&str>::new());
}

fn legal_by_search(operations: &[RegisterCut]) -> bool {
    let operation = |cut: &RegisterCut| {
        let op = match cut.op {
            (_, Some(RegisterReply::Found(value))) => RegisterOp::Read(value),
            (RegisterCall::Read, _) => return None,
            (RegisterCall::Write(value), _) => RegisterOp::Write(value),
            (RegisterCall::Cas { expected, new }, _) => RegisterOp::Cas { expected, new },
        };
        Some(Timed { op, invoked: cut.invoked, returned: cut.returned })
    };
    let operations: Vec<_> = operations.iter().filter_map(operation).collect();
    let budget = Budget::default();
    match search(&Register, &operations, &budget) {
        Searched::Linearizable(_) => true,
        Searched::Violation { .. } => false,
        Searched::Exhausted(progress) => panic!("too large a history: {progress:?}"),
    }
}

fn mid_size(random: &mut Random) -> Vec<RegisterRecord> {
    let cas = random.pick(&[0, 20, 60, 95]);
    let count = 20 + random.below(60);
    let mix = Mix { cas, lies: random.pick(&[0, 1, 3]), again: random.pick(&[0, 0, 5]) };
    let indeterminate = random.pick(&[0, 5]);
    history(random, count, indeterminate, mix)
}

#[test]
fn it_agrees_with_search_on_larger_histories() {
    for slack in [0, 3, SLACK] {
        let judged = JudgedOnline {
            generate: &mid_size,
            monitor: &|| RegisterMonitor::forgetting_after(slack, ValueId::INITIAL),
            legal: &legal_by_search,
        };
        let tally = judged.run(2_000, 3).unwrap();
        assert!(tally.linearizable > 300 && tally.violations > 300, "{slack}: {tally:?}");
    }
}

/// A client of the endless run: idle, before its effect, or after it.
enum Client {
    Idle,
    Sent(Slot, Call),
    Done(Slot, Reply),
}

/// Runs `events` steps of 30 clients and returns the most values ever alive, not counting
/// indeterminate writes.
fn endless(events: u32, crashes: u32) -> usize {
    let mut random = Random::new(7);
    let mut watched = Watched::new(RegisterMonitor::new(ValueId::INITIAL));
    let mut clients: Vec<Client> = (0..30).map(|_| Client::Idle).collect();
    let (mut state, mut fresh, mut operations, mut crashed) = (ValueId::INITIAL, 0, 0, 0);
    let mut most = 0;
    for position in 1..=events {
        let client = random.below(30) as usize;
        clients[client] = match std::mem::replace(&mut clients[client], Client::Idle) {
            Client::Idle => {
                let call = match random.below(10) {
                    0..5 => RegisterCall::Read,
                    kind => {
                        fresh += 1;
                        let new = ValueId(fresh);
                        match kind {
                            5..8 => RegisterCall::Write(new),
                            _ => RegisterCall::Cas { expected: state, new },
                        }
                    }
                };
                operations += 1;
                let id = OperationId(operations);
                Client::Sent(watched.invoke(id, call, position).unwrap(), call)
            }
            Client::Sent(slot, call) => {
                let reply = match call {
                    RegisterCall::Cas { expected, .. } if expected != state => {
                        RegisterReply::Found(state)
                    }
                    RegisterCall::Write(new) | RegisterCall::Cas { new, .. } => {
                        state = new;
                        RegisterReply::Done
                    }
                    RegisterCall::Read => RegisterReply::Found(state),
                };
                Client::Done(slot, reply)
            }
            Client::Done(slot, reply) => {
                let crashes = random.below(1000) < crashes;
                crashed += usize::from(crashes);
                let completion = if crashes { Completion::Info } else { Completion::Ok(reply) };
                watched.complete(slot, completion, position).unwrap();
                Client::Idle
            }
        };
        most = most.max(watched.monitor().alive().saturating_sub(crashed));
    }
    most
}

#[test]
fn memory_does_not_grow_with_the_history() {
    let short = endless(20_000, 0);
    let long = endless(600_000, 0);
    assert!(long < 300, "{short}, {long}");
    assert!(endless(300_000, 50) < 300);
}
