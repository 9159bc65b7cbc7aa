//! Orders of an administrator that a definition describes: the lead handed over, snapshots taken.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;
use squall_nemesis::fault::FaultKind;

use super::{
    super::protocol::Options,
    call::{CALL_TIMEOUT, Call, CallWords, Sight},
    definition::{Definition, DefinitionError, LookWords, OrderWords, Source},
    nodes::address_names,
};
use crate::system::Order;

/// The orders that are described, by name.
#[derive(Default)]
pub(super) struct Orders {
    by_name: BTreeMap<&'static str, Described>,
}

/// One order: what to find out first, and then what to send.
struct Described {
    look: Option<Call>,
    call: Call,
}

/// Every order that can be described.
const NAMES: [&str; 2] = ["transfer", "snapshot"];

impl Orders {
    /// The orders of `definition`.
    ///
    /// # Errors
    /// Names the field that makes no sense, or the order that a fault needs and that is not there.
    pub(super) fn of(
        definition: &Definition,
        options: &Options,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let mut by_name = BTreeMap::new();
        for (name, words) in &definition.order {
            let known = NAMES.into_iter().find(|known| known == name.get_ref());
            let known = known.ok_or_else(|| {
                let why = format!("there is no such order; there is: {}", NAMES.join(", "));
                source.place(format!("order.{}", name.get_ref()), name).wrong(why)
            })?;
            let field = format!("order.{known}");
            by_name.insert(known, Described::parse(words, &field, definition, options, source)?);
        }
        let admin = definition
            .faults
            .as_ref()
            .filter(|faults| faults.get_ref().iter().any(|fault| fault == FaultKind::Admin.name()));
        match (admin, NAMES.into_iter().find(|name| !by_name.contains_key(name))) {
            (Some(faults), Some(lacking)) => {
                let why = format!("`admin` gives orders: describe [order.{lacking}]");
                Err(source.place("faults", faults).wrong(why))
            }
            _ => Ok(Self { by_name }),
        }
    }

    /// Gives `order` to the node at `via`, once.
    ///
    /// # Errors
    /// What it answered, or why it was not given.
    pub(super) async fn give(&self, via: SocketAddr, order: &Order) -> Result<Value, String> {
        let (name, node) = match order {
            Order::Transfer { name } => ("transfer", Value::from(name.as_str())),
            Order::Snapshot => ("snapshot", Value::Null),
            Order::AddLearner { .. } | Order::Promote { .. } | Order::Remove { .. } => {
                return Err("this system takes no orders about members".to_owned());
            }
        };
        let described = self.by_name.get(name);
        let described = described.ok_or_else(|| format!("there is no [order.{name}]"))?;
        let given = tokio::time::timeout(CALL_TIMEOUT, described.give(via, &node)).await;
        given.unwrap_or_else(|_| Err(format!("no reply within {CALL_TIMEOUT:?}")))
    }
}

impl Described {
    fn parse(
        words: &OrderWords,
        field: &str,
        definition: &Definition,
        options: &Options,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let known = address_names(definition);
        let OrderWords { look, request, headers, body, jq_body, status, when } = words;
        let look = look.as_ref().map(|LookWords { request, body }| {
            let headers = &BTreeMap::new();
            let (body, jq_body, status, when) = (body.as_ref(), None, None, None);
            let words = CallWords { request, headers, body, jq_body, status, when };
            Call::parse(words, (&format!("{field}.look"), &known), options, source)
        });
        let (body, jq_body) = (body.as_ref(), jq_body.as_ref());
        let (status, when) = (status.as_ref(), when.as_ref());
        let words = CallWords { request, headers, body, jq_body, status, when };
        let call = Call::parse(words, (field, &known), options, source)?;
        Ok(Self { look: look.transpose()?, call })
    }

    async fn give(&self, via: SocketAddr, node: &Value) -> Result<Value, String> {
        let nothing = Sight { input: &Value::Null, value: node };
        let found = match &self.look {
            Some(look) => look.ask(via, 0, nothing).await?.json,
            None => Value::Null,
        };
        let reply = self.call.ask(via, 0, Sight { input: &found, value: node }).await?;
        Ok(reply.json)
    }
}
