//! Workloads by name.

use crate::{register::Register, workload::Workload};

/// Every workload there is: name and one sentence.
pub const WORKLOADS: &[(&str, &str)] =
    &[("register", "reads and writes of unique values on many keys, from every node")];

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
    fn an_unknown_name_lists_the_known_ones() {
        let error = by_name("regsiter", Settings { seed: 1, keys: 3 }).err().expect("unknown");
        assert!(error.to_string().contains("`regsiter`"), "{error}");
        assert!(error.to_string().contains("register"), "{error}");
    }
}
