//! Workloads by name.

use crate::{
    workload::{Settings, Workload},
    workloads::{
        Bank, CasRegister, Counter, Ids, Kv, ListAppend, LongFork, Mixed, MultiCompare, Mutex,
        Queue, Register, Sessions, Set, TxnAppend, TxnRegister, Watch,
    },
};

/// What there is to know of a workload without making one.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name on the command line.
    pub name: &'static str,
    /// Other names it goes by.
    pub aliases: &'static [&'static str],
    /// What its clients do, in one sentence.
    pub about: &'static str,
    /// Planted bugs of the built-in node that it finds in at least nine of ten runs.
    pub finds: &'static [&'static str],
    make: fn(Settings) -> Box<dyn Workload>,
}

/// Every workload there is.
pub const WORKLOADS: &[Entry] = &[
    Entry {
        name: "register",
        aliases: &[],
        about: "reads and writes of unique values on many keys, from every node",
        finds: &["stale-read", "follower-read"],
        make: |settings| Box::new(Register::new(settings)),
    },
    Entry {
        name: "cas-register",
        aliases: &["cas"],
        about: "as register, and compare-and-set against what a client last saw",
        finds: &["cas-not-atomic", "follower-read"],
        make: |settings| Box::new(CasRegister::new(settings)),
    },
    Entry {
        name: "kv",
        aliases: &[],
        about: "keys that come and go: writes, reads, compare-and-sets and deletes",
        finds: &["follower-read", "ack-before-commit"],
        make: |settings| Box::new(Kv::new(settings)),
    },
    Entry {
        name: "list-append",
        aliases: &["append"],
        about: "unique elements appended to lists, and whole lists read",
        finds: &["double-apply", "follower-read"],
        make: |settings| Box::new(ListAppend::new(settings)),
    },
    Entry {
        name: "set",
        aliases: &[],
        about: "elements added to sets, removed, looked for, and whole sets read",
        finds: &["follower-read", "ack-before-commit"],
        make: |settings| Box::new(Set::new(settings)),
    },
    Entry {
        name: "counter",
        aliases: &[],
        about: "amounts added to counters, and counts read",
        finds: &["double-apply", "follower-read"],
        make: |settings| Box::new(Counter::new(settings)),
    },
    Entry {
        name: "queue",
        aliases: &[],
        about: "elements put into queues and taken out, first in, first out",
        finds: &["cas-not-atomic", "follower-read"],
        make: |settings| Box::new(Queue::first_in_first_out(settings)),
    },
    Entry {
        name: "bag",
        aliases: &[],
        about: "elements put into bags and taken out in any order",
        finds: &["cas-not-atomic", "follower-read"],
        make: |settings| Box::new(Queue::bag(settings)),
    },
    Entry {
        name: "mutex",
        aliases: &["lock"],
        about: "locks taken, held for a moment and given back, with fencing tokens",
        finds: &["cas-not-atomic", "majority-off-by-one"],
        make: |settings| Box::new(Mutex::new(settings)),
    },
    Entry {
        name: "ids",
        aliases: &[],
        about: "numbers handed out, each once and each the next",
        finds: &["double-apply", "majority-off-by-one"],
        make: |settings| Box::new(Ids::new(settings)),
    },
    Entry {
        name: "bank",
        aliases: &[],
        about: "money moved between accounts in transactions, the total constant",
        finds: &["majority-off-by-one", "ack-before-commit"],
        make: |settings| Box::new(Bank::new(settings)),
    },
    Entry {
        name: "long-fork",
        aliases: &[],
        about: "keys written once and read in groups: two writes seen in different orders",
        finds: &["follower-read", "ack-before-commit"],
        make: |settings| Box::new(LongFork::new(settings)),
    },
    Entry {
        name: "txn-append",
        aliases: &[],
        about: "transactions that append to lists and read them",
        finds: &["double-apply", "follower-read"],
        make: |settings| Box::new(TxnAppend::new(settings)),
    },
    Entry {
        name: "txn-register",
        aliases: &[],
        about: "transactions that read registers, and read and replace them",
        finds: &["follower-read", "ack-before-commit"],
        make: |settings| Box::new(TxnRegister::new(settings)),
    },
    Entry {
        name: "multi-compare",
        aliases: &[],
        about: "transactions that compare many keys and write one",
        finds: &["follower-read", "ack-before-commit"],
        make: |settings| Box::new(MultiCompare::new(settings)),
    },
    Entry {
        name: "sessions",
        aliases: &[],
        about: "changes tried again until they are answered, with and without client ids",
        finds: &["double-apply", "follower-read"],
        make: |settings| Box::new(Sessions::new(settings)),
    },
    Entry {
        name: "watch",
        aliases: &[],
        about: "watchers that follow single keys from node to node, and their revisions",
        finds: &["follower-read", "stale-read"],
        make: |settings| Box::new(Watch::new(settings)),
    },
    Entry {
        name: "mixed",
        aliases: &[],
        about: "several of these at once on separate keys; or your own mix: register=2,bank=1",
        finds: &["follower-read", "double-apply"],
        make: |settings| Box::new(mix(settings, MIX)),
    },
];

