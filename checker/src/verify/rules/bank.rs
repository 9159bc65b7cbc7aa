//! Accounts between which money moves.

use std::collections::BTreeMap;

use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, View};

/// `transfer` of an amount between two accounts, and `read` of all balances.
///
/// The balances at first are not known before a read tells them, so a state is what was
/// moved so far and, once a read has been placed, the balances it started from.
pub(in crate::verify) struct Bank;

/// What an operation does to the accounts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum BankDeed {
    Transfer { from: String, to: String, amount: i128 },
    Read(BTreeMap<String, i128>),
}

/// What was moved to each account so far, less what was moved from it; and the balances at
/// the beginning, once known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::verify) struct Balances {
    moved: BTreeMap<String, i128>,
    at_first: Option<BTreeMap<String, i128>>,
}

impl Rules for Bank {
    type Deed = BankDeed;
    type State = Balances;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<BankDeed>, Foreign> {
        let name = |view: View<'_>| match view {
            View::Text(name) => Ok(name.to_owned()),
            View::Integer(number) => Ok(number.to_string()),
            _ => Err(Foreign),
        };
        match (operation.f(), operation.argument(), operation.result()) {
            ("read", ..) if operation.outcome == Outcome::Info => Ok(None),
            ("read", _, View::Map(accounts)) => {
                let balances = accounts.iter().map(|(account, balance)| {
                    match operation.history().values.view(balance) {
                        View::Integer(balance) => Ok((account.to_owned(), balance)),
                        _ => Err(Foreign),
                    }
                });
                balances.collect::<Result<_, _>>().map(BankDeed::Read).map(Some)
            }
            ("transfer", View::Map(fields), _) => {
                let field =
                    |name| fields.get(name).map(|value| operation.history().values.view(value));
                let (Some(from), Some(to), Some(View::Integer(amount))) =
                    (field("from"), field("to"), field("amount"))
                else {
                    return Err(Foreign);
                };
                Ok(Some(BankDeed::Transfer { from: name(from)?, to: name(to)?, amount }))
            }
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> Balances {
        Balances::default()
    }

    fn apply(&self, state: &mut Balances, deed: &BankDeed) -> bool {
        match deed {
            BankDeed::Transfer { from, to, amount } => {
                for (account, change) in [(from, -amount), (to, *amount)] {
                    let sum = state.moved.entry(account.clone()).or_insert(0);
                    *sum += change;
                    if *sum == 0 {
                        state.moved.remove(account);
                    }
                }
                true
            }
            BankDeed::Read(balances) => {
                let moved = |account: &String| state.moved.get(account).copied().unwrap_or(0);
                let at_first: BTreeMap<String, i128> = balances
                    .iter()
                    .map(|(account, balance)| (account.clone(), balance - moved(account)))
                    .collect();
                let strangers = state.moved.keys().any(|account| !balances.contains_key(account));
                !strangers && *state.at_first.get_or_insert_with(|| at_first.clone()) == at_first
            }
        }
    }

    fn only_reads(&self, deed: &BankDeed) -> bool {
        // The first read fixes what the balances were; without it they are as free as before.
        matches!(deed, BankDeed::Read(_))
    }
}
