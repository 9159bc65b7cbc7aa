use std::fmt::Debug;

use super::*;
use crate::check::Budget;
use crate::cross_check::{Judged, Random, Spans, Tally, spans};
use crate::frontiers::tests::decision as breadth_first;
use crate::procedure::Decision;
use crate::queue::{Discipline, QueueOp};
use crate::search::search;
use crate::search::tests::decision as depth_first;
use crate::timed::{NEVER, Timed};

/// Small spans filled by a run of the object: `play` makes an operation from the state and
/// says the next state; the operation may be cut off, whether it happened or not.
fn play<Op: Copy, State>(
    random: &mut Random,
    mut state: State,
    filler: Op,
    mut play: impl FnMut(&mut Random, &mut State) -> Op,
    undone: impl Fn(&mut Random, Op) -> Option<Op>,
) -> Vec<Timed<Op>>
where
    State: Clone,
{
    let count = 1 + random.below(8);
    let Spans { spans, effects } = spans(random, count);
    let mut operations: Vec<Timed<Op>> = spans
        .into_iter()
        .map(|(invoked, returned)| Timed { op: filler, invoked, returned })
        .collect();
    for index in effects {
        let before = state.clone();
        operations[index].op = play(random, &mut state);
        if random.chance(25)
            && let Some(op) = undone(random, operations[index].op)
        {
            operations[index].op = op;
            operations[index].returned = NEVER;
            if random.chance(40) {
                state = before;
            }
        }
    }
    operations
}

/// A form of search.
type Form<'a, Op> = &'a dyn Fn(&[Timed<Op>]) -> Decision;

