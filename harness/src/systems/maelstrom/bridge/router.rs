//! Where each message goes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hyper::body::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{
    super::error_code::ErrorCode,
    bounded::Queue,
    child::Line,
    clients::{Body, Clients},
    counts::Counts,
    link::Link,
    names::{Names, Whom},
};

/// How many lines that lead nowhere are quoted in the log.
const QUOTED_MAX: u64 = 100;
/// How much of such a line is.
const QUOTED_CHARS: usize = 200;

/// Everything a message may come by.
pub(super) struct Router {
    names: Names,
    inbox: Queue<Bytes>,
    /// By place; none to the node itself.
    links: Vec<Option<Link>>,
    pub(super) clients: Arc<Clients>,
    pub(super) counts: Arc<Counts>,
    /// Whether the node has answered `init`; it is not to be spoken to before.
    ready: AtomicBool,
}

/// What every message has; its body is looked at only where it ends here.
#[derive(Deserialize)]
struct Outside {
    #[serde(rename = "src")]
    _src: String,
    dest: String,
    #[serde(rename = "body")]
    _body: IgnoredAny,
}

#[derive(Deserialize)]
struct Inside {
    src: String,
    body: Body,
}

impl Router {
    pub(super) fn new(
        names: Names,
        inbox: Queue<Bytes>,
        links: Vec<Option<Link>>,
        clients: Arc<Clients>,
        counts: Arc<Counts>,
    ) -> Self {
        Self { names, inbox, links, clients, counts, ready: AtomicBool::new(false) }
    }

    /// Whether the node has answered `init`.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Lets others speak to the node.
    pub(super) fn begin(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Gives a line, its end included, to the node; false where it does not take it in.
    pub(super) fn deliver(&self, line: Bytes) -> bool {
        let bytes = line.len();
        let delivered = self.inbox.push(line, bytes).is_ok();
        match delivered {
            true => self.counts.delivered(1),
            false => self.counts.dropped(1),
        }
        delivered
    }

    /// Sends on what the node printed.
    pub(super) fn route(&self, line: &Line<'_>) {
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLong(start) => return self.complain("is too long", start),
        };
        let outside = match serde_json::from_slice::<Outside>(line) {
            Ok(outside) => outside,
            Err(error) if error.is_data() => {
                return self.complain(&format!("is no message ({error})"), line);
            }
            Err(_) => return self.complain("is not JSON", line),
        };
        match self.names.whom(&outside.dest) {
            Whom::Node(place) | Whom::ClientOf(place) if place != self.names.own_place() => {
                match &self.links[place] {
                    Some(link) => link.send(with_end(line)),
                    None => self.complain("is for a node that cannot be reached", line),
                }
            }
            Whom::Node(_) => {
                self.deliver(with_end(line));
            }
            Whom::ClientOf(_) => self.answer(&outside.dest, line),
            Whom::Service => self.refuse_service(&outside.dest, line),
            Whom::Nobody => self.complain("is for nobody there is", line),
        }
    }

    /// Takes in what the bridge of another node sent: messages for this node and answers to its
    /// clients. Nothing is sent on.
    pub(super) fn take_in(&self, batch: &Bytes) {
        for line in batch.split_inclusive(|byte| *byte == b'\n') {
            let Ok(outside) = serde_json::from_slice::<Outside>(line) else {
                self.counts.dropped(1);
                continue;
            };
            match self.names.whom(&outside.dest) {
                // Before it knows who it is, the node is as if it were not there.
                Whom::Node(place) if place == self.names.own_place() && self.is_ready() => {
                    self.deliver(batch.slice_ref(line));
                }
                Whom::ClientOf(place) if place == self.names.own_place() => {
                    self.answer(&outside.dest, line);
                }
                _ => self.counts.dropped(1),
            }
        }
    }

    fn answer(&self, client: &str, line: &[u8]) {
        match serde_json::from_slice::<Inside>(line) {
            Ok(Inside { body, .. }) => match self.clients.answer(client, body) {
                true => self.counts.delivered(1),
                // Whoever asked has given up, or has an answer.
                false => self.counts.dropped(1),
            },
            Err(error) => self.complain(&format!("has no body to answer with ({error})"), line),
        }
    }

    /// Tells the node, where it waits for an answer, that there is no such service.
    fn refuse_service(&self, service: &str, line: &[u8]) {
        self.complain(&format!("is for the service `{service}`, and Squall offers none"), line);
        let Ok(Inside { src, body }) = serde_json::from_slice(line) else { return };
        let Some(msg_id) = body.get("msg_id").filter(|id| id.is_number()) else { return };
        let text = format!("Squall offers no services such as {service}");
        let error = error(ErrorCode::NOT_SUPPORTED, &text, msg_id);
        let reply = json!({ "src": service, "dest": src, "body": error });
        self.deliver(format!("{reply}\n").into());
    }

