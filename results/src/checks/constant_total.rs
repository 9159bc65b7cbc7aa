//! Accounts between which money moves always sum to the same total.
//!
//! After Jepsen's `bank`: a transaction that reads all accounts and writes none sees one
//! state, and no state has more or less than there ever was. The workload says which keys are
//! the accounts.

use serde::{Deserialize, Serialize};
use squall_checker::history::{History, Outcome, Recorded, Value, Values, View};
use squall_checker::verdict::OperationId;

use super::{Figures, Found, Judgement};
use crate::facts::Beside;
use crate::wording::{count, plural};

/// What reads of all accounts showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Transactions that read all accounts.
    pub reads: u64,
    /// Those of them whose balances sum to something else.
    pub wrong_total: u64,
    /// Those of them with a balance below zero that may not be.
    pub negative: u64,
    /// Transactions that found an account without a balance, or with one that is no number;
    /// they are not among the others.
    pub not_understood: u64,
}

/// The accounts of a workload.
struct Accounts<'a> {
    keys: &'a [String],
    total: i64,
    may_be_negative: bool,
}

pub(super) fn look(history: &History, beside: &[Beside]) -> Found {
    let declared: Vec<Accounts<'_>> = beside
        .iter()
        .filter_map(|declared| match declared {
            Beside::ConstantTotal { keys, total, may_be_negative } => {
                Some(Accounts { keys, total: *total, may_be_negative: *may_be_negative })
            }
            Beside::FencingTokens | Beside::Revisions { .. } => None,
        })
        .collect();
    if declared.is_empty() {
        return Found::nothing("The workload has no accounts.");
    }
    let mut totals = Totals::default();
    let mut details = Vec::new();
    for accounts in declared.iter().filter(|accounts| !accounts.keys.is_empty()) {
        for (id, operation) in history.iter() {
            accounts.judge(id, operation, &mut totals, &mut details);
        }
    }
    let bad = totals.wrong_total + totals.negative > 0;
    let found = match (totals.reads, bad) {
        (0, _) => Found::nothing("No transaction read all accounts."),
        (reads, false) => Found::new(
            Judgement::Good,
            format!("{} of all accounts found the total.", plural(reads, "read", "reads")),
        ),
        (reads, true) => Found::new(
            Judgement::Bad,
            format!(
                "Of {} of all accounts {} found another total and {} an account below zero.",
                plural(reads, "read", "reads"),
                count(totals.wrong_total),
                count(totals.negative)
            ),
        ),
    };
    found.because(details).with(Figures::ConstantTotal(totals))
}

impl Accounts<'_> {
    fn judge(
        &self,
        id: OperationId,
        operation: Recorded<'_>,
        totals: &mut Totals,
        details: &mut Vec<String>,
    ) {
        if operation.outcome != Outcome::Ok || operation.f() != "txn" {
            return;
        }
        let Some(balances) = self.read_by(operation) else { return };
        let values = &operation.history().values;
        let numbers: Option<Vec<i128>> =
            balances.iter().map(|found| balance(values, *found)).collect();
        let Some(numbers) = numbers else {
            totals.not_understood += 1;
            return;
        };
        totals.reads += 1;
        // Saturating: whatever a system answers, and no total is near the bounds.
        let sum = numbers.iter().fold(0_i128, |sum, number| sum.saturating_add(*number));
        if sum != i128::from(self.total) {
            totals.wrong_total += 1;
            details.push(format!(
                "operation {} at {}: {sum} instead of {}",
                id.0,
                operation.node().unwrap_or("-"),
                self.total
            ));
        }
        if !self.may_be_negative
            && let Some(at) = numbers.iter().position(|number| *number < 0)
        {
            totals.negative += 1;
            details.push(format!("operation {}: {} on {}", id.0, numbers[at], self.keys[at]));
        }
        details.truncate(super::DETAILS_MAX);
    }

    /// What a transaction read of each account, if it read all of them and wrote none.
    fn read_by(&self, operation: Recorded<'_>) -> Option<Vec<Value>> {
        let values = &operation.history().values;
        let mut found: Vec<Option<Value>> = vec![None; self.keys.len()];
        for micro in values.list(operation.result)? {
            let &[f, key, value] = values.list(*micro)? else { return None };
            let Some(account) = self.account(values, key) else { continue };
            match values.view(f) {
                View::Text("r") => found[account] = Some(value),
                // Money may be on its way between the reads of a transfer.
                _ => return None,
            }
        }
        found.into_iter().collect()
    }

    fn account(&self, values: &Values, key: Value) -> Option<usize> {
        match values.view(key) {
            View::Text(key) => self.keys.iter().position(|account| account == key),
            View::Integer(key) => {
                let key = key.to_string();
                self.keys.iter().position(|account| *account == key)
            }
            _ => None,
        }
    }
}

