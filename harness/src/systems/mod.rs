//! Adapters for systems under test, by name.

mod built_in;
mod defined;
pub mod http;
mod keyed;
pub mod maelstrom;
mod nats;
mod node;
mod protocol;
mod redis;
mod telling;
#[cfg(test)]
mod trial;
mod zookeeper;

use std::path::Path;

use squall_workloads::{MIX, Settings};

pub use built_in::BUILT_IN;
pub use defined::{Choice, Defined, DefinitionError};
pub use maelstrom::Maelstrom;
pub use node::Node;

use crate::{
    plan::{ClientAddress, Plan},
    system::{System, suits},
};

/// A system that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The name is not known.
    #[error(
        "test the system `{name}`: there is none of that name; there is: {}; or the path of a \
         file that defines one, such as ./{name}.toml, which `squall init {name}` begins",
        known()
    )]
    Unknown {
        /// The name given.
        name: String,
    },
    /// Its definition cannot be used.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// Nobody says which Maelstrom node is meant.
    #[error(
        "test a Maelstrom node: name its program with --binary PATH, and its arguments with \
         --node-flag"
    )]
    NoProgram,
    /// The Maelstrom node cannot be run as it was asked for.
    #[error("test a Maelstrom node: {0}")]
    Maelstrom(String),
    /// Something was chosen that the system does not have.
    #[error("set {what} of `{system}`: it has none")]
    NoChoice {
        /// The system.
        system: String,
        /// What was chosen.
        what: &'static str,
    },
}

/// The names of all systems that need no file.
pub fn names() -> impl Iterator<Item = &'static str> {
    ["node", MAELSTROM].into_iter().chain(BUILT_IN.iter().map(|built_in| built_in.name))
}

fn known() -> String {
    names().collect::<Vec<_>>().join(", ")
}

/// Whether `system` is the path of a file that defines a system rather than a name.
fn is_path(system: &str) -> bool {
    system.contains('/') || Path::new(system).extension().is_some_and(|ending| ending == "toml")
}

/// The system a plan asks for. `executable` is the `squall` binary, which is also the
/// built-in node.
///
/// # Errors
/// When there is no system of that name, or its definition or what the plan chooses of it makes
/// no sense.
pub fn by_plan(plan: &Plan, executable: &Path) -> Result<Box<dyn System>, SystemError> {
    if plan.system == "node" {
        let unfit = [("a program", plan.binary.is_some()), ("options", !plan.options.is_empty())];
        if let Some((what, _)) = unfit.into_iter().find(|(_, chosen)| *chosen) {
            return Err(SystemError::NoChoice { system: plan.system.clone(), what });
        }
        let flags = plan.node_flags.iter().flat_map(|words| words.split_whitespace());
        let node = Node::new(executable.to_owned(), plan.bug.clone());
        return Ok(Box::new(node.with_flags(flags.map(str::to_owned).collect())));
    }
    if plan.system == MAELSTROM {
        return Ok(Box::new(maelstrom(plan, executable)?));
    }
    Ok(Box::new(defined(plan)?))
}

/// The name of the system whose nodes speak the Maelstrom protocol.
const MAELSTROM: &str = "maelstrom";

fn maelstrom(plan: &Plan, executable: &Path) -> Result<Maelstrom, SystemError> {
    let binary = plan.binary.as_deref().ok_or(SystemError::NoProgram)?;
    let args = plan.node_flags.iter().flat_map(|words| words.split_whitespace());
    let args = args.map(str::to_owned).collect();
    Maelstrom::new(executable.to_owned(), binary.into(), args, &plan.options)
        .map_err(SystemError::Maelstrom)
}

/// What a system would have where nobody says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// The size of the cluster.
    pub nodes: usize,
    /// What the clients do.
    pub workload: String,
    /// Where they send what may go to any node.
    pub address: ClientAddress,
}

/// What the system of `plan` would have where nobody says.
///
/// # Errors
/// As [`by_plan`].
pub fn defaults(plan: &Plan) -> Result<Defaults, SystemError> {
    let Plan { nodes, workload, address, .. } = Plan::default();
    if plan.system == "node" || plan.system == MAELSTROM {
        return Ok(Defaults { nodes, workload, address });
    }
    let system = defined(plan)?;
    let address = if system.every_node_serves() { address } else { ClientAddress::Any };
    Ok(Defaults {
        nodes: system.nodes().unwrap_or(nodes),
        // `mixed` comes to as much of it as the system offers when the plan is resolved.
        workload: system.workload().map_or(workload, str::to_owned),
        address,
    })
}

/// The defined system a plan asks for.
///
/// # Errors
/// As [`by_plan`].
pub fn defined(plan: &Plan) -> Result<Defined, SystemError> {
    let choice = Choice {
        binary: plan.binary.clone(),
        options: plan.options.clone(),
        flags: plan.node_flags.clone(),
    };
    if is_path(&plan.system) {
        return Ok(Defined::from_file(Path::new(&plan.system), &choice)?);
    }
    let built_in = BUILT_IN.iter().find(|built_in| built_in.name == plan.system);
    let built_in = built_in.ok_or_else(|| SystemError::Unknown { name: plan.system.clone() })?;
    Ok(built_in.define(&choice)?)
}

/// Those parts of `mixed` that a system offers all functions for; `register` where there is none.
pub(crate) fn mix_for(system: &dyn System) -> String {
    let fits = |name: &str| {
        squall_workloads::by_name(name, Settings::of(0))
            .is_ok_and(|workload| suits(system, &*workload).is_ok())
    };
    let parts: Vec<_> = MIX.iter().filter(|(name, _)| fits(name)).collect();
    match parts.as_slice() {
        [] => "register".to_owned(),
        parts if parts.len() == MIX.len() => "mixed".to_owned(),
        [(name, _)] => (*name).to_owned(),
        parts => {
            let parts = parts.iter().map(|(name, weight)| format!("{name}={weight}"));
            parts.collect::<Vec<_>>().join(",")
        }
    }
}
