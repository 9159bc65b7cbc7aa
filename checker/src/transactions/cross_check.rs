//! The procedures against a brute force over all serial orders, on small random histories.

use super::{ElementId, Judgement, KeyId, Objects, Outcome, Transactions, decide};
use crate::cross_check::{Judged, Random, Tally, brute_force, spans};
use crate::fault::with_planted;
use crate::procedure::Decision;
use crate::timed::{NEVER, Timed};

const KEYS: u32 = 3;

/// A transaction as the brute force takes it; one that failed has no end and no effect.
#[derive(Clone, Debug)]
struct Transaction {
    end: End,
    accesses: Vec<Micro>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ok,
    Info,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Micro {
    Write(usize, u32),
    Read(usize, Vec<u32>),
}

type State = [Vec<u32>; KEYS as usize];

/// What a history becomes after a transaction; none if it cannot happen.
fn step(objects: Objects, state: &State, transaction: &Transaction) -> Vec<State> {
    let mut state = state.clone();
    if transaction.end == End::Fail {
        return Vec::new();
    }
    for access in &transaction.accesses {
        match access {
            Micro::Write(key, element) => {
                if objects == Objects::Registers {
                    state[*key].clear();
                }
                state[*key].push(*element);
            }
            Micro::Read(key, list) if transaction.end == End::Ok && state[*key] != *list => {
                return Vec::new();
            }
            Micro::Read(..) => {}
        }
    }
    vec![state]
}

/// A legal run, which is then spoilt in four of five cases.
fn generate(objects: Objects, random: &mut Random) -> Vec<Timed<Transaction>> {
    let count = 2 + random.below(5);
    let keys = 1 + random.below(KEYS);
    let spans = spans(random, count);
    let mut elements = 0;
    let mut made: Vec<Timed<Transaction>> = spans
        .spans
        .iter()
        .map(|&(invoked, returned)| {
            let end = match random.below(100) {
                0..70 => End::Ok,
                70..88 => End::Info,
                _ => End::Fail,
            };
            let accesses = (0..=random.below(3))
                .map(|_| {
                    let key = random.below(keys) as usize;
                    if random.chance(50) {
                        elements += 1;
                        Micro::Write(key, elements - 1)
                    } else {
                        Micro::Read(key, Vec::new())
                    }
                })
                .collect();
            let returned = if end == End::Ok { returned } else { NEVER };
            Timed { op: Transaction { end, accesses }, invoked, returned }
        })
        .collect();
    let mut state = State::default();
    let mut seen: Vec<(usize, Vec<u32>)> = Vec::new();
    for &index in &spans.effects {
        let transaction = &mut made[index].op;
        if transaction.end == End::Fail || transaction.end == End::Info && random.chance(50) {
            continue;
        }
        for access in &mut transaction.accesses {
            match access {
                Micro::Write(key, element) => {
                    if objects == Objects::Registers {
                        state[*key].clear();
                    }
                    state[*key].push(*element);
                    seen.push((*key, state[*key].clone()));
                }
                Micro::Read(key, list) => list.clone_from(&state[*key]),
            }
        }
    }
    if random.chance(80) {
        spoil(objects, random, &mut made, &seen, elements);
    }
    made
}

/// A stale read, a lost, swapped or repeated element, one that failed, or a wrong time.
fn spoil(
    objects: Objects,
    random: &mut Random,
    made: &mut [Timed<Transaction>],
    seen: &[(usize, Vec<u32>)],
    elements: u32,
) {
    for _ in 0..=random.below(4) {
        let (one, other) = (random.below(made.len() as u32), random.below(made.len() as u32));
        if random.chance(20) {
            let (one, other) = (one as usize, other as usize);
            if made[one].op.end == End::Ok && made[other].op.end == End::Ok && one != other {
                let moved = made[one].op.clone();
                made[one].op = std::mem::replace(&mut made[other].op, moved);
            }
            continue;
        }
        let accesses = &mut made[one as usize].op.accesses;
        let at = random.below(accesses.len() as u32) as usize;
        let Micro::Read(key, list) = &mut accesses[at] else { continue };
        let past = seen.iter().filter(|(seen, _)| *seen == *key).count() as u32;
        match random.below(6) {
            0 | 1 if past > 0 => {
                let choice = random.below(past) as usize;
                let state = seen.iter().filter(|(seen, _)| *seen == *key).nth(choice);
                list.clone_from(&state.expect("it was counted").1);
            }
            2 => drop(list.pop()),
            3 if list.len() > 1 => {
                let from = random.below(list.len() as u32) as usize;
                let to = random.below(list.len() as u32) as usize;
                list.swap(from, to);
            }
            4 if elements > 0 => {
                if objects == Objects::Registers {
                    list.clear();
                }
                list.push(random.below(elements));
            }
            _ => list.clear(),
        }
    }
}

/// The history as the procedure takes it.
fn transactions(objects: Objects, history: &[Timed<Transaction>]) -> Transactions {
    let mut transactions = Transactions::new(objects);
    for timed in history {
        let outcome = match timed.op.end {
            End::Ok => Outcome::Ok { returned: timed.returned },
            End::Info => Outcome::Info,
            End::Fail => Outcome::Fail,
        };
        transactions.begin(timed.invoked, outcome);
        for access in &timed.op.accesses {
            match access {
                Micro::Write(key, element) => {
                    transactions.write(KeyId(*key as u32), ElementId(*element));
                }
                Micro::Read(key, list) => {
                    let list: Vec<ElementId> = list.iter().copied().map(ElementId).collect();
                    transactions.read(KeyId(*key as u32), &list);
                }
            }
        }
    }
    transactions
}

fn judged(run: impl Fn(&Judged<'_, Transaction, State>), objects: Objects) {
    run(&Judged {
        generate: &|random| generate(objects, random),
        decide: &|history| {
            let judgement = decide(&transactions(objects, history));
            // A wrong rule ends so, because neither orders nor cycles are believed unchecked.
            let open = matches!(judgement, Judgement::NotApplicable(_));
            assert!(!open || objects == Objects::Registers, "lists are always decided");
            Decision::from(judgement)
        },
        initial: State::default(),
        step: &|state, transaction| step(objects, state, transaction),
    });
}

#[test]
fn lists_agree_with_brute_force() {
    let check = |judged: &Judged<'_, Transaction, State>| {
        let tally = judged.run(120_000, 1).unwrap();
        let Tally { linearizable, violations, not_applicable, with_indeterminate } = tally;
        assert_eq!(not_applicable, 0, "lists with unique elements are always decided");
        assert!(linearizable > 30_000 && violations > 25_000 && with_indeterminate > 30_000);
    };
    judged(check, Objects::Lists);
}

#[test]
fn faults_in_the_rules_for_lists_are_caught() {
    let faults = [
        "transactions: missed writes forgotten",
        "transactions: real time off by one",
        "transactions: prefixes not compared",
        "transactions: indeterminate writes left out",
        "transactions: failed appends believed",
        "transactions: halves accepted",
        "transactions: own appends ignored",
    ];
    let check = |judged: &Judged<'_, Transaction, State>| {
        assert_eq!(judged.survivors(&faults, 20_000, 2), Vec::<&str>::new());
    };
    judged(check, Objects::Lists);
}