/// A balance by itself, or with something that makes the value unique after it.
fn balance(values: &Values, found: Value) -> Option<i128> {
    match values.view(found) {
        View::Integer(balance) => Some(balance),
        View::List(&[balance, _]) => match values.view(balance) {
            View::Integer(balance) => Some(balance),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::testing::{Script, at};
    use super::*;

    fn accounts(may_be_negative: bool) -> [Beside; 1] {
        let keys = vec!["a".to_owned(), "2".to_owned()];
        [Beside::ConstantTotal { keys, total: 10, may_be_negative }]
    }

    fn looked(results: &[Json], may_be_negative: bool) -> (Found, Totals) {
        let mut script = Script::default();
        for (number, result) in (0..).zip(results) {
            script.ok("txn", "x", at(2 * number + 1, 2 * number + 2), &json!(null), result);
        }
        let found = look(&script.history, &accounts(may_be_negative));
        let Some(Figures::ConstantTotal(totals)) = found.figures.clone() else { panic!("figures") };
        (found, totals)
    }

    #[test]
    fn a_total_that_is_kept_passes_and_one_that_is_not_is_told() {
        let good = [json!([["r", "a", [3, 1]], ["r", 2, 7]]), json!([["r", "a", 1]])];
        let (found, totals) = looked(&good, false);
        assert_eq!((found.judgement, totals.reads), (Judgement::Good, 1));
        let bad = json!([["r", "2", 7], ["r", "other", null], ["r", "a", [4, 1]]]);
        let (found, _) = looked(&[good[0].clone(), bad], false);
        assert_eq!(found.judgement, Judgement::Bad);
        assert_eq!(found.details, ["operation 1 at -: 11 instead of 10"]);
    }

    #[test]
    fn a_transfer_is_no_read_of_all_accounts() {
        let transfer = json!([["r", "a", 3], ["w", "a", 1], ["r", "2", 7]]);
        let (found, totals) = looked(&[transfer], false);
        assert_eq!((found.judgement, totals), (Judgement::Nothing, Totals::default()));
    }

    #[test]
    fn a_balance_below_zero_is_bad_unless_it_may_be() {
        let read = [json!([["r", "a", -1], ["r", "2", 11]])];
        assert_eq!(looked(&read, true).0.judgement, Judgement::Good);
        let (found, totals) = looked(&read, false);
        assert_eq!((found.judgement, totals.negative), (Judgement::Bad, 1));
        assert_eq!(found.details, ["operation 0: -1 on a"]);
    }

    #[test]
    fn values_of_another_shape_say_nothing() {
        let shapes = [
            json!([["r", "a", null], ["r", "2", 10]]),
            json!([["r", "a", "3"], ["r", "2", 7]]),
            json!([["r", "a", [1, 2, 3]], ["r", "2", 7]]),
            json!([["r", "a", 1.5], ["r", "2", 7]]),
            json!("txn"),
            json!([1, 2]),
            json!([["r"]]),
            json!([[["r"], {"a": 1}, 1]]),
            json!(null),
        ];
        let (found, totals) = looked(&shapes, false);
        assert_eq!((found.judgement, totals.not_understood), (Judgement::Nothing, 4));
        let huge = json!([["r", "a", i64::MIN], ["r", "2", u64::MAX]]);
        assert_eq!(looked(&[huge], true).0.judgement, Judgement::Bad);
    }

    #[test]
    fn nothing_is_looked_for_that_was_not_declared() {
        assert_eq!(look(&History::default(), &[]).judgement, Judgement::Nothing);
        let none = Beside::ConstantTotal { keys: Vec::new(), total: 1, may_be_negative: false };
        assert_eq!(look(&History::default(), &[none]).judgement, Judgement::Nothing);
    }
}
