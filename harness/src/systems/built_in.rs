//! Definitions that come with Squall.

use super::defined::{Choice, Defined, DefinitionError};

/// A system whose definition is built in.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name on the command line.
    pub name: &'static str,
    text: &'static str,
    /// Files its definition copies, by name.
    beside: &'static [(&'static str, &'static str)],
}

/// Every system whose definition is built in.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { name: "etcd", text: include_str!("../../systems/etcd.toml"), beside: &[] },
    BuiltIn { name: "antietcd", text: include_str!("../../systems/antietcd.toml"), beside: &[] },
    BuiltIn {
        name: "raftexample",
        text: include_str!("../../systems/raftexample.toml"),
        beside: &[],
    },
    BuiltIn {
        name: "pysyncobj",
        text: include_str!("../../systems/pysyncobj.toml"),
        beside: &[("pysyncobj_server.py", include_str!("../../systems/pysyncobj_server.py"))],
    },
    BuiltIn { name: "redis", text: include_str!("../../systems/redis.toml"), beside: &[] },
    BuiltIn { name: "nats", text: include_str!("../../systems/nats.toml"), beside: &[] },
    BuiltIn { name: "zookeeper", text: include_str!("../../systems/zookeeper.toml"), beside: &[] },
];

impl BuiltIn {
    /// The system, with what was chosen of it.
    ///
    /// # Errors
    /// The choice is none; the definitions themselves are right.
    pub fn define(&self, choice: &Choice) -> Result<Defined, DefinitionError> {
        Defined::built_in(self.name, self.text, self.beside, choice)
    }
}