/// Both forms of search agree with brute force over `step`.
fn agree<M, State>(
    model: &M,
    generate: &dyn Fn(&mut Random) -> Vec<Timed<M::Op>>,
    initial: State,
    step: &dyn Fn(&State, &M::Op) -> Vec<State>,
    faults: &[&'static str],
) where
    M: Model,
    M::Op: Clone + Debug,
    State: Clone + Eq + std::hash::Hash,
{
    let deep =
        |operations: &[Timed<M::Op>]| depth_first(search(model, operations, &Budget::default()));
    let broad = |operations: &[Timed<M::Op>]| breadth_first(model, operations);
    let forms: [Form<'_, M::Op>; 2] = [&deep, &broad];
    for decide in forms {
        let judged = Judged { generate, decide, initial: initial.clone(), step };
        let Tally { linearizable, violations, not_applicable, with_indeterminate } =
            judged.run(50_000, 3).unwrap_or_else(|disagreement| panic!("{disagreement}"));
        assert!(linearizable > 10_000 && violations > 3_000, "{linearizable} {violations}");
        assert!(with_indeterminate > 10_000 && not_applicable == 0, "{with_indeterminate}");
    }
    let judged = Judged { generate, decide: &broad, initial, step };
    assert_eq!(judged.survivors(faults, 50_000, 3), Vec::<&str>::new());
}

#[test]
fn appended_text_with_repeated_pieces_agrees_with_brute_force() {
    let mut texts: Vec<Box<str>> = vec!["".into()];
    for length in 1..=4 {
        for number in 0..1_u32 << length {
            let bit = |at: u32| if (number >> at) & 1 == 1 { 'b' } else { 'a' };
            texts.push((0..length).map(bit).collect::<String>().into());
        }
    }
    let model = TextRegister { texts };
    let find = |text: &str| {
        let place = model.texts.iter().position(|known| **known == *text);
        place.map(|place| TextId(place as u32))
    };
    let generate = |random: &mut Random| {
        let noise = random.pick(&[0, 15, 50]);
        play(
            random,
            String::new(),
            TextOp::Get(TextId(0)),
            |random, state| {
                let piece = random.below(2) + 1;
                match random.below(10) {
                    0..=3 if state.len() < 4 => {
                        state.push_str(&model.texts[piece as usize]);
                        TextOp::Append(TextId(piece))
                    }
                    4 => {
                        *state = model.texts[piece as usize].to_string();
                        TextOp::Put(TextId(piece))
                    }
                    _ if random.chance(noise) => {
                        TextOp::Get(TextId(random.below(model.texts.len() as u32)))
                    }
                    _ => TextOp::Get(find(state).expect("short texts are all there")),
                }
            },
            |_, op| (!matches!(op, TextOp::Get(_))).then_some(op),
        )
    };
    let step = |state: &String, op: &TextOp| match *op {
        TextOp::Get(text) if *model.texts[text.0 as usize] == **state => vec![state.clone()],
        TextOp::Get(_) => vec![],
        TextOp::Put(text) => vec![model.texts[text.0 as usize].to_string()],
        TextOp::Append(text) => vec![format!("{state}{}", model.texts[text.0 as usize])],
    };
    let faults = ["frontiers: need is asked of every model", "frontiers: a mask bit stays"];
    agree(&model, &generate, String::new(), &step, &faults);
}

/// Balances of three accounts, in any order, that add up to 4.
fn all_balances() -> Vec<Balances> {
    let mut balances = Vec::new();
    for first in -4..=8 {
        for second in -4..=8 {
            let third = 4 - first - second;
            balances.push([Some(first), Some(second), Some(third)].into());
        }
    }
    balances
}

fn transfers_agree(model: &Bank) {
    let generate = |random: &mut Random| {
        let noise = random.pick(&[0, 15, 50]);
        let noise = if model.initial.is_none() { noise.min(15) } else { noise };
        play(
            random,
            [2, 2, 0],
            BankOp::Read(BalancesId(0)),
            |random, state: &mut [i128; 3]| {
                let (from, to) = (random.below(3), random.below(3));
                let amount = i128::from(1 + random.below(2));
                if random.chance(50) && state[from as usize] >= amount {
                    state[from as usize] -= amount;
                    state[to as usize] += amount;
                    return BankOp::Transfer { from, to, amount };
                }
                let same = |balances: &Balances| **balances == state.map(Some);
                let known = model.balances.iter().position(same);
                let seen = known.expect("all balances are there") as u32;
                let wrong = random.below(model.balances.len() as u32);
                BankOp::Read(BalancesId(if random.chance(noise) { wrong } else { seen }))
            },
            |_, op| matches!(op, BankOp::Transfer { .. }).then_some(op),
        )
    };
    // Without a first state, the balances are relative to those that the first read tells.
    let step = |(state, known): &([i128; 3], Option<[i128; 3]>), op: &BankOp| match *op {
        BankOp::Read(seen) => {
            let balances = &model.balances[seen.0 as usize];
            let first = [0, 1, 2].map(|at| balances[at].expect("all accounts") - state[at]);
            match known {
                Some(known) if *known != first => vec![],
                _ => vec![(*state, Some(first))],
            }
        }
        BankOp::Transfer { from, to, amount } => {
            let mut state = *state;
            state[from as usize] -= amount;
            state[to as usize] += amount;
            vec![(state, *known)]
        }
    };
    let known = model.initial.as_ref().map(|_| [2, 2, 0]);
    let faults = ["frontiers: used again and again"];
    agree(model, &generate, ([0; 3], known), &step, &faults);
}

#[test]
fn transfers_agree_with_brute_force() {
    let initial = Some([Some(2), Some(2), Some(0)].into());
    transfers_agree(&Bank { accounts: 3, initial, balances: all_balances() });
}

#[test]
fn transfers_from_unknown_balances_agree_with_brute_force() {
    transfers_agree(&Bank { accounts: 3, initial: None, balances: all_balances() });
}

#[test]
fn an_account_that_a_read_does_not_have_holds_nothing() {
    let balances = vec![[Some(1), None].into(), [Some(1), Some(0)].into()];
    let model = Bank { accounts: 2, initial: None, balances };
    let read = |state: &BankState, id| model.step(state, &BankOp::Read(BalancesId(id)));
    let moved = model.step(&model.init(), &BankOp::Transfer { from: 1, to: 0, amount: 1 });
    assert_eq!(moved.and_then(|state| read(&state, 0)), None, "what moved must be somewhere");
    let first = read(&model.init(), 0).expect("any balances may be the first");
    assert!(read(&first, 0).is_some());
    assert_eq!(read(&first, 1), None, "no account appears");
}

fn queues_agree(discipline: Discipline) {
    let model = Queue { discipline };
    let any = discipline == Discipline::Bag;
    let generate = |random: &mut Random| {
        let noise = random.pick(&[0, 15, 50]);
        play(
            random,
            Vec::new(),
            QueueOp::Empty,
            |random, state: &mut Vec<u32>| {
                if random.chance(noise) {
                    let element = random.below(3);
                    return random.pick(&[QueueOp::Empty, QueueOp::Dequeue(element)]);
                }
                if random.chance(50) {
                    let element = random.below(3);
                    state.push(element);
                    return QueueOp::Enqueue(element);
                }
                if state.is_empty() {
                    return QueueOp::Empty;
                }
                let place = if any { random.below(state.len() as u32) } else { 0 };
                QueueOp::Dequeue(state.remove(place as usize))
            },
            |_, op| match op {
                QueueOp::Enqueue(_) => Some(op),
                QueueOp::Dequeue(_) => Some(QueueOp::DequeueUnknown),
                _ => None,
            },
        )
    };
    let take = |state: &[u32], which: &dyn Fn(u32) -> bool| -> Vec<Vec<u32>> {
        let places = if any { state.len() } else { state.len().min(1) };
        let places = (0..places).filter(|&place| which(state[place]));
        let without = |place: usize| {
            let mut rest = state.to_vec();
            rest.remove(place);
            rest
        };
        places.map(without).collect()
    };
    let step = |state: &Vec<u32>, op: &QueueOp| match *op {
        QueueOp::Enqueue(element) => {
            let mut state = state.clone();
            state.push(element);
            if any {
                state.sort_unstable();
            }
            vec![state]
        }
        QueueOp::Dequeue(element) => take(state, &|other| other == element),
        QueueOp::Empty if state.is_empty() => vec![vec![]],
        QueueOp::Empty => vec![],
        QueueOp::DequeueUnknown if state.is_empty() => vec![vec![]],
        QueueOp::DequeueUnknown => take(state, &|_| true),
    };
    let faults = ["frontiers: need is asked of every model"];
    agree(&model, &generate, Vec::new(), &step, &faults);
}

#[test]
fn queues_with_repeated_elements_agree_with_brute_force() {
    queues_agree(Discipline::FirstInFirstOut);
}

#[test]
fn bags_with_repeated_elements_agree_with_brute_force() {
    queues_agree(Discipline::Bag);
}

/// Two keys with three values: a range of entries finds or stores one key or both.
#[test]
fn operations_on_two_keys_agree_with_brute_force() {
    let mut entries = Vec::new();
    for first in 0..3 {
        for second in 0..3 {
            entries.extend([(0, ValueId(first)), (1, ValueId(second))]);
        }
    }
    let model = RegisterMap { keys: 2, entries };
    let range = |state: [u32; 2], keys: u32| {
        let start = 2 * (3 * state[0] + state[1]);
        match keys {
            0 => start..start + 1,
            1 => start + 1..start + 2,
            _ => start..start + 2,
        }
    };
    let generate = |random: &mut Random| {
        let noise = random.pick(&[0, 15, 50]);
        let mut ops = Vec::new();
        let timed = play(
            random,
            [0, 0],
            usize::MAX,
            |random, state: &mut [u32; 2]| {
                let wrong = [random.below(3), random.below(3)];
                let seen = if random.chance(noise) { wrong } else { *state };
                let finds = range(seen, random.below(3));
                let new = [random.below(3), random.below(3)];
                let keys = random.below(3);
                let stores = range(new, keys);
                let op = match random.below(4) {
                    0 => MapOp { finds, lacks: 0..0, stores: 0..0 },
                    1 => MapOp { finds: 0..0, lacks: 0..0, stores },
                    2 => MapOp { finds, lacks: 0..0, stores },
                    _ => MapOp { finds: 0..0, lacks: range(wrong, 0), stores: 0..0 },
                };
                if !op.stores.is_empty() {
                    for key in 0..2 {
                        state[key] =
                            if [key as u32, 2].contains(&keys) { new[key] } else { state[key] };
                    }
                }
                ops.push(op);
                ops.len() - 1
            },
            |_, op| Some(op),
        );
        let named = timed.into_iter().map(|Timed { op, invoked, returned }| Timed {
            op: ops[op].clone(),
            invoked,
            returned,
        });
        // Reads that never ended tell nothing.
        named.filter(|timed| timed.returned != NEVER || !timed.op.stores.is_empty()).collect()
    };
    let step = |state: &[u32; 2], op: &MapOp| {
        let entries = |range: &std::ops::Range<u32>| {
            range.clone().map(|index| model.entries[index as usize]).collect::<Vec<_>>()
        };
        let holds = |(key, value): &(u32, ValueId)| state[*key as usize] == value.0;
        if !entries(&op.finds).iter().all(holds) || entries(&op.lacks).iter().any(holds) {
            return vec![];
        }
        let mut state = *state;
        for (key, value) in entries(&op.stores) {
            state[key as usize] = value.0;
        }
        vec![state]
    };
    agree(&model, &generate, [0, 0], &step, &["frontiers: a mask bit stays"]);
}