/// The parts of `mixed` and their weights: of the mixes measured, the one that finds most planted
/// bugs a minute (docs/BUGS.md).
pub const MIX: &[(&str, u32)] = &[
    ("register", 2),
    ("list-append", 2),
    ("cas-register", 1),
    ("set", 1),
    ("txn-register", 1),
    ("sessions", 1),
];

fn mix(settings: Settings, parts: &[(&str, u32)]) -> Mixed {
    let part = |(number, (name, weight)): (u64, &(&str, u32))| {
        let entry = entry(name).expect("the parts of the mix are listed");
        (*weight, (entry.make)(settings.part(number)))
    };
    Mixed::new(settings, (0..).zip(parts).map(part).collect())
}

/// A name that is no workload.
#[derive(Debug, thiserror::Error)]
pub enum UnknownWorkload {
    /// There is none of that name.
    #[error("run the workload `{name}`: there is none of that name; there is: {}", known())]
    Name {
        /// The name.
        name: String,
    },
    /// A mix that is none.
    #[error(
        "run the workload `{mix}`: use a mix as `NAME=WEIGHT,NAME=WEIGHT`, each name once, with \
         weights from 1 to {WEIGHT_MAX}; `{part}` is none of it"
    )]
    Mix {
        /// The mix.
        mix: String,
        /// The part that is wrong.
        part: String,
    },
}

/// The most that one part of a mix may weigh.
const WEIGHT_MAX: u32 = 1_000;

fn known() -> String {
    WORKLOADS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
}

/// What is known of the workload of this name or alias.
pub fn entry(name: &str) -> Option<&'static Entry> {
    WORKLOADS.iter().find(|entry| entry.name == name || entry.aliases.contains(&name))
}

/// The workload called `name`, or the mix that it describes: `register=2,list-append=1`.
///
/// # Errors
/// When there is none of that name; the message lists those there are.
pub fn by_name(name: &str, settings: Settings) -> Result<Box<dyn Workload>, UnknownWorkload> {
    if name.contains([',', '=']) {
        let parts = parts_of(name)?;
        return Ok(Box::new(mix(settings, &parts)));
    }
    match entry(name) {
        Some(entry) => Ok((entry.make)(settings)),
        None => Err(UnknownWorkload::Name { name: name.to_owned() }),
    }
}

/// The one way to write the name of a workload or a mix: no aliases, no spaces, all weights.
///
/// # Errors
/// As [`by_name`].
pub fn canonical(name: &str) -> Result<String, UnknownWorkload> {
    if name.contains([',', '=']) {
        let parts = parts_of(name)?;
        let parts = parts.iter().map(|(name, weight)| format!("{name}={weight}"));
        return Ok(parts.collect::<Vec<_>>().join(","));
    }
    match entry(name) {
        Some(entry) => Ok(entry.name.to_owned()),
        None => Err(UnknownWorkload::Name { name: name.to_owned() }),
    }
}

fn parts_of(mix: &str) -> Result<Vec<(&str, u32)>, UnknownWorkload> {
    let mut parts: Vec<(&str, u32)> = Vec::new();
    for part in mix.split(',') {
        let wrong = || UnknownWorkload::Mix { mix: mix.to_owned(), part: part.to_owned() };
        let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
        let weight: u32 = weight.trim().parse().map_err(|_| wrong())?;
        let entry = entry(name.trim())
            .ok_or_else(|| UnknownWorkload::Name { name: name.trim().to_owned() })?;
        let repeated = parts.iter().any(|(other, _)| *other == entry.name);
        if repeated || entry.name == "mixed" || !(1..=WEIGHT_MAX).contains(&weight) {
            return Err(wrong());
        }
        parts.push((entry.name, weight));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_workload_exists_under_its_name_and_aliases() {
        for listed in WORKLOADS {
            for name in [listed.name].iter().chain(listed.aliases) {
                let workload = by_name(name, Settings::of(1)).expect("listed");
                assert_eq!(workload.name(), listed.name);
                assert_eq!(canonical(name).expect("listed"), listed.name);
            }
            assert!(listed.finds.len() >= 2, "{} is there for something", listed.name);
        }
    }

    #[test]
    fn a_mix_is_written_in_one_way_and_what_is_none_is_named() {
        assert_eq!(canonical(" cas=2, lock").expect("a mix"), "cas-register=2,mutex=1");
        let error = |name: &str| by_name(name, Settings::of(1)).err().expect(name).to_string();
        assert!(error("regsiter").contains("`regsiter`") && error("regsiter").contains("register"));
        for mix in ["register=0", "register=1,register=2", "mixed=1", "bank=-1", "bank=1000000"] {
            let part = mix.rsplit(',').next().expect("a part");
            assert!(error(mix).contains(&format!("`{part}`")), "{mix}: {}", error(mix));
        }
        assert!(error("register=1,bnk=1").contains("`bnk`"));
        assert!(error("register=1,").contains("``"));
    }
}