#[test]
fn registers_agree_with_brute_force_and_leave_little_open() {
    let check = |judged: &Judged<'_, Transaction, State>| {
        let tally = judged.run(120_000, 4).unwrap();
        let Tally { linearizable, violations, not_applicable, with_indeterminate } = tally;
        assert!(linearizable > 30_000 && violations > 25_000, "{tally:?}");
        assert!(not_applicable < 1_200 && with_indeterminate > 30_000, "{tally:?}");
    };
    judged(check, Objects::Registers);
}

#[test]
fn few_violations_of_registers_stay_open() {
    let mut random = Random::new(5);
    let (mut missed, mut legal, mut violations) = (0_u32, 0_u32, 0_u32);
    for _ in 0..40_000 {
        let history = generate(Objects::Registers, &mut random);
        match decide(&transactions(Objects::Registers, &history)) {
            Judgement::Serializable(_) => continue,
            Judgement::Violation(_) => violations += 1,
            Judgement::NotApplicable(_) => {
                let step =
                    |state: &State, each: &Transaction| step(Objects::Registers, state, each);
                let is_legal = brute_force(&history, &State::default(), &step);
                legal += u32::from(is_legal);
                missed += u32::from(!is_legal);
            }
        }
    }
    assert!(missed * 50 < violations, "{missed} of {violations}");
    assert!(legal < 400, "{legal}");
}