    fn complain(&self, what: &str, line: &[u8]) {
        let before = self.counts.misdirected();
        if before > QUOTED_MAX {
            return;
        }
        let node = self.names.own();
        if before == QUOTED_MAX {
            tracing::warn!("{node} goes on printing lines that lead nowhere; no more are quoted");
            return;
        }
        tracing::warn!("{node} printed a line that {what}: {}", shortened(line));
    }
}

fn error(code: ErrorCode, text: &str, in_reply_to: &Value) -> Value {
    json!({ "type": "error", "code": code.0, "text": text, "in_reply_to": in_reply_to })
}

fn with_end(line: &[u8]) -> Bytes {
    [line, b"\n"].concat().into()
}

/// The beginning of a line, in one line.
fn shortened(line: &[u8]) -> String {
    let start = &line[..line.len().min(4 * QUOTED_CHARS)];
    let text = String::from_utf8_lossy(start);
    let mut shown: String = text.chars().take(QUOTED_CHARS).flat_map(char::escape_debug).collect();
    if line.len() > shown.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{
        super::bounded::{Waiting, queue},
        *,
    };

    /// The router of `n2` among `n1` and `n2`, without a link, and what reaches its node.
    fn router() -> (Router, Waiting<Bytes>) {
        let names = Names::new("n2", ["n1"]);
        let (inbox, waiting) = queue(1 << 20);
        let clients = Arc::new(Clients::new(names.clone()));
        (Router::new(names, inbox, vec![None, None], clients, Arc::default()), waiting)
    }

    fn next(waiting: &mut Waiting<Bytes>) -> Option<String> {
        waiting.try_next().map(|held| String::from_utf8_lossy(&held.item).into_owned())
    }

    #[test]
    fn what_comes_from_another_bridge_is_for_this_node_or_its_clients_and_goes_no_further() {
        let (router, mut waiting) = router();
        let own = r#"{"src":"n1","dest":"n2","body":{"type":"x","more":[1]}}"#;
        let batch = format!("{own}\n{}\nno JSON\n{own}\n", own.replace("n2", "n1"));
        router.take_in(&batch.clone().into());
        assert_eq!(next(&mut waiting), None, "it has not answered init");
        router.begin();
        router.take_in(&batch.into());
        for _ in 0..2 {
            assert_eq!(next(&mut waiting), Some(format!("{own}\n")));
        }
        assert_eq!(next(&mut waiting), None);
        assert_eq!(router.counts.show()["dropped"], 4 + 2);
    }

    #[tokio::test]
    async fn a_client_is_answered_by_whichever_node_and_once() {
        let (router, _waiting) = router();
        let mut asked = router.clients.ask().expect("there is room");
        let sent: Value = serde_json::from_str(&asked.message(Body::new())).expect("JSON");
        let body = json!({ "type": "read_ok", "in_reply_to": sent["body"]["msg_id"] });
        let answer = json!({ "src": "n1", "dest": sent["src"], "body": body }).to_string();
        router.take_in(&answer.clone().into());
        assert_eq!(Value::Object(asked.answer().await), body);
        router.route(&Line::Whole(answer.as_bytes()));
        assert_eq!(router.counts.show()["dropped"], 1, "it has its answer");
    }

    #[test]
    fn a_message_to_itself_reaches_the_node_and_services_refuse() {
        let (router, mut waiting) = router();
        let own = r#"{"src":"n2","dest":"n2","body":{}}"#;
        router.route(&Line::Whole(own.as_bytes()));
        assert_eq!(next(&mut waiting), Some(format!("{own}\n")));
        let silent = r#"{"src":"n2","dest":"lin-tso","body":{"type":"ts"}}"#;
        router.route(&Line::Whole(silent.as_bytes()));
        assert_eq!(next(&mut waiting), None, "nobody waits for an answer");
        let asking = silent.replace(r#""type""#, r#""msg_id":7,"type""#);
        router.route(&Line::Whole(asking.as_bytes()));
        let refusal: Value =
            serde_json::from_str(&next(&mut waiting).expect("an answer")).expect("JSON");
        assert_eq!((&refusal["src"], &refusal["dest"]), (&json!("lin-tso"), &json!("n2")));
        let body = &refusal["body"];
        assert_eq!((&body["code"], &body["in_reply_to"]), (&json!(10), &json!(7)));
    }
}
