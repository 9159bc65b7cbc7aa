//! Money moved between accounts, in transactions that must be all or nothing.
//!
//! An account holds `[balance, id]`, where the id is unique, so that every version of an
//! account is told apart from every other. A transfer changes two accounts if they still are
//! what the client saw; other transactions read two accounts or all of them. So each change
//! names the version it replaced, and whether the whole is strictly serializable is decided
//! from that; beside it, all accounts together must always hold the same.
//!
//! Needs `txn` and `guarded-txn`. Detects transfers that happen by half, twice or not at all,
//! lost updates, and reads of all accounts that are not of one moment. Cannot detect stale
//! reads of single keys outside transactions.

use rand::{RngExt, rngs::ChaCha8Rng};
use serde_json::{Value, json};
use squall_checker::model::ModelName;

use crate::{
    generator::{Generator, Step},
    operation::{Access, Ending, Function, Invocation, accesses},
    roles::{Role, client_rng},
    workload::{Client, Elapsed, Promise, SERVICE_KEY, Settings, Workload},
};

/// Most accounts; a transaction names all of them twice at the opening.
const ACCOUNTS_MAX: usize = 32;

/// What each account holds at first.
const OPENING_BALANCE: i64 = 100;

/// The most that is moved at once.
const AMOUNT_MAX: i64 = 5;

/// The `bank` workload.
#[derive(Clone, Debug)]
pub struct Bank {
    seed: u64,
    accounts: Vec<String>,
}

impl Bank {
    /// A workload over so many accounts, 2 to 32.
    pub fn new(settings: Settings) -> Self {
        let accounts = settings.keys.clamp(2, ACCOUNTS_MAX);
        let accounts = (0..accounts).map(|number| format!("bank.{number}")).collect();
        Self { seed: settings.seed, accounts }
    }
}

impl Workload for Bank {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn model(&self) -> ModelName {
        ModelName::TxnRegister
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Txn, Function::GuardedTxn]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        Box::new(BankStream {
            rng: client_rng(self.seed, client),
            role: Role::of(client),
            known: vec![None; self.accounts.len()],
            accounts: self.accounts.clone(),
            next_id: client.number as u64 + 1,
            stride: client.of as u64,
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        vec![Invocation::txn(self.accounts.iter().map(Access::read))]
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::txn([Access::Write(SERVICE_KEY.to_owned(), number.into())])
    }

    fn promises(&self) -> Vec<Promise> {
        let accounts = i64::try_from(self.accounts.len()).expect("few accounts");
        vec![Promise::ConstantTotal {
            keys: self.accounts.clone(),
            total: accounts * OPENING_BALANCE,
        }]
    }
}

struct BankStream {
    rng: ChaCha8Rng,
    role: Role,
    accounts: Vec<String>,
    /// What this client last saw of each account, null before it was opened; nothing where it
    /// does not know.
    known: Vec<Option<Value>>,
    next_id: u64,
    stride: u64,
}

impl BankStream {
    fn version(&mut self, balance: i64) -> Value {
        let id = self.next_id;
        self.next_id += self.stride;
        json!([balance, id])
    }

    fn read_all(&self) -> Invocation {
        Invocation::txn(self.accounts.iter().map(Access::read))
    }

    /// Opens all accounts, unless one is open already.
    fn opening(&mut self) -> Invocation {
        let reads: Vec<_> = self.accounts.iter().map(Access::read).collect();
        let writes: Vec<_> = self
            .accounts
            .clone()
            .into_iter()
            .map(|account| Access::Write(account, self.version(OPENING_BALANCE)))
            .collect();
        Invocation::guarded_txn(reads.into_iter().chain(writes))
    }

    /// Two different accounts.
    fn pair(&mut self) -> (usize, usize) {
        let from = self.rng.random_range(0..self.accounts.len());
        let other = self.rng.random_range(0..self.accounts.len() - 1);
        (from, if other >= from { other + 1 } else { other })
    }

    fn read_pair(&self, (from, to): (usize, usize)) -> Invocation {
        Invocation::txn([from, to].map(|account| Access::read(&self.accounts[account])))
    }

    /// Moves some money, if the client knows of some.
    fn transfer(&mut self, (from, to): (usize, usize)) -> Option<Invocation> {
        let known = |account: usize| {
            let version = self.known[account].clone()?;
            Some((version.get(0)?.as_i64()?, version))
        };
        let ((rich, rich_version), (poor, poor_version)) = (known(from)?, known(to)?);
        let amount = self.rng.random_range(1..=AMOUNT_MAX).min(rich);
        if amount == 0 {
            return None;
        }
        let (less, more) = (self.version(rich - amount), self.version(poor + amount));
        let account = |account: usize| self.accounts[account].clone();
        Some(Invocation::guarded_txn([
            Access::Read(account(from), rich_version),
            Access::Read(account(to), poor_version),
            Access::Write(account(from), less),
            Access::Write(account(to), more),
        ]))
    }
}

impl Generator for BankStream {
    fn next(&mut self, _now: Elapsed) -> Step {
        let opened = self.known.iter().flatten().any(|version| !version.is_null());
        let closed = self.known.iter().all(|version| version == &Some(Value::Null));
        let pair = self.pair();
        let chance = self.rng.random_range(0..100);
        Step::Invoke(match self.role {
            _ if !opened && closed && self.role != Role::Reads => self.opening(),
            _ if !opened => self.read_all(),
            Role::Reads => self.read_all(),
            Role::Both if chance < 30 => self.read_all(),
            Role::Both | Role::Changes => {
                self.transfer(pair).unwrap_or_else(|| self.read_pair(pair))
            }
        })
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, _now: Elapsed) {
        let changes = invocation.function == Function::GuardedTxn;
        let (seen, forget) = match ending {
            Ending::Ok(Value::Array(micro)) => (accesses(micro), false),
            Ending::Fail => return,
            Ending::Ok(_) | Ending::Mismatch(_) | Ending::Info => (invocation.accesses(), true),
        };
        if forget && !changes {
            return;
        }
        for access in seen {
            let (Access::Read(key, value) | Access::Write(key, value)) = access else { continue };
            if let Some(account) = self.accounts.iter().position(|account| *account == key) {
                self.known[account] = (!forget).then_some(value);
            }
        }
    }
}
