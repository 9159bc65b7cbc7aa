//! Compare-and-sets that failed: what a refusal says, against a brute force, from the events
//! of a history to the verified proof.

use std::collections::HashSet;

use serde_json::{Value, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::{Event, EventType, History, Process};
use squall_checker::verdict::{Conclusion, Verdict};
use squall_checker::{CheckOptions, check, verify};

/// What a client asked for and was told.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Read(u32),
    Write(u32),
    Swap(u32, u32),
    /// Not this value.
    Refused(u32),
    /// Not the first value, but the second.
    Found(u32, u32),
    /// Failed for another reason.
    Unreachable(u32, u32),
}

/// A deed between two events; without an end nobody knows whether it happened.
#[derive(Clone, Copy, Debug)]
struct Small {
    deed: Deed,
    begin: u64,
    end: Option<u64>,
}

impl Small {
    fn must_happen(&self) -> bool {
        self.end.is_some() && !matches!(self.deed, Deed::Unreachable(..))
    }
}

/// The state after a deed; 0 is the initial value.
fn step(state: u32, deed: Deed) -> Option<u32> {
    match deed {
        Deed::Read(value) => (state == value).then_some(state),
        Deed::Write(value) => Some(value),
        Deed::Swap(expected, new) => (state == expected).then_some(new),
        Deed::Refused(expected) => (state != expected).then_some(state),
        Deed::Found(_, found) => (state == found).then_some(state),
        Deed::Unreachable(..) => None,
    }
}

