//! Accounts with transfers between them and reads of all balances (`bank`).
//!
//! Histories seldom say what the accounts held at first, so a state is what was moved so far
//! and, once a read was placed, the balances that it started from. Whoever knows these saves
//! the search most of its work: reads then change no state.

use std::sync::Arc;

use super::Model;

/// The balances of all accounts, by their position in [`Bank::balances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BalancesId(pub u32);

/// What an operation does to the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BankOp {
    /// Moved an amount; any account may owe.
    Transfer {
        /// The account it came from.
        from: u32,
        /// The account it went to.
        to: u32,
        /// How much, a number of 64 bits.
        amount: i128,
    },
    /// Returned the balances of all accounts.
    Read(BalancesId),
}

/// What each account holds; nothing for one that does not exist.
pub type Balances = Arc<[Option<i128>]>;

/// Accounts, whatever they hold at first.
#[derive(Clone, Debug)]
pub struct Bank {
    /// How many accounts there are.
    pub accounts: u32,
    /// The first balances, if they are known.
    pub initial: Option<Balances>,
    /// The balances that reads returned, each of all accounts.
    pub balances: Vec<Balances>,
}

/// What was moved to each account so far, less what was moved from it; and the balances at
/// first, once known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BankState {
    moved: Box<[i128]>,
    at_first: Option<Balances>,
}

impl BankState {
    /// Whether `balances` are those at first and what was moved since.
    fn explains(&self, at_first: &[Option<i128>], balances: &[Option<i128>]) -> bool {
        let mut accounts = self.moved.iter().zip(at_first.iter().zip(balances));
        accounts.all(|(moved, (first, now))| match (first, now) {
            (Some(first), Some(now)) => first + moved == *now,
            (None, None) => *moved == 0,
            _ => false,
        })
    }

    /// The balances at first, if `balances` are those now.
    fn before(&self, balances: &[Option<i128>]) -> Option<Balances> {
        let mut accounts = self.moved.iter().zip(balances);
        let strangers = accounts.any(|(moved, balance)| balance.is_none() && *moved != 0);
        let accounts = self.moved.iter().zip(balances);
        (!strangers).then(|| accounts.map(|(moved, now)| now.map(|now| now - moved)).collect())
    }
}

impl Model for Bank {
    type State = BankState;
    type Op = BankOp;

    fn init(&self) -> BankState {
        let moved = vec![0; self.accounts as usize].into();
        BankState { moved, at_first: self.initial.clone() }
    }

    fn step(&self, state: &BankState, op: &BankOp) -> Option<BankState> {
        match *op {
            BankOp::Read(seen) => {
                let balances = &self.balances[seen.0 as usize];
                if let Some(at_first) = &state.at_first {
                    return state.explains(at_first, balances).then(|| state.clone());
                }
                let at_first = Some(state.before(balances)?);
                Some(BankState { moved: state.moved.clone(), at_first })
            }
            BankOp::Transfer { from, to, amount } => {
                // Sums of 2^32 numbers of 64 bits.
                let mut state = state.clone();
                state.moved[from as usize] -= amount;
                state.moved[to as usize] += amount;
                Some(state)
            }
        }
    }

    fn reads_only(&self, op: &BankOp) -> bool {
        // Otherwise the first read fixes what the balances were.
        self.initial.is_some() && matches!(op, BankOp::Read(_))
    }

    fn can_be_left_out(&self, op: &BankOp) -> bool {
        matches!(op, BankOp::Read(_))
    }

    fn owned_bytes(&self, state: &BankState) -> usize {
        // Balances at first are shared by the states that follow from one read.
        size_of_val(&*state.moved)
    }
}
