//! Against real servers, where there are any; and what replies prove.

use ::redis::{ErrorKind, RedisError, ServerErrorKind, Value, make_extension_error};
use serde_json::json;
use squall_workloads::Invocation;

use super::{
    super::{
        keyed,
        trial::{self, Server},
    },
    client::complete,
    connection::completion,
    *,
};
use crate::system::Completion;

fn judge(invocation: &Invocation, reply: Value) -> Completion {
    let (_, asked) = keyed::asked(invocation).expect("offered");
    complete(invocation, asked, reply)
}

fn bulk(text: &str) -> Value {
    Value::BulkString(text.into())
}

#[test]
fn replies_are_mapped_by_what_they_prove() {
    let ok = |value| Completion::Ok { value, revision: None };
    let read = Invocation::read("k");
    assert_eq!(judge(&read, Value::Nil), ok(json!(null)));
    assert_eq!(judge(&read, bulk("[1,2]")), ok(json!([1, 2])));
    let write = Invocation::write("k", 5);
    assert_eq!(judge(&write, Value::Okay), ok(json!(5)));
    let cas = Invocation::cas("k", json!(4), json!(5));
    assert_eq!(judge(&cas, Value::Array(vec![Value::Int(1)])), ok(json!([4, 5])));
    let refused = judge(&cas, Value::Array(vec![Value::Int(0), bulk("7")]));
    assert_eq!(refused, Completion::Mismatch { found: Some(json!(7)) });
    for (invocation, reply) in [
        (&read, bulk("<html>")),
        (&read, Value::Okay),
        (&write, Value::Nil),
        (&cas, Value::Nil),
        (&cas, Value::Array(vec![Value::Int(0)])),
        (&cas, Value::Array(vec![Value::Int(0), bulk("{")])),
    ] {
        let ended = judge(invocation, reply.clone());
        assert!(matches!(ended, Completion::Info(_)), "{reply:?}: {ended:?}");
    }
}

#[test]
fn only_refusals_before_execution_are_definite() {
    let known = |kind| RedisError::from((ErrorKind::Server(kind), "refused"));
    let other = |code: &str| make_extension_error(code.to_owned(), None);
    for error in [
        known(ServerErrorKind::ReadOnly),
        known(ServerErrorKind::BusyLoading),
        known(ServerErrorKind::MasterDown),
        other("NOREPLICAS"),
        other("MISCONF"),
    ] {
        assert!(matches!(completion(&error), Completion::Fail(_)), "{error}");
    }
    for error in [
        known(ServerErrorKind::ResponseError),
        known(ServerErrorKind::ExecAbort),
        other("UNHEARD"),
        RedisError::from((ErrorKind::Io, "broken pipe")),
        RedisError::from((ErrorKind::Parse, "no RESP")),
    ] {
        assert!(matches!(completion(&error), Completion::Info(_)), "{error}");
    }
}

#[test]
fn a_role_is_read_from_what_a_server_tells() {
    let role = |info| status(info).and_then(|status| status.role);
    assert_eq!(role("$9\r\n# Replication\r\nrole:master\r\n").as_deref(), Some("leader"));
    assert_eq!(role("role:slave\r\nmaster_link_status:up\r\n").as_deref(), Some("follower"));
    assert_eq!(role("-NOAUTH Authentication required.\r\n"), None);
}

/// One server and one sentinel that takes it for the master.
struct Pair {
    server: Server,
    _sentinel: Server,
    address: SocketAddr,
    redis: Redis,
    _folder: tempfile::TempDir,
}

fn pair(test: &str) -> Option<Pair> {
    let server = trial::installed(test, "redis-server")?;
    let sentinel = trial::installed(test, "redis-sentinel")?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (address, beside) = (trial::free(), trial::free());
    let conf = format!(
        "port {}\nsentinel monitor {MASTER} 127.0.0.1 {} 1\n",
        beside.port(),
        address.port()
    );
    std::fs::write(folder.path().join("sentinel.conf"), conf).expect("a writable folder");
    let port = address.port().to_string();
    let server = Server::run(&server, folder.path(), &["--port", &port, "--save", ""]);
    Some(Pair {
        server,
        _sentinel: Server::run(&sentinel, folder.path(), &["sentinel.conf"]),
        address,
        redis: Redis { reads: Reads::Master, sentinel_port: beside.port() },
        _folder: folder,
    })
}

#[tokio::test]
async fn every_operation_does_what_it_says() {
    let Some(mut pair) = pair("every_operation_does_what_it_says") else { return };
    let mut client = pair.redis.client(&[pair.address]);
    trial::until_ok(&mut *client, &Invocation::read("ready")).await;
    trial::every_operation(&mut *client).await;
    let status = pair.redis.probe(pair.address).await.expect("it answers");
    assert_eq!(status.role.as_deref(), Some("leader"));

    pair.server.kill();
    // The connection may be seen to end by the first operation on it only.
    trial::outcome(&mut *client, &Invocation::read("a")).await;
    let refused = trial::outcome(&mut *client, &Invocation::write("a", 6)).await;
    assert!(matches!(refused, Completion::Fail(_)), "{refused:?}");
    assert_eq!(pair.redis.probe(pair.address).await, None);
}

#[tokio::test]
async fn what_is_given_up_poisons_nothing() {
    let Some(pair) = pair("what_is_given_up_poisons_nothing") else { return };
    let mut client = pair.redis.client(&[pair.address]);
    trial::giving_up_poisons_nothing(&pair.server, &mut *client).await;
}

#[tokio::test]
async fn a_server_that_never_answers_was_never_sent_anything() {
    let silent = trial::listening();
    let address = silent.local_addr().expect("it listens");
    let mut client = RedisClient::of(&[address], address.port(), Reads::Master);
    for _ in 0..2 {
        let ended = trial::outcome(&mut client, &Invocation::write("a", 1)).await;
        assert!(matches!(ended, Completion::Fail(_)), "{ended:?}");
    }
}
