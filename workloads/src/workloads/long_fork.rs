//! Keys written once, and read in groups: do two readers see two writes in different orders?
//!
//! Keys come in groups of [`GROUP`], each written once. Readers read a whole group in one
//! transaction, or one key of it. If one reader saw the first of two writes and not the
//! second, and another the second and not the first, the store is in a long fork: each is
//! right by itself and both together are not.
//!
//! Needs `txn`. Detects long forks and reads that are not of one moment, stale reads and lost
//! writes. Cannot detect lost updates, as nothing is written twice.

use rand::{RngExt, seq::SliceRandom};
use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::Slots,
    operation::{Access, Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Keys of a group.
const GROUP: u64 = 4;

/// Groups read back at the end, the newest first.
const FINAL_GROUPS_MAX: u64 = 200;

/// The `long-fork` workload.
#[derive(Clone, Debug)]
pub struct LongFork {
    seed: u64,
    groups: Slots,
}

impl LongFork {
    /// A workload over one group after the other, however many keys are asked for.
    pub fn new(settings: Settings) -> Self {
        Self { seed: settings.seed, groups: Slots::new(1, GROUP) }
    }
}

fn key(group: u64, member: u64) -> String {
    format!("long-fork.{group}.{member}")
}

fn whole(group: u64) -> impl Iterator<Item = Access> {
    (1..=GROUP).map(move |member| Access::read(key(group, member)))
}

impl Workload for LongFork {
    fn name(&self) -> &'static str {
        "long-fork"
    }

    fn model(&self) -> ModelName {
        ModelName::TxnRegister
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Txn]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let groups = self.groups.clone();
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        Box::new(Endless(move || {
            let reads = role.reads(60, &mut rng);
            if !reads {
                let (member, group) = groups.issue(0);
                let value = group * GROUP + member;
                return Invocation::txn([Access::Write(key(group, member), value.into())]);
            }
            // Mostly the group that is being written.
            let group = groups.newest(0).saturating_sub(u64::from(rng.random_range(0..100) < 20));
            if rng.random_range(0..100) < 40 {
                return Invocation::txn([Access::read(key(group, rng.random_range(1..=GROUP)))]);
            }
            let mut reads: Vec<Access> = whole(group).collect();
            reads.shuffle(&mut rng);
            Invocation::txn(reads)
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let newest = self.groups.newest(0);
        let first = newest.saturating_sub(FINAL_GROUPS_MAX - 1);
        (first..=newest).rev().map(|group| Invocation::txn(whole(group))).collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::txn([Access::Write(SERVICE_KEY.to_owned(), number.into())])
    }
}
