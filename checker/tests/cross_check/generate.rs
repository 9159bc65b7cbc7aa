//! Small random histories, a good part of them without a linearization.

use std::num::NonZeroU32;

use serde_json::{Value, json};
use squall_checker::history::{History, Moment, Operation, Outcome};
use squall_checker::model::{RegisterOp, ValueId};
use squall_checker::search::{NEVER, Timed};

use crate::oracle::{Deed, Ending, Small};

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

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What values a history writes, and by which functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Unique,
    Repeated,
    WithCas,
}

/// A history of up to `most` operations: played on a real register at random points within
/// the operations, then spoilt here and there.
pub(crate) fn history(random: &mut Random, values: Values, most: u64) -> Vec<Small> {
    // Long ones more often: short ones seldom contradict themselves.
    let count = 1 + random.below(most).max(random.below(most));
    let spoilt_percent = if random.percent(25) { 0 } else { 45 };
    // Fewer positions than events make ties.
    let positions = if random.percent(30) { count + 2 } else { 4 * count };
    let mut plan: Vec<(u64, u64, u64)> = (0..count)
        .map(|_| {
            let begin = 1 + random.below(positions);
            let end = begin + random.below(1 + positions / 6);
            (begin + random.below(end - begin + 1), begin, end)
        })
        .collect();
    plan.sort_unstable();
    let mut state = 0;
    let mut next_value = 0;
    let mut operations: Vec<Small> = plan
        .into_iter()
        .map(|(_, begin, end)| {
            let value = match values {
                Values::Unique => {
                    next_value += 1;
                    next_value
                }
                Values::Repeated | Values::WithCas => random.below(4) as u32,
            };
            play(random, values, value, &mut state, (begin, end))
        })
        .collect();
    for index in 0..operations.len() {
        if random.percent(spoilt_percent) {
            spoil(random, &mut operations, index);
        }
    }
    operations.sort_by_key(|operation| operation.begin);
    operations
}

fn play(
    random: &mut Random,
    values: Values,
    value: u32,
    state: &mut u32,
    (begin, end): (u64, u64),
) -> Small {
    let mut ending = match random.below(100) {
        0..14 => Ending::Never,
        14..21 => Ending::Fail(end),
        _ => Ending::Ok(end),
    };
    let took_effect = match ending {
        Ending::Ok(_) => true,
        Ending::Fail(_) => false,
        Ending::Never => random.percent(50),
    };
    let deed = match random.below(if values == Values::WithCas { 3 } else { 2 }) {
        0 => Deed::Read(*state),
        1 => {
            if took_effect {
                *state = value;
            }
            Deed::Write(value)
        }
        _ => {
            let expected = if random.percent(70) { *state } else { random.below(4) as u32 };
            if expected != *state {
                ending = Ending::Fail(end);
            } else if took_effect {
                *state = value;
            }
            Deed::Cas(expected, value)
        }
    };
    Small { deed, begin, ending }
}

fn spoil(random: &mut Random, operations: &mut [Small], index: usize) {
    let other = operations[random.below(operations.len() as u64) as usize];
    let victim = &mut operations[index];
    match &mut victim.deed {
        Deed::Read(value) if random.percent(85) => {
            *value = match other.deed {
                Deed::Read(value) | Deed::Write(value) | Deed::Cas(_, value) => value,
            };
        }
        Deed::Read(value) => *value = 77,
        Deed::Write(_) | Deed::Cas(..) => match &mut victim.ending {
            Ending::Ok(end) | Ending::Fail(end) => *end = victim.begin,
            Ending::Never => victim.begin += 3,
        },
    }
}

/// The history as a checker gets it, under the key `k`.
pub(crate) fn as_history(operations: &[Small]) -> History {
    let moment = |time: u64| {
        let position = u32::try_from(time + 1).ok().and_then(NonZeroU32::new);
        Moment::new(position.expect("a small history"), time * 1000)
    };
    let mut history = History::default();
    for (process, small) in (0..).zip(operations) {
        let ok = matches!(small.ending, Ending::Ok(_));
        let (f, argument, result) = match small.deed {
            Deed::Read(value) => ("read", Value::Null, if ok { show(value) } else { Value::Null }),
            Deed::Write(value) => ("write", show(value), show(value)),
            Deed::Cas(expected, new) => ("cas", json!([show(expected), show(new)]), Value::Null),
        };
        let (outcome, completed) = match small.ending {
            Ending::Ok(end) => (Outcome::Ok, Some(end)),
            Ending::Fail(end) => (Outcome::Fail, Some(end)),
            Ending::Never => (Outcome::Info, None),
        };
        let History { names, values, .. } = &mut history;
        let operation = Operation {
            process,
            node: Some(names.intern(&format!("n{}", process % 3 + 1))),
            f: names.intern(f),
            key: Some(names.intern("k")),
            argument: values.intern(&argument),
            result: values.intern(&result),
            outcome,
            invoked: moment(small.begin),
            completed: completed.map(moment),
            // Without an error a failed compare-and-set would say what it did not find.
            error: (outcome == Outcome::Fail).then(|| names.intern("unreachable")),
            revision: None,
        };
        history.operations.push(operation);
    }
    history
}

fn show(value: u32) -> Value {
    if value == 0 { Value::Null } else { json!(value) }
}

/// The operations that count as the search takes them, and their positions in the history.
pub(crate) fn as_timed(operations: &[Small]) -> (Vec<Timed<RegisterOp>>, Vec<usize>) {
    let counting = operations.iter().enumerate().filter(|(_, small)| small.counts());
    counting
        .map(|(index, small)| {
            let op = match small.deed {
                Deed::Read(value) => RegisterOp::Read(ValueId(value)),
                Deed::Write(value) => RegisterOp::Write(ValueId(value)),
                Deed::Cas(expected, new) => {
                    RegisterOp::Cas { expected: ValueId(expected), new: ValueId(new) }
                }
            };
            let returned = match small.ending {
                Ending::Ok(end) | Ending::Fail(end) => end as u32,
                Ending::Never => NEVER,
            };
            (Timed { op, invoked: small.begin as u32, returned }, index)
        })
        .unzip()
}
