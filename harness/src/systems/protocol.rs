//! How clients speak to a system, apart from how its nodes are run.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;
use squall_workloads::Function;

use super::{nats, redis, zookeeper};
use crate::system::{BoxFuture, Client, Order, Status};

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
    fn ready(&self, node: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let answered = self.probe(node).await;
            answered.map(drop).ok_or_else(|| "it did not answer its probe".to_owned())
        })
    }

    /// As [`System::order`](crate::system::System::order).
    fn order<'a>(
        &'a self,
        _via: SocketAddr,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(std::future::ready(Err("this system takes no orders".to_owned())))
    }

    /// As [`System::set_up`](crate::system::System::set_up).
    fn set_up<'a>(&'a self, _nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Protocols beside HTTP, by name.
pub(super) const NAMES: &[&str] = &["nats", "redis", "zookeeper"];

/// The protocol called `name`, as `options` have it; `None` where there is none of that name.
///
/// The error within says which option has a value that means nothing.
pub(super) fn by_name(name: &str, options: &Options) -> Option<Result<Box<dyn Protocol>, String>> {
    match name {
        "nats" => Some(nats::protocol(options)),
        "redis" => Some(redis::protocol(options)),
        "zookeeper" => Some(zookeeper::protocol(options)),
        _ => None,
    }
}

/// The value of the option `name`, which is one of `values`; the first where it is not given.
///
/// # Errors
/// It has another value.
pub(super) fn choice<'a>(
    options: &'a Options,
    name: &str,
    values: &[&'a str],
) -> Result<&'a str, String> {
    let given = options.get(name).map_or(values[0], String::as_str);
    if values.contains(&given) {
        return Ok(given);
    }
    Err(format!("the option `{name}` is `{given}`; it may be: {}", values.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_takes_only_values_that_mean_something() {
        let of = |value: &str| Options::from([("reads".to_owned(), value.to_owned())]);
        for value in ["master", "replica"] {
            assert!(matches!(by_name("redis", &of(value)), Some(Ok(_))), "{value}");
        }
        let refused = by_name("redis", &of("leader")).and_then(Result::err).expect("refused");
        assert_eq!(refused, "the option `reads` is `leader`; it may be: master, replica");
        assert!(matches!(by_name("redis", &Options::new()), Some(Ok(_))));
        assert!(by_name("gopher", &Options::new()).is_none());
    }
}