#[test]
fn faults_in_the_rules_for_registers_are_caught() {
    let faults = [
        "transactions: own writes forgotten",
        "transactions: halves accepted",
        "transactions: indeterminate writes left out",
        "transactions: real time off by one",
    ];
    let check = |judged: &Judged<'_, Transaction, State>| {
        let open = judged.run(20_000, 6).unwrap().not_applicable;
        for fault in faults {
            // No order and no cycle is believed unchecked, so a fault costs conclusions.
            let faulty = with_planted(fault, || judged.run(20_000, 6));
            assert!(faulty.is_err() || faulty.unwrap().not_applicable > open, "{fault} survived");
        }
    };
    judged(check, Objects::Registers);
}

/// What is left of the history if nobody may look at any transaction but those named: each
/// write of another that they read is on its own, at any time or never, and all else unknown.
fn weakened(history: &[Timed<Transaction>], named: &[u32]) -> Vec<Timed<Transaction>> {
    let accesses = named.iter().flat_map(|&index| &history[index as usize].op.accesses);
    let read: Vec<u32> = accesses
        .filter_map(|access| match access {
            Micro::Read(_, list) => Some(list),
            Micro::Write(..) => None,
        })
        .flatten()
        .copied()
        .collect();
    let mut weakened = Vec::new();
    for (index, timed) in (0..).zip(history) {
        if named.contains(&index) {
            weakened.push(timed.clone());
            continue;
        }
        let writes = timed.op.accesses.iter().filter(|access| match access {
            Micro::Write(_, element) => read.contains(element),
            Micro::Read(..) => false,
        });
        weakened.extend(writes.map(|write| Timed {
            op: Transaction { end: End::Info, accesses: vec![write.clone()] },
            invoked: 0,
            returned: NEVER,
        }));
    }
    weakened
}

#[test]
fn what_is_named_suffices_and_is_needed() {
    counterexamples(Objects::Lists);
}

#[test]
fn what_is_named_of_registers_suffices_and_is_needed() {
    counterexamples(Objects::Registers);
}

fn counterexamples(objects: Objects) {
    let mut random = Random::new(3);
    let (mut violations, mut minimal) = (0_u32, 0_u32);
    let mut kinds = std::collections::BTreeMap::new();
    for _ in 0..10_000 {
        let history = generate(objects, &mut random);
        let given = transactions(objects, &history);
        let Judgement::Violation(anomaly) = decide(&given) else { continue };
        violations += 1;
        *kinds.entry(anomaly.conflict.kind.to_string()).or_insert(0_u32) += 1;
        let named = &anomaly.conflict.operations;
        let legal = |named: &[u32]| {
            brute_force(&weakened(&history, named), &State::default(), &|state, transaction| {
                step(objects, state, transaction)
            })
        };
        assert!(!legal(named), "{anomaly:?} does not show it in {history:#?}");
        for (position, edge) in anomaly.edges.iter().enumerate() {
            let next = anomaly.edges[(position + 1) % anomaly.edges.len()];
            assert!(edge.to == next.from && named.contains(&edge.from), "{anomaly:?}");
        }
        let needed = (0..named.len()).all(|left_out| {
            let mut fewer = named.clone();
            fewer.remove(left_out);
            legal(&fewer)
        });
        minimal += u32::from(needed);
    }
    assert!(violations > 2_000 && minimal * 100 >= violations * 94, "{minimal} of {violations}");
    assert!(kinds.len() >= 8, "{kinds:?}");
}
