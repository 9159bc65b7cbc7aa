//! The tokens of a lock rise, so that whoever lost it without noticing can be told apart.
//!
//! Per key, every acquire that succeeded has a token of its own, greater than that of every
//! acquire that was acknowledged before it began (Kleppmann 2016, "How to do distributed
//! locking"). One sweep over beginnings and ends.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use squall_checker::history::{History, Name, Outcome, Values, View};
use squall_checker::verdict::OperationId;

use super::{DETAILS_MAX, Figures, Found, Judgement};
use crate::facts::Beside;
use crate::wording::{count, plural};

/// What was seen of the tokens of locks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FencingTokens {
    /// Acquires that came with a token.
    pub tokens: u64,
    /// Tokens that an earlier acquire of the key had too.
    pub repeated: u64,
    /// Tokens below that of an acquire that was acknowledged before.
    pub fell: u64,
    /// Acquires that succeeded without a token, or with one that is no whole number.
    pub not_understood: u64,
}

/// An acquire with its token.
#[derive(Clone, Copy)]
struct Acquire {
    id: OperationId,
    began: u32,
    ended: u32,
    token: i128,
}

pub(super) fn look(history: &History, beside: &[Beside]) -> Found {
    if !beside.contains(&Beside::FencingTokens) {
        return Found::nothing("The workload takes no locks with tokens.");
    }
    let mut figures = FencingTokens::default();
    let mut details = Vec::new();
    for (key, of_key) in acquires(history, &mut figures) {
        let key = key.map_or("-", |key| history.names.get(key));
        sweep(of_key, &mut figures, |told| {
            if details.len() < DETAILS_MAX {
                details.push(format!("lock {key}: {told}"));
            }
        });
    }
    let bad = figures.repeated + figures.fell > 0;
    let acquires = plural(figures.tokens, "acquire", "acquires");
    let found = match (figures.tokens, bad) {
        (0, _) => Found::nothing("No acquire came with a token."),
        (_, false) => {
            Found::new(Judgement::Good, format!("{acquires} came with tokens that rise."))
        }
        (_, true) => Found::new(
            Judgement::Bad,
            format!(
                "Of {acquires} {} got a token given before and {} one below it.",
                count(figures.repeated),
                count(figures.fell)
            ),
        ),
    };
    found.because(details).with(Figures::FencingTokens(figures))
}

fn acquires(
    history: &History,
    figures: &mut FencingTokens,
) -> BTreeMap<Option<Name>, Vec<Acquire>> {
    let mut by_key: BTreeMap<Option<Name>, Vec<Acquire>> = BTreeMap::new();
    for (id, operation) in history.iter() {
        let (Outcome::Ok, "acquire", Some(ended)) =
            (operation.outcome, operation.f(), operation.completed)
        else {
            continue;
        };
        let Some(token) = token(&history.values, operation.result()) else {
            figures.not_understood += 1;
            continue;
        };
        figures.tokens += 1;
        let key = history.operations[id.0 as usize].key;
        let (began, ended) = (operation.invoked.position(), ended.position());
        by_key.entry(key).or_default().push(Acquire { id, began, ended, token });
    }
    by_key
}

/// A whole number, by itself or as the field `token`.
fn token(values: &Values, result: View<'_>) -> Option<i128> {
    let view = match result {
        View::Map(fields) => values.view(fields.get("token")?),
        other => other,
    };
    match view {
        View::Integer(token) => Some(token),
        _ => None,
    }
}

/// Goes through the acquires of one lock in the order in which they began.
fn sweep(mut acquires: Vec<Acquire>, figures: &mut FencingTokens, mut tell: impl FnMut(String)) {
    acquires.sort_by_key(|acquire| (acquire.began, acquire.id));
    let mut by_end = acquires.clone();
    by_end.sort_by_key(|acquire| acquire.ended);
    let mut ended = by_end.into_iter().peekable();
    let mut highest: Option<Acquire> = None;
    let mut had: FxHashMap<i128, OperationId> = FxHashMap::default();
    for acquire in acquires {
        while let Some(before) = ended.next_if(|before| before.ended < acquire.began) {
            if highest.is_none_or(|highest| before.token > highest.token) {
                highest = Some(before);
            }
        }
        let (id, token) = (acquire.id.0, acquire.token);
        if let Some(twin) = had.insert(token, acquire.id) {
            figures.repeated += 1;
            tell(format!("operations {} and {id} both got token {token}", twin.0));
        } else if let Some(highest) = highest.filter(|highest| highest.token > token) {
            figures.fell += 1;
            let (before, above) = (highest.id.0, highest.token);
            tell(format!("operation {id} got token {token} after operation {before} had {above}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::testing::{Script, at};
    use super::*;

    fn looked(acquires: &[(&str, (u64, u64), Json)]) -> (Found, FencingTokens) {
        let mut script = Script::default();
        for (key, times, result) in acquires {
            script.ok("acquire", key, *times, &json!(null), result);
        }
        let found = look(&script.history, &[Beside::FencingTokens]);
        let Some(Figures::FencingTokens(figures)) = found.figures.clone() else {
            panic!("figures")
        };
        (found, figures)
    }

    #[test]
    fn tokens_that_rise_pass_and_concurrent_ones_may_come_in_any_order() {
        let (found, figures) = looked(&[
            ("a", at(1, 5), json!({"owner": "x", "token": 2})),
            ("a", at(2, 6), json!(1)),
            ("a", at(7, 8), json!({"token": 3})),
            ("b", at(9, 10), json!(1)),
        ]);
        assert_eq!((found.judgement, figures.tokens), (Judgement::Good, 4));
    }

    #[test]
    fn a_token_that_falls_or_comes_twice_is_told() {
        let (found, figures) = looked(&[
            ("a", at(1, 2), json!(5)),
            ("a", at(3, 4), json!(4)),
            ("a", at(3, 9), json!(5)),
        ]);
        assert_eq!(found.judgement, Judgement::Bad);
        assert_eq!((figures.fell, figures.repeated), (1, 1));
        assert_eq!(
            found.details,
            [
                "lock a: operation 1 got token 4 after operation 0 had 5",
                "lock a: operations 0 and 2 both got token 5"
            ]
        );
    }

    #[test]
    fn an_end_at_the_position_of_a_beginning_is_concurrent() {
        let (found, _) = looked(&[("a", at(1, 3), json!(5)), ("a", at(3, 4), json!(4))]);
        assert_eq!(found.judgement, Judgement::Good);
    }

    #[test]
    fn tokens_of_another_shape_say_nothing() {
        let shapes =
            [json!("7"), json!({"token": "7"}), json!({}), json!([7]), json!(7.5), json!(null)];
        let acquires: Vec<_> = shapes.into_iter().map(|shape| ("a", at(1, 2), shape)).collect();
        let (found, figures) = looked(&acquires);
        assert_eq!((found.judgement, figures.not_understood), (Judgement::Nothing, 6));
        assert_eq!(look(&History::default(), &[]).judgement, Judgement::Nothing);
    }
}
