//! The HTTP API of one real node, held to its own description: every reply in
//! here is validated against `/openapi.json`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use squall_node::{NodeArgs, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Time for anything a test waits for; generous, for machines are busy.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

/// A node that is a cluster of its own, and leads.
struct Node {
    address: SocketAddr,
    client: Client,
    document: Value,
    _dir: TempDir,
    /// Stops the node when dropped.
    _running: oneshot::Sender<()>,
}

/// A reply that is as described.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    body: Value,
}

impl Node {
    async fn start(flags: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().to_str().unwrap();
        let words = ["node", "--id=n1", "--listen=127.0.0.1:0", "--data", data];
        let args = Args::parse_from(words.into_iter().chain(flags.iter().copied())).node;
        let listener = TcpListener::bind(args.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (running, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(args, listener, async move {
            let _ = stopped.await;
        }));
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let url = format!("http://{address}/openapi.json");
        let document = client.get(url).send().await.unwrap().text().await.unwrap();
        let document = serde_json::from_str(&document).unwrap();
        let node = Self { address, client, document, _dir: dir, _running: running };
        let deadline = Instant::now() + PATIENCE;
        while node.call(Method::GET, "/status", "").await.body["role"] != "leader" {
            assert!(Instant::now() < deadline, "the node does not lead");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        node
    }

    async fn call(&self, method: Method, path: &str, body: &str) -> Reply {
        self.call_with(method, path, body, &[]).await
    }

    async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&'static str, u64)],
    ) -> Reply {
        let url = format!("http://{}{path}", self.address);
        let mut call = self.client.request(method.clone(), url).body(body.to_owned());
        for &(name, value) in headers {
            call = call.header(name, value);
        }
        let reply = call.send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text:?}"));
        self.validate(&method, path, status, &body);
        Reply { status, body }
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, &body.to_string()).await
    }

    async fn put(&self, path: &str, value: Value) -> Reply {
        self.call(Method::PUT, path, &json!({"value": value}).to_string()).await
    }

    /// Checks a reply against the description, for what is described at all.
    fn validate(&self, method: &Method, path: &str, status: StatusCode, body: &Value) {
        let template = match path.strip_prefix("/kv/") {
            Some(rest) => match rest.split_once('/') {
                Some((_, operation)) => format!("/kv/{{key}}/{operation}"),
                None => "/kv/{key}".to_owned(),
            },
            None => path.to_owned(),
        };
        let operation = &self.document["paths"][&template][method.as_str().to_lowercase()];
        if operation.is_null() {
            assert!([StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&status));
            return;
        }
        let mut described = &operation["responses"][status.as_str()];
        if let Some(name) = described["$ref"].as_str() {
            described = self.document.pointer(name.trim_start_matches('#')).unwrap();
        }
        let mut schema = described["content"]["application/json"]["schema"].clone();
        assert!(schema.is_object(), "{method} {path} replied {status}, which is not described");
        schema["components"] = self.document["components"].clone();
        if let Err(error) = jsonschema::validate(&schema, body) {
            panic!("{method} {path} replied {status} with {body}: {error}");
        }
    }
}

