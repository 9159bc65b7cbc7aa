//! Workloads by name.

use crate::{
    cas_register::CasRegister, counter::Counter, list_append::ListAppend, register::Register,
    workload::Workload,
};

/// Every workload there is: name and one sentence.
pub const WORKLOADS: &[(&str, &str)] = &[
    ("register", "reads and writes of unique values on many keys, from every node"),
    ("cas-register", "as register, and compare-and-set against what a client last saw"),
    ("list-append", "unique elements appended to lists, and whole lists read"),
    ("counter", "amounts added to counters, and counts read"),
];

/// What a plan may say about a workload.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Determines every stream.
    pub seed: u64,
    /// Number of keys, at least 1.
    pub keys: usize,
}

/// A name that is not in [`WORKLOADS`].
#[derive(Debug, thiserror::Error)]
#[error("run the workload `{name}`: there is none of that name; there is: {}", known())]
pub struct UnknownWorkload {
    name: String,
}

fn known() -> String {
    WORKLOADS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The workload called `name`.
///
/// # Errors
/// When there is none of that name; the message lists those there are.
pub fn by_name(name: &str, settings: Settings) -> Result<Box<dyn Workload>, UnknownWorkload> {
    match name {
        "register" => Ok(Box::new(Register::new(settings.seed, settings.keys))),
        "cas-register" => Ok(Box::new(CasRegister::new(settings.seed, settings.keys))),
        "list-append" => Ok(Box::new(ListAppend::new(settings.seed, settings.keys))),
        "counter" => Ok(Box::new(Counter::new(settings.seed, settings.keys))),
        _ => Err(UnknownWorkload { name: name.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_workload_exists_under_its_name() {
        for (name, _) in WORKLOADS {
            let workload = by_name(name, Settings { seed: 1, keys: 3 }).expect("listed");
            assert_eq!(workload.name(), *name);
        }
    }

    #[test]
    fn every_stream_keeps_to_the_functions_of_its_workload_and_of_its_model() {
        for (name, _) in WORKLOADS {
            let workload = by_name(name, Settings { seed: 1, keys: 3 }).expect("listed");
            let known = workload.model().functions();
            assert!(workload.functions().iter().all(|f| known.contains(f)), "{name}");
            for client in 0..4 {
                let mut stream = workload.generator(client, 4);
                for _ in 0..200 {
                    let invocation = stream.next();
                    assert!(workload.functions().contains(&invocation.f), "{name}: {invocation:?}");
                    assert_ne!(invocation.key, "squall", "{name}: the harness's own key");
                }
            }
            let check = workload.service_check("squall", 1);
            assert!(workload.functions().contains(&check.f) && check.f != "read", "{name}");
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = by_name("regsiter", Settings { seed: 1, keys: 3 }).err().expect("unknown");
        assert!(error.to_string().contains("`regsiter`"), "{error}");
        assert!(error.to_string().contains("register"), "{error}");
    }
}
