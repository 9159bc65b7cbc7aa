use std::fmt::Debug;

use super::*;
use crate::check::Budget;
use crate::cross_check::{Judged, Random, Spans, Tally, spans};
use crate::frontiers::tests::decision as breadth_first;
use crate::procedure::Decision;
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
    let forms: [&dyn Fn(&[Timed<M::Op>]) -> Decision; 2] = [&deep, &broad];
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

#[test]
fn transfers_agree_with_brute_force() {
    let mut balances: Vec<Box<[i64]>> = Vec::new();
    for first in 0..=4 {
        for second in 0..=4 - first {
            balances.push([first, second, 4 - first - second].into());
        }
    }
    let initial = Box::from([2, 2, 0]);
    let model = Bank { initial, overdraft: Overdraft::Refused, balances };
    let generate = |random: &mut Random| {
        let noise = random.pick(&[0, 15, 50]);
        play(
            random,
            [2, 2, 0],
            BankOp::Read(BalancesId(0)),
            |random, state: &mut [i64; 3]| {
                let (from, to) = (random.below(3), random.below(3));
                let amount = i64::from(1 + random.below(2));
                if random.chance(50) && state[from as usize] >= amount {
                    state[from as usize] -= amount;
                    state[to as usize] += amount;
                    return BankOp::Transfer { from, to, amount };
                }
                let known = model.balances.iter().position(|balances| **balances == *state);
                let seen = known.expect("all balances are there") as u32;
                let wrong = random.below(model.balances.len() as u32);
                BankOp::Read(BalancesId(if random.chance(noise) { wrong } else { seen }))
            },
            |_, op| matches!(op, BankOp::Transfer { .. }).then_some(op),
        )
    };
    let step = |state: &[i64; 3], op: &BankOp| match *op {
        BankOp::Read(seen) if *model.balances[seen.0 as usize] == *state => vec![*state],
        BankOp::Transfer { from, to, amount } if state[from as usize] >= amount => {
            let mut state = *state;
            state[from as usize] -= amount;
            state[to as usize] += amount;
            vec![state]
        }
        _ => vec![],
    };
    let faults = ["frontiers: used again and again"];
    agree(&model, &generate, [2, 2, 0], &step, &faults);
}