#[tokio::test]
async fn a_key_tells_its_revision_its_making_and_its_version() {
    let node = Node::start(&[]).await;
    assert_eq!(node.call(Method::GET, "/kv/a", "").await.status, StatusCode::NOT_FOUND);
    let made = node.put("/kv/a", json!({"x": [1, null]})).await.body["revision"].clone();
    let changed = node.put("/kv/a", json!("ü")).await.body["revision"].clone();
    assert!(changed.as_u64() > made.as_u64());
    let held = node.call(Method::GET, "/kv/a", "").await;
    let expected = json!({"value": "ü", "revision": changed, "created": made, "version": 2});
    assert_eq!((held.status, held.body), (StatusCode::OK, expected));
    let refused = node.post("/kv/a/cas", json!({"expect": null, "value": 1})).await;
    let expected = json!({"actual": "ü", "revision": changed});
    assert_eq!((refused.status, refused.body), (StatusCode::CONFLICT, expected));
    let refused = node.post("/kv/b/cas", json!({"expect": 0, "value": 1})).await;
    assert_eq!((refused.status, refused.body), (StatusCode::CONFLICT, json!({"actual": null})));
    assert_eq!(node.call(Method::DELETE, "/kv/a", "").await.status, StatusCode::OK);
    assert_eq!(node.call(Method::GET, "/kv/a", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_and_counters_grow_and_refuse_what_they_are_not() {
    let node = Node::start(&[]).await;
    for element in [json!(1), json!([2]), json!(null)] {
        let grown = node.post("/kv/l/append", json!({"value": element})).await;
        assert_eq!(grown.status, StatusCode::OK);
    }
    assert_eq!(node.call(Method::GET, "/kv/l", "").await.body["value"], json!([1, [2], null]));
    for (delta, sum) in [(5, 5), (-7, -2), (i64::MAX, i64::MAX - 2)] {
        let summed = node.post("/kv/c/add", json!({"delta": delta})).await;
        assert_eq!((summed.status, &summed.body["value"]), (StatusCode::OK, &json!(sum)));
    }
    for (path, body) in [
        ("/kv/c/append", json!({"value": 1})),
        ("/kv/l/add", json!({"delta": 1})),
        ("/kv/c/add", json!({"delta": 3})),
    ] {
        let refused = node.post(path, body).await;
        let expected = (StatusCode::UNPROCESSABLE_ENTITY, &json!(true));
        assert_eq!((refused.status, &refused.body["definite"]), expected, "{refused:?}");
    }
    let half = json!("x".repeat(700_000));
    assert_eq!(node.post("/kv/long/append", json!({"value": half})).await.status, StatusCode::OK);
    let refused = node.post("/kv/long/append", json!({"value": half})).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", refused.body);
}

#[tokio::test]
async fn a_transaction_takes_one_branch_as_a_whole() {
    let node = Node::start(&[]).await;
    node.put("/kv/a", json!(10)).await;
    let transaction = json!({
        "compare": [
            {"key": "a", "target": "value", "op": "<", "value": 11},
            {"key": "a", "target": "version", "op": "==", "value": 1},
            {"key": "b", "target": "revision", "op": "==", "value": 0},
            {"key": "b", "target": "exists", "op": "!=", "value": true},
        ],
        "success": [
            {"op": "add", "key": "a", "delta": -4},
            {"op": "append", "key": "b", "value": "e"},
            {"op": "get", "key": "b"},
            {"op": "get", "key": "missing"},
            {"op": "put", "key": "c", "value": null},
            {"op": "delete", "key": "c"},
        ],
        "failure": [{"op": "get", "key": "a"}],
    });
    let reply = node.post("/txn", transaction.clone()).await;
    let revision = &reply.body["revision"];
    let changed = json!({"revision": revision});
    let expected = json!({"succeeded": true, "revision": revision, "results": [
        {"value": 6, "revision": revision},
        changed,
        {"value": ["e"], "revision": revision, "created": revision, "version": 1},
        {"value": null},
        changed,
        changed,
    ]});
    assert_eq!((reply.status, &reply.body), (StatusCode::OK, &expected));
    let reply = node.post("/txn", transaction).await;
    assert_eq!(reply.body["succeeded"], false);
    assert_eq!(reply.body["results"][0]["value"], 6);

    let steps = [json!({"op": "delete", "key": "a"}), json!({"op": "add", "key": "b", "delta": 1})];
    let refused = node.post("/txn", json!({"success": steps})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(node.call(Method::GET, "/kv/a", "").await.body["value"], 6);
}

#[tokio::test]
async fn a_stamped_write_is_applied_once_however_often_it_is_tried() {
    let node = Node::start(&[]).await;
    let registered = node.call(Method::POST, "/session", "").await;
    let session = registered.body["session"].as_u64().unwrap();
    let stamp = |sequence, lowest| {
        [
            ("x-squall-session", session),
            ("x-squall-sequence", sequence),
            ("x-squall-lowest", lowest),
        ]
    };
    let append = async |element: u64, sequence, lowest| {
        let body = json!({"value": element}).to_string();
        let stamp = stamp(sequence, lowest);
        node.call_with(Method::POST, "/kv/l/append", &body, &stamp).await
    };
    let first = append(1, 1, 1).await;
    let again = append(1, 1, 1).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    append(2, 2, 2).await;
    let forgotten = append(1, 1, 1).await;
    assert_eq!(forgotten.status, StatusCode::GONE);
    assert_eq!(forgotten.body["definite"], false, "it was applied before");
    assert_eq!(node.call(Method::GET, "/kv/l", "").await.body["value"], json!([1, 2]));

    let mut stranger = stamp(1, 1);
    stranger[0].1 += 1_000;
    let body = r#"{"value":3}"#;
    let unknown = node.call_with(Method::POST, "/kv/l/append", body, &stranger).await;
    assert_eq!((unknown.status, &unknown.body["definite"]), (StatusCode::GONE, &json!(true)));
    let partial = &stamp(3, 3)[..2];
    let refused = node.call_with(Method::POST, "/kv/l/append", body, partial).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_for_good() {
    let node = Node::start(&[]).await;
    let step = json!({"op": "get", "key": "a"});
    let many = json!({"success": vec![&step; 65], "failure": vec![&step; 64]});
    let compare = |comparison: Value| json!({"compare": [comparison]});
    let value = json!("x".repeat(1 << 20));
    let long = json!({"value": value});
    let body = json!("x".repeat(4 << 20));
    let (bad, large) = (StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE);
    for (path, body, expected) in [
        ("/kv/a/append", json!({}), bad),
        ("/kv/a/append", json!({"value": 1, "of": 2}), bad),
        ("/kv/a/append", long.clone(), large),
        ("/kv/a/add", json!({"delta": 1.5}), bad),
        ("/kv/a/add", json!({"delta": u64::MAX}), bad),
        ("/kv/a/cas", json!({"expect": value, "value": 1}), large),
        ("/kv/a/cas", json!({"value": 1}), bad),
        ("/kv/%0a/add", json!({"delta": 1}), bad),
        ("/txn", json!({"success": [{"op": "put", "key": "a", "value": value}]}), large),
        ("/txn", json!({"success": [{"op": "put", "key": "", "value": 1}]}), bad),
        ("/txn", json!({"then": []}), bad),
        ("/txn", many, bad),
        ("/txn", body, large),
        ("/txn", compare(json!({"key": "a", "target": "exists", "op": "<", "value": true})), bad),
        ("/txn", compare(json!({"key": "a", "target": "version", "op": "<", "value": -1})), bad),
        ("/txn", compare(json!({"key": "a", "target": "lease", "op": "<", "value": 1})), bad),
        ("/session", json!({"id": 1}), bad),
        ("/admin/members", json!({}), bad),
        ("/admin/members", json!({"remove": "n1", "promote": "n2"}), bad),
        ("/admin/members", json!({"add": {"id": "n2"}}), bad),
        ("/admin/members", json!({"add": {"id": "n 2", "address": "127.0.0.1:1"}}), bad),
        ("/admin/transfer", json!({"to": ""}), bad),
    ] {
        let reply = node.post(path, body).await;
        assert_eq!((reply.status, &reply.body["definite"]), (expected, &json!(true)), "{path}");
    }
    let fits = json!("x".repeat((1 << 20) - 2));
    assert_eq!(node.put("/kv/a", fits).await.status, StatusCode::OK);
    assert_eq!(node.put("/kv/a", long["value"].clone()).await.status, large);
}

#[tokio::test]
async fn every_described_path_answers_and_takes_no_other_method() {
    let node = Node::start(&[]).await;
    for (template, item) in node.document["paths"].as_object().unwrap() {
        let path = template.replace("{key}", "a");
        for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE] {
            let url = format!("http://{}{path}", node.address);
            let reply = node.client.request(method.clone(), url).send().await.unwrap();
            let offered = item.get(method.as_str().to_lowercase()).is_some();
            let refused = reply.status() == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(refused, !offered, "{method} {path}");
            let unknown = reply.text().await.unwrap().contains("there is nothing at this path");
            assert!(!unknown, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_status_shows_the_state_and_the_metrics_count_it() {
    let node = Node::start(&[]).await;
    let before = node.call(Method::GET, "/status", "").await.body;
    node.put("/kv/a", json!(1)).await;
    node.post("/kv/a/cas", json!({"expect": 2, "value": 3})).await;
    node.post("/kv/a/append", json!({"value": 3})).await;
    node.call(Method::POST, "/session", "").await;
    let after = node.call(Method::GET, "/status", "").await.body;
    assert_ne!(before["digest"], after["digest"]);
    assert!(after["sessions"].as_u64() > before["sessions"].as_u64());
    for (member, expected) in [
        ("keys", json!(1)),
        ("voters", json!(["n1"])),
        ("members", json!({"n1": {"part": "voter", "address": ""}})),
        ("lag", json!({})),
        ("first_index", json!(1)),
        ("reads", json!("index")),
        ("bug", json!(null)),
    ] {
        assert_eq!(after[member], expected, "{member}");
    }

    let url = format!("http://{}/metrics", node.address);
    let reply = node.client.get(url).send().await.unwrap();
    let content_type = reply.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    let text = reply.text().await.unwrap();
    check_exposition(&text);
    for line in [
        r#"squall_operations_total{asked_by="client",kind="put",outcome="ok"} 1"#,
        r#"squall_operations_total{asked_by="client",kind="cas",outcome="mismatch"} 1"#,
        r#"squall_operations_total{asked_by="client",kind="append",outcome="refused"} 1"#,
        r#"squall_operations_total{asked_by="client",kind="session",outcome="ok"} 1"#,
        r#"squall_role{role="leader"} 1"#,
        "squall_leads_total 1",
        "squall_writes_waiting 0",
    ] {
        assert!(text.lines().any(|other| other == line), "no {line} in {text}");
    }
    let sample = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse::<f64>().unwrap()
    };
    assert!(sample("squall_commit_seconds_count ") >= 4.0);
    assert!(sample("squall_sync_seconds_count ") >= 5.0, "a vote and four entries");
    assert!(sample("squall_commit_seconds_sum ") > 0.0);
}

/// Checks the form of metrics: each sample belongs to the family before it, no
/// sample comes twice, buckets rise and end with the count.
fn check_exposition(text: &str) {
    let mut family = "";
    let mut seen = std::collections::BTreeSet::new();
    let mut bucket = (0.0, "");
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            family = declared.split(' ').next().unwrap();
            bucket = (0.0, "");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let number: f64 = value.parse().unwrap();
        assert!(number >= 0.0 && name.starts_with(family), "{line} in {family}");
        assert!(seen.insert(name), "{name} comes twice");
        if name.contains("_bucket{le=") {
            assert!(number >= bucket.0, "{line} is below the bucket before it");
            bucket = (number, value);
        } else if name == format!("{family}_count") {
            assert_eq!(value, bucket.1, "{line}");
        }
    }
}
