//! Against a real server, where there is one; and what servers tell of themselves.

use serde_json::json;
use squall_workloads::Invocation;

use super::{
    super::trial::{self, Server as Program},
    *,
};
use crate::system::Completion;

fn nats(reads: Reads) -> Nats {
    Nats { reads, probes: reqwest::Client::new() }
}

#[test]
fn who_leads_the_stream_is_read_from_what_a_server_tells() {
    let streams = json!({ "account_details": [{ "stream_detail": [
        { "name": "KV_other", "cluster": { "leader": "n1" } },
        { "name": "KV_squall", "cluster": { "leader": "n2", "replicas": [{ "current": true }] } },
    ] }] });
    let streams: Streams = serde_json::from_value(streams).expect("as servers tell it");
    let of = |name: &str| status(&Server { server_name: name.to_owned() }, &streams);
    assert_eq!(of("n2").role.as_deref(), Some("leader"));
    assert_eq!(of("n1").role.as_deref(), Some("follower"));
    assert_eq!(of("n1").leader.as_deref(), Some("n2"));
    let without = status(&Server { server_name: "n1".to_owned() }, &Streams::default());
    assert_eq!(without, Status::default());
}

/// A server by itself, with the bucket made.
async fn server(test: &str, nats: &Nats) -> Option<(Program, SocketAddr, tempfile::TempDir)> {
    let program = trial::installed(test, "nats-server")?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = trial::free();
    let port = address.port().to_string();
    let arguments = ["-a", "127.0.0.1", "-p", &port, "-js", "-sd", "."];
    let server = Program::run(&program, folder.path(), &arguments);
    let made = async {
        while nats.make_bucket(&[address]).await.is_err() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(trial::PATIENCE, made).await.expect("a healthy server makes a bucket");
    Some((server, address, folder))
}

#[tokio::test]
async fn every_operation_does_what_it_says() {
    for reads in [Reads::Leader, Reads::Direct] {
        let nats = nats(reads);
        let started = server("every_operation_does_what_it_says", &nats).await;
        let Some((mut server, address, _folder)) = started else { return };
        let mut client = nats.client(&[address]);
        trial::every_operation(&mut *client).await;

        let revision = |completion| match completion {
            Completion::Ok { revision: Some(revision), .. } => revision,
            other => panic!("no revision: {other:?}"),
        };
        let written = revision(trial::outcome(&mut *client, &Invocation::write("r", 1)).await);
        let read = revision(trial::outcome(&mut *client, &Invocation::read("r")).await);
        assert_eq!(read, written);

        server.kill();
        // The connection may be seen to end by the first operation on it only.
        trial::outcome(&mut *client, &Invocation::read("a")).await;
        let refused = trial::outcome(&mut *client, &Invocation::write("a", 6)).await;
        assert!(matches!(refused, Completion::Fail(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn what_is_given_up_poisons_nothing() {
    let nats = nats(Reads::Leader);
    let started = server("what_is_given_up_poisons_nothing", &nats).await;
    let Some((server, address, _folder)) = started else { return };
    trial::giving_up_poisons_nothing(&server, &mut *nats.client(&[address])).await;
}

#[tokio::test]
async fn a_server_that_never_answers_was_never_sent_anything() {
    let silent = trial::listening();
    let address = silent.local_addr().expect("it listens");
    let mut client = NatsClient::of(&[address], Reads::Leader);
    for _ in 0..2 {
        let ended = trial::outcome(&mut client, &Invocation::write("a", 1)).await;
        assert!(matches!(ended, Completion::Fail(_)), "{ended:?}");
    }
}
