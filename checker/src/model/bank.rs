//! Accounts with transfers between them and reads of all balances (`bank`).

use super::Model;

/// The balances of all accounts, by their position in [`Bank::balances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BalancesId(pub u32);

/// What an operation does to the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BankOp {
    /// Moved an amount.
    Transfer {
        /// The account it came from.
        from: u32,
        /// The account it went to.
        to: u32,
        /// How much: not below 0.
        amount: i64,
    },
    /// Returned the balances of all accounts.
    Read(BalancesId),
}

/// Whether an account may owe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdraft {
    /// Any balance is fine.
    Allowed,
    /// A transfer happens only if its account has that much.
    Refused,
}

/// Accounts and what they hold at first.
#[derive(Clone, Debug)]
pub struct Bank {
    /// The first balances, by account.
    pub initial: Box<[i64]>,
    /// Whether an account may owe.
    pub overdraft: Overdraft,
    /// The balances that reads returned, each of all accounts.
    pub balances: Vec<Box<[i64]>>,
}

impl Model for Bank {
    type State = Box<[i64]>;
    type Op = BankOp;

    fn init(&self) -> Box<[i64]> {
        self.initial.clone()
    }

    fn step(&self, state: &Box<[i64]>, op: &BankOp) -> Option<Box<[i64]>> {
        match *op {
            BankOp::Read(seen) => (self.balances[seen.0 as usize] == *state).then(|| state.clone()),
            BankOp::Transfer { from, to, amount } => {
                let left = state[from as usize].checked_sub(amount)?;
                if left < 0 && self.overdraft == Overdraft::Refused {
                    return None;
                }
                let mut state = state.clone();
                state[from as usize] = left;
                state[to as usize] = state[to as usize].checked_add(amount)?;
                Some(state)
            }
        }
    }

    fn reads_only(&self, op: &BankOp) -> bool {
        matches!(op, BankOp::Read(_))
    }

    fn owned_bytes(&self, state: &Box<[i64]>) -> usize {
        size_of_val(&**state)
    }
}
