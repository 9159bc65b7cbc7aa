//! Orders to the built-in node, in the words of its `/admin` API, and who its voters are.

use std::{net::SocketAddr, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::system::Order;

/// How long a node may take to carry an order out: a snapshot of a large state takes a while.
const ORDER_TIMEOUT: Duration = Duration::from_secs(5);

/// The path of an order, and what is sent there.
fn request(order: &Order) -> (&'static str, Option<Value>) {
    match order {
        Order::AddLearner { name, address } => {
            ("/admin/members", Some(json!({ "add": { "id": name, "address": address } })))
        }
        Order::Promote { name } => ("/admin/members", Some(json!({ "promote": name }))),
        Order::Remove { name } => ("/admin/members", Some(json!({ "remove": name }))),
        Order::Transfer { name } => ("/admin/transfer", Some(json!({ "to": name }))),
        Order::Snapshot => ("/admin/snapshot", None),
    }
}

/// Gives `order` to the node at `via`, once.
///
/// # Errors
/// What it answered, or why there is no answer.
pub(super) async fn give(
    http: &reqwest::Client,
    via: SocketAddr,
    order: &Order,
) -> Result<Value, String> {
    let (path, body) = request(order);
    let mut post = http.post(format!("http://{via}{path}")).timeout(ORDER_TIMEOUT);
    if let Some(body) = body {
        post = post.json(&body);
    }
    let reply = post.send().await.map_err(|error| crate::run::chain(&error))?;
    let status = reply.status();
    let said: Value = reply.json().await.unwrap_or_default();
    if status.is_success() {
        return Ok(said);
    }
    let why = said.get("error").and_then(Value::as_str).unwrap_or("no reason given");
    Err(format!("{}: {why}", status.as_u16()))
}

/// The members that vote, as the node at `node` has it.
pub(super) async fn voters(http: &reqwest::Client, node: SocketAddr) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Status {
        voters: Option<Vec<String>>,
    }
    let reply = http.get(format!("http://{node}/status")).send().await.ok()?;
    reply.json::<Status>().await.ok()?.voters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_given_in_the_words_of_the_api() {
        let asked = |order: &Order| {
            let (path, body) = request(order);
            format!("{path} {}", body.unwrap_or_default())
        };
        let name = || "n3".to_owned();
        let address = "10.77.0.3:8000".parse().expect("an address");
        assert_eq!(
            asked(&Order::AddLearner { name: name(), address }),
            r#"/admin/members {"add":{"address":"10.77.0.3:8000","id":"n3"}}"#
        );
        let promote = Order::Promote { name: name() };
        assert_eq!(asked(&promote), r#"/admin/members {"promote":"n3"}"#);
        assert_eq!(asked(&Order::Remove { name: name() }), r#"/admin/members {"remove":"n3"}"#);
        assert_eq!(asked(&Order::Transfer { name: name() }), r#"/admin/transfer {"to":"n3"}"#);
        assert_eq!(asked(&Order::Snapshot), "/admin/snapshot null");
    }
}
