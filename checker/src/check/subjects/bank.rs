//! Accounts between which money moves.

use rustc_hash::FxHashMap;

use super::{Part, Subject};
use crate::check::Budget;
use crate::check::error::CheckError;
use crate::check::objects::Object;
use crate::check::unread::{Misshapen, Unread};
use crate::history::{History, Outcome, Recorded, View};
use crate::model::{Balances, BalancesId, Bank, BankOp, ModelName};
use crate::procedure::Decision;
use crate::search::minimal;
use crate::timed::Timed;
use crate::verdict::OperationId;

/// All accounts together; what they held at first is not known before a read tells.
pub(in crate::check) struct BankSubject {
    part: Part<BankOp>,
    model: Bank,
}

/// The accounts of a history in numbers, with what reads returned of them.
#[derive(Default)]
struct Accounts {
    numbers: FxHashMap<String, u32>,
    reads: Vec<Vec<(u32, i128)>>,
}

impl Accounts {
    fn number(&mut self, account: String) -> u32 {
        let count = self.numbers.len() as u32;
        *self.numbers.entry(account).or_insert(count)
    }

    fn transfer(&mut self, recorded: Recorded<'_>) -> Option<BankOp> {
        let View::Map(fields) = recorded.argument() else { return None };
        let values = &recorded.history().values;
        let field = |name| fields.get(name).map(|value| values.view(value));
        let account = |name| match field(name)? {
            View::Text(account) => Some(account.to_owned()),
            View::Integer(number) => Some(number.to_string()),
            _ => None,
        };
        let (from, to) = (account("from")?, account("to")?);
        let View::Integer(amount) = field("amount")? else { return None };
        Some(BankOp::Transfer { from: self.number(from), to: self.number(to), amount })
    }

    fn read(&mut self, recorded: Recorded<'_>) -> Option<BankOp> {
        let View::Map(accounts) = recorded.result() else { return None };
        let mut balances = Vec::with_capacity(accounts.len());
        for (account, balance) in accounts.iter() {
            let View::Integer(balance) = recorded.history().values.view(balance) else {
                return None;
            };
            balances.push((self.number(account.to_owned()), balance));
        }
        self.reads.push(balances);
        Some(BankOp::Read(BalancesId(self.reads.len() as u32 - 1)))
    }

    fn bank(self) -> Bank {
        let accounts = self.numbers.len();
        let dense = |read: Vec<(u32, i128)>| {
            let mut balances = vec![None; accounts];
            for (account, balance) in read {
                balances[account as usize] = Some(balance);
            }
            Balances::from(balances)
        };
        let balances = self.reads.into_iter().map(dense).collect();
        Bank { accounts: accounts as u32, initial: None, balances }
    }
}

/// The read that certainly came before any transfer, if there is one.
fn untouched(operations: &[Timed<BankOp>]) -> Option<BalancesId> {
    let is_transfer = |timed: &&Timed<BankOp>| matches!(timed.op, BankOp::Transfer { .. });
    let begun = operations.iter().find(is_transfer).map(|transfer| transfer.invoked);
    operations.iter().find_map(|timed| match timed.op {
        BankOp::Read(seen) => begun.is_none_or(|begun| timed.returned < begun).then_some(seen),
        BankOp::Transfer { .. } => None,
    })
}

impl Subject for BankSubject {
    type Model = Bank;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let mut part = Part::with_room_for(object);
        let mut accounts = Accounts::default();
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail {
                continue;
            }
            let op = match recorded.f() {
                "read" if recorded.outcome == Outcome::Info => continue,
                "read" => {
                    let shape = "a map from accounts to whole numbers";
                    let read = accounts.read(recorded);
                    let wrong = || Misshapen::new(id, recorded, shape);
                    match part.held_back.pass(read.ok_or_else(wrong))? {
                        Some(read) => read,
                        None => continue,
                    }
                }
                "transfer" => accounts.transfer(recorded).ok_or_else(|| {
                    let shape = "a map with the accounts `from` and `to` and the number `amount`";
                    CheckError::argument(id, recorded, shape)
                })?,
                _ => return Err(CheckError::unknown_function(id, recorded, model).into()),
            };
            part.push(id, recorded, op);
        }
        let part = part.sorted()?;
        let mut model = accounts.bank();
        model.initial =
            untouched(&part.operations).map(|read| model.balances[read.0 as usize].clone());
        Ok(Self { part, model })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "search"
    }

    fn decide(&self) -> Decision {
        Decision::NotApplicable("transfers between accounts have no faster procedure")
    }

    fn model(&self) -> &Bank {
        &self.model
    }

    fn operations(&self) -> Vec<Timed<BankOp>> {
        self.part.operations.clone()
    }

    fn reduce(&self, operations: &[Timed<BankOp>], budget: &Budget<'_>) -> Option<Vec<u32>> {
        // Which balances were the first must be seen from what remains.
        let unknown = Bank { initial: None, ..self.model.clone() };
        Some(minimal(&unknown, operations, budget)?.operations)
    }
}
