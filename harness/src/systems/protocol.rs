//! How clients speak to a system, apart from how its nodes are run.

use std::{collections::BTreeMap, net::SocketAddr};

use squall_workloads::Function;

use crate::system::{BoxFuture, Client, Status};

/// The options of a system, by name; each has a value.
pub(super) type Options = BTreeMap<String, String>;

/// The part of a [`System`](crate::system::System) that is spoken: the rest is a definition.
pub(super) trait Protocol: Send + Sync {
    /// As [`System::offers`](crate::system::System::offers).
    fn offers(&self, function: Function) -> bool;

    /// As [`System::revisions_are_of_values`](crate::system::System::revisions_are_of_values).
    fn revisions_are_of_values(&self) -> bool {
        false
    }

    /// As [`System::client`](crate::system::System::client).
    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client>;

    /// As [`System::probe`](crate::system::System::probe).
    fn probe(&self, node: SocketAddr) -> BoxFuture<'_, Option<Status>>;

    /// As [`System::ready`](crate::system::System::ready).
    fn ready(&self, node: SocketAddr) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.probe(node).await.is_some() })
    }

    /// As [`System::set_up`](crate::system::System::set_up).
    fn set_up<'a>(&'a self, _nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Protocols beside HTTP, by name.
pub(super) const NAMES: &[&str] = &[];

/// The protocol of this name, with these options; none where there is no such protocol.
pub(super) fn by_name(name: &str, options: &Options) -> Option<Result<Box<dyn Protocol>, String>> {
    let _ = (name, options);
    None
}
