//! Against a real server, where there is one; and what errors and answers prove.

use squall_workloads::Invocation;

use super::{
    super::trial::{self, Server},
    client::completion,
    *,
};
use crate::system::Completion;

#[test]
fn only_what_the_server_refused_is_definite() {
    for error in [Error::BadVersion, Error::NodeExists, Error::NoAuth, Error::Throttled] {
        assert!(matches!(completion(&error), Completion::Fail(_)), "{error}");
    }
    for error in [
        Error::ConnectionLoss,
        Error::SessionExpired,
        Error::SessionMoved,
        Error::Timeout,
        Error::ClientClosed,
        Error::UnexpectedErrorCode(-5),
        Error::UnexpectedError("no response".to_owned()),
    ] {
        assert!(matches!(completion(&error), Completion::Info(_)), "{error}");
    }
}

#[test]
fn a_role_is_read_from_what_a_server_tells() {
    let answer = "Zookeeper version: 3.8.0\nOutstanding: 0\nZxid: 0x10000000a\nMode: follower\n";
    let expected = Status {
        role: Some("follower".to_owned()),
        applied: Some(0x1_0000_000a),
        ..Status::default()
    };
    assert_eq!(status(answer), Some(expected));
    let idle = "This ZooKeeper instance is not currently serving requests\n";
    assert_eq!(status(idle).and_then(|status| status.role).as_deref(), Some(CANDIDATE));
    assert_eq!(status(""), None);
}

/// A server by itself, with the node above all keys made.
async fn server(test: &str, zookeeper: &ZooKeeper) -> Option<(Server, SocketAddr, Folder)> {
    let java = trial::installed(test, "java")?;
    let classes = trial::installed(test, "zookeeper.jar")?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = trial::free();
    let conf = format!(
        "dataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n\
         4lw.commands.whitelist=srvr\n",
        folder.path().display(),
        address.port()
    );
    std::fs::write(folder.path().join("zoo.cfg"), conf).expect("a writable folder");
    let main = "org.apache.zookeeper.server.ZooKeeperServerMain";
    let classes = classes.to_string_lossy();
    let arguments = ["-Xmx128m", "-cp", &classes, main, "zoo.cfg"];
    let server = Server::run(&java, folder.path(), &arguments);
    let nodes = [address];
    let set_up = tokio::time::timeout(trial::PATIENCE, zookeeper.set_up(&nodes));
    set_up.await.expect("a healthy server is set up in time").expect("it can be set up");
    Some((server, address, folder))
}

type Folder = tempfile::TempDir;

#[tokio::test]
async fn every_operation_does_what_it_says() {
    let zookeeper = ZooKeeper { reads: Reads::Synced };
    let started = server("every_operation_does_what_it_says", &zookeeper).await;
    let Some((mut server, address, _folder)) = started else { return };
    let mut client = zookeeper.client(&[address]);
    trial::every_operation(&mut *client).await;
    let status = zookeeper.probe(address).await.expect("it answers");
    assert_eq!(status.role.as_deref(), Some("leader"));
    trial::giving_up_poisons_nothing(&server, &mut *client).await;

    server.kill();
    // The connection may be seen to end by the first operation on it only.
    trial::outcome(&mut *client, &Invocation::read("a")).await;
    let refused = trial::outcome(&mut *client, &Invocation::write("a", 6)).await;
    assert!(matches!(refused, Completion::Fail(_)), "{refused:?}");
    assert_eq!(zookeeper.probe(address).await, None);
}

#[tokio::test]
async fn a_server_that_never_answers_was_never_sent_anything() {
    let silent = trial::listening();
    let address = silent.local_addr().expect("it listens");
    let mut client = ZooKeeper { reads: Reads::Synced }.client(&[address]);
    for _ in 0..2 {
        let ended = trial::outcome(&mut *client, &Invocation::write("a", 1)).await;
        assert!(matches!(ended, Completion::Fail(_)), "{ended:?}");
    }
}