/// Whether any order is legal, by trying all.
fn is_legal(smalls: &[Small]) -> bool {
    fn go(smalls: &[Small], taken: u32, state: u32, seen: &mut HashSet<(u32, u32)>) -> bool {
        let open = |index: usize| taken >> index & 1 == 0;
        if (0..smalls.len()).all(|index| !open(index) || !smalls[index].must_happen()) {
            return true;
        }
        if !seen.insert((taken, state)) {
            return false;
        }
        let waits = |index: usize| {
            (0..smalls.len()).any(|other| {
                open(other)
                    && smalls[other].must_happen()
                    && smalls[other].end.is_some_and(|end| end < smalls[index].begin)
            })
        };
        (0..smalls.len()).filter(|&index| open(index) && !waits(index)).any(|index| {
            step(state, smalls[index].deed)
                .is_some_and(|next| go(smalls, taken | 1 << index, next, seen))
        })
    }
    go(smalls, 0, 0, &mut HashSet::new())
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// Two to seven operations, played against a register that now and then lies.
fn play(random: &mut Random) -> Vec<Small> {
    let (mut state, mut fresh) = (0, 1);
    let lies = [0, 10, 40][random.below(3) as usize];
    let repeats = random.below(2) == 0;
    let mut smalls = Vec::new();
    for place in 0..2 + random.below(6) {
        let begin = 2 * place + random.below(3);
        let some = random.below(u64::from(fresh)) as u32;
        let seen = if random.below(100) < lies { some } else { state };
        let new = if repeats && random.below(3) == 0 { 1 + some } else { fresh };
        fresh = fresh.max(new + 1);
        let mut end = Some(begin + random.below(6));
        let mut deed = match random.below(10) {
            0..4 => Deed::Read(seen),
            4..6 => Deed::Write(new),
            6..8 => Deed::Swap(seen, new),
            8 => Deed::Refused(if seen == some { some + 1 } else { some }),
            _ if seen != some => Deed::Found(some, seen),
            _ => Deed::Unreachable(seen, new),
        };
        if let Deed::Write(value) | Deed::Swap(_, value) = deed {
            let open = random.below(8) == 0;
            if open {
                end = None;
            }
            if !open || random.below(2) == 0 {
                state = value;
            }
        }
        if random.below(100) < lies
            && let Deed::Refused(value) = &mut deed
        {
            *value = state;
        }
        smalls.push(Small { deed, begin, end });
    }
    smalls
}

fn shown(value: u32) -> Value {
    if value == 0 { Value::Null } else { json!(value) }
}

/// The history in which the operations happened so; equal times are concurrent.
fn recorded(smalls: &[Small]) -> History {
    let mut events: Vec<(u64, u8, usize)> = Vec::new();
    for (index, small) in smalls.iter().enumerate() {
        events.push((small.begin, 0, index));
        events.extend(small.end.map(|end| (end, 1, index)));
    }
    events.sort_unstable();
    let events = events.into_iter().map(|(time, kind, index)| {
        let deed = smalls[index].deed;
        let (f, asked) = match deed {
            Deed::Read(_) => ("read", Value::Null),
            Deed::Write(value) => ("write", shown(value)),
            Deed::Swap(expected, new) | Deed::Unreachable(expected, new) => {
                ("cas", json!([shown(expected), shown(new)]))
            }
            Deed::Refused(expected) | Deed::Found(expected, _) => {
                ("cas", json!([shown(expected), 99]))
            }
        };
        let (ended, told, error) = match deed {
            Deed::Read(value) => (EventType::Ok, shown(value), None),
            Deed::Write(_) | Deed::Swap(..) => (EventType::Ok, asked.clone(), None),
            Deed::Refused(_) => (EventType::Fail, asked.clone(), None),
            Deed::Found(_, 0) => (EventType::Fail, asked.clone(), Some("mismatch")),
            Deed::Found(_, found) => (EventType::Fail, shown(found), Some("mismatch")),
            Deed::Unreachable(..) => (EventType::Fail, asked.clone(), Some("unreachable")),
        };
        Event {
            index: None,
            time,
            process: Process::Client(index as u64),
            node: None,
            kind: if kind == 0 { EventType::Invoke } else { ended },
            f: f.into(),
            key: None,
            value: if kind == 0 { asked } else { told },
            error: error.filter(|_| kind == 1).map(str::to_owned),
            revision: None,
            evidence: Value::Null,
        }
    });
    History::from_events(None, events).expect("a good history")
}

/// What the history says, which of a found initial value is only that it was not expected.
fn as_told(smalls: &[Small]) -> Vec<Small> {
    let told = |small: &Small| match small.deed {
        Deed::Found(expected, 0) => Small { deed: Deed::Refused(expected), ..*small },
        _ => *small,
    };
    smalls.iter().map(told).collect()
}

#[test]
fn what_refusals_say_is_judged_as_brute_force_judges_it() {
    let mut random = Random(0x5EED);
    let (mut legal, mut violated, mut telling) = (0, 0, 0);
    for _ in 0..60_000 {
        let smalls = play(&mut random);
        let history = recorded(&smalls);
        let truth = is_legal(&as_told(&smalls));
        let analysis = check(&history, &CheckOptions::default()).expect("a register");
        let expected = if truth { Verdict::Linearizable } else { Verdict::Violation };
        assert_eq!(analysis.verdict, expected, "{smalls:#?}");
        let certificate = Certificate::of(&analysis);
        if let Err(error) = verify(&history, &certificate) {
            panic!("{error:?}: {:#?} of {smalls:#?}", certificate.keys);
        }
        let without: Vec<Small> = smalls
            .iter()
            .filter(|small| !matches!(small.deed, Deed::Refused(_) | Deed::Found(..)))
            .copied()
            .collect();
        telling += u32::from(!truth && is_legal(&without));
        legal += u32::from(truth);
        violated += u32::from(!truth);
        if let Conclusion::Linearizable { order } = &analysis.keys[0].conclusion {
            refuses_without_one(&history, &certificate, order.len());
        }
    }
    assert!(legal > 20_000 && violated > 10_000, "{legal} legal, {violated} violated");
    assert!(telling > 500, "only {telling} violations that rest on a refusal");
}

/// An order that lacks an operation which certainly happened, or was refused, is none.
fn refuses_without_one(history: &History, certificate: &Certificate, count: usize) {
    for place in 0..count {
        let mut spoilt = certificate.clone();
        let Conclusion::Linearizable { order } = &mut spoilt.keys[0].conclusion else { continue };
        let id = order.remove(place);
        let open = history.get(id).completed.is_none();
        assert!(open || verify(history, &spoilt).is_err(), "{id:?} was dropped unnoticed");
    }
}
