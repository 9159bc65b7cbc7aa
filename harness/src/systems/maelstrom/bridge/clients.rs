//! Who waits for an answer of the node.
//!
//! No two requests that any run of any bridge of a cluster makes share the name of the client and
//! the message id: a node that kept an old request on disk may answer it after a restart, and that
//! must not be taken for the answer to a new one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::names::Names;

/// The most requests that may wait at once.
const WAITING_MAX: u64 = 4096;
/// How many runs of a bridge there are names for.
const RUNS: u64 = 1 << 32;

/// The body of a message.
pub(super) type Body = Map<String, Value>;

/// The clients of one bridge. A client has one request at a time; its name is used again.
pub(super) struct Clients {
    /// By number, from here on.
    first: u64,
    names: Names,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    waiting: HashMap<u64, (u64, oneshot::Sender<Body>)>,
    /// Numbers that were used and are free again.
    free: Vec<u64>,
    used: u64,
    last_msg_id: u64,
}

/// A request that waits. Dropping it makes an answer come too late.
pub(super) struct Asked {
    clients: Arc<Clients>,
    number: u64,
    msg_id: u64,
    answer: oneshot::Receiver<Body>,
}

impl Clients {
    /// Nobody yet.
    pub(super) fn new(names: Names) -> Self {
        let run = u64::from(rand::random::<u32>()) % RUNS;
        Self { first: run * WAITING_MAX, names, table: Mutex::default() }
    }

    /// Makes ready for one request; none where too many wait already.
    pub(super) fn ask(self: &Arc<Self>) -> Option<Asked> {
        let mut table = self.table();
        let number = match table.free.pop() {
            Some(number) => number,
            None if table.used < WAITING_MAX => {
                table.used += 1;
                self.first + table.used - 1
            }
            None => return None,
        };
        table.last_msg_id += 1;
        let msg_id = table.last_msg_id;
        let (reply, answer) = oneshot::channel();
        table.waiting.insert(number, (msg_id, reply));
        Some(Asked { clients: Arc::clone(self), number, msg_id, answer })
    }

    /// Hands `body` to the request that it answers; false where there is none, such as one that
    /// was given up or answered before.
    pub(super) fn answer(&self, client: &str, body: Body) -> bool {
        let asked = body.get("in_reply_to").and_then(Value::as_u64);
        let mut table = self.table();
        let places = self.names.all().len() as u64;
        let number = client.strip_prefix('c').and_then(|number| number.parse::<u64>().ok());
        let Some(number) = number.map(|number| number / places) else { return false };
        match table.waiting.get(&number) {
            Some((msg_id, _)) if asked == Some(*msg_id) => {}
            _ => return false,
        }
        let reply = table.waiting.remove(&number);
        reply.is_some_and(|(_, reply)| reply.send(body).is_ok())
    }

    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.table().waiting.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no thread panics while it holds the table")
    }
}

impl Asked {
    /// The message that carries `body` to the node.
    pub(super) fn message(&self, mut body: Body) -> String {
        body.insert("msg_id".to_owned(), self.msg_id.into());
        let names = &self.clients.names;
        let src = names.client(self.number);
        format!("{}\n", serde_json::json!({ "src": src, "dest": names.own(), "body": body }))
    }

    /// The body of the answer, once it is there.
    pub(super) async fn answer(&mut self) -> Body {
        match (&mut self.answer).await {
            Ok(body) => body,
            // The sender stays in the table until it has sent or this is dropped.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut table = self.clients.table();
        table.waiting.remove(&self.number);
        table.free.push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(asked: &Asked) -> (String, u64) {
        let message: Value = serde_json::from_str(&asked.message(Body::new())).expect("JSON");
        let src = message["src"].as_str().expect("a name").to_owned();
        (src, message["body"]["msg_id"].as_u64().expect("a number"))
    }

    fn reply_to(msg_id: u64) -> Body {
        json!({ "in_reply_to": msg_id }).as_object().expect("an object").clone()
    }

    #[tokio::test]
    async fn an_answer_reaches_the_request_it_names_and_no_other() {
        let clients = Arc::new(Clients::new(Names::new("n2", ["n1", "n3"])));
        let mut asked = clients.ask().expect("there is room");
        let (client, msg_id) = sent(&asked);
        assert!(!clients.answer(&client, Body::new()), "it answers nothing");
        assert!(!clients.answer(&client, reply_to(msg_id + 1)), "it answers something else");
        assert!(!clients.answer("c1", reply_to(msg_id)), "it is for somebody else");
        assert!(clients.answer(&client, reply_to(msg_id)));
        assert!(!clients.answer(&client, reply_to(msg_id)), "it was answered before");
        assert_eq!(asked.answer().await, reply_to(msg_id));
    }

    #[test]
    fn a_name_is_used_again_with_other_message_ids_and_names_are_bounded() {
        let clients = Arc::new(Clients::new(Names::new("n1", [])));
        let (client, msg_id) = sent(&clients.ask().expect("there is room"));
        let again = clients.ask().expect("there is room");
        assert_eq!(sent(&again).0, client);
        assert_ne!(sent(&again).1, msg_id);
        assert!(!clients.answer(&client, reply_to(msg_id)), "it was given up");
        drop(again);
        let all: Vec<_> = std::iter::from_fn(|| clients.ask()).collect();
        assert_eq!((all.len() as u64, clients.waiting() as u64), (WAITING_MAX, WAITING_MAX));
        drop(all);
        assert_eq!(clients.waiting(), 0);
        assert_ne!(Clients::new(Names::new("n1", [])).first, clients.first, "another run");
    }
}
