//! The proxy world: the same cuts as in the sandbox, and bytes that wait behind them.

#[path = "shapes/mod.rs"]
mod shapes;

use std::time::Duration;

use squall_nemesis::grudge::Grudge;
use squall_nemesis::network::{Backend, Network};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(150);

/// A connection that `from` opened to `to`, with both of its ends.
async fn connection(network: &Network, from: usize, to: usize) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(network.listen(to)).await.expect("the port is reserved");
    let opened = TcpStream::connect(network.peer(from, to)).await.expect("the proxy accepts");
    let (accepted, _) =
        timeout(PATIENCE, listener.accept()).await.expect("the proxy dials").expect("accept");
    (opened, accepted)
}

async fn gets_through(from: &mut TcpStream, to: &mut TcpStream, patience: Duration) -> bool {
    from.write_all(b"?").await.expect("a proxy takes bytes at all times");
    comes_out(to, patience).await
}

async fn comes_out(to: &mut TcpStream, patience: Duration) -> bool {
    let mut byte = [0];
    match timeout(patience, to.read(&mut byte)).await {
        Ok(read) => read.expect("the connection stands") == 1,
        Err(_) => false,
    }
}

#[tokio::test]
async fn every_shape_is_observed_exactly() {
    let network = Network::proxy(5).await.expect("loopback");
    assert_eq!(network.backend(), Backend::Proxy);
    shapes::shows(&network, "fresh", &Grudge::none(5)).await;
    shapes::every_shape_is_what_probes_see(&network).await;
}

#[tokio::test]
async fn an_established_connection_falls_silent_one_way_and_resumes() {
    let network = Network::proxy(2).await.expect("loopback");
    let (mut opened, mut accepted) = connection(&network, 0, 1).await;
    assert!(gets_through(&mut opened, &mut accepted, PATIENCE).await);
    assert!(gets_through(&mut accepted, &mut opened, PATIENCE).await);

    network.apply(&Grudge::one_way(&[0], &[1], 2)).await.expect("gates");
    assert!(!gets_through(&mut opened, &mut accepted, SILENCE).await);
    assert!(gets_through(&mut accepted, &mut opened, PATIENCE).await);

    // What was held back comes out first.
    network.heal().await.expect("gates");
    assert!(comes_out(&mut accepted, PATIENCE).await);
}

#[tokio::test]
async fn a_cut_also_stops_replies_on_connections_the_other_opened() {
    let network = Network::proxy(2).await.expect("loopback");
    let (mut opened, mut accepted) = connection(&network, 1, 0).await;
    assert!(gets_through(&mut opened, &mut accepted, PATIENCE).await);
    network.apply(&Grudge::one_way(&[0], &[1], 2)).await.expect("gates");
    assert!(gets_through(&mut opened, &mut accepted, PATIENCE).await);
    assert!(!gets_through(&mut accepted, &mut opened, SILENCE).await);
}

#[tokio::test]
async fn the_end_of_a_connection_waits_for_the_heal() {
    let network = Network::proxy(2).await.expect("loopback");
    let (mut opened, accepted) = connection(&network, 0, 1).await;
    network.apply(&Grudge::isolate(1, 2)).await.expect("gates");
    drop(accepted);
    let mut rest = Vec::new();
    let end = timeout(SILENCE, opened.read_to_end(&mut rest)).await;
    assert!(end.is_err(), "the end came through a cut");
    network.heal().await.expect("gates");
    timeout(PATIENCE, opened.read_to_end(&mut rest))
        .await
        .expect("the end comes after the heal")
        .expect("an orderly end");
}

#[tokio::test]
async fn clients_do_not_notice_cuts_between_nodes() {
    let network = Network::proxy(2).await.expect("loopback");
    let listener = TcpListener::bind(network.listen(1)).await.expect("the port is reserved");
    network.apply(&Grudge::isolate(1, 2)).await.expect("gates");
    let mut client = TcpStream::connect(network.listen(1)).await.expect("straight to the node");
    let (mut node, _) = listener.accept().await.expect("accept");
    assert!(gets_through(&mut client, &mut node, PATIENCE).await);
}

#[tokio::test]
async fn a_node_that_is_down_refuses_through_its_proxy() {
    let network = Network::proxy(2).await.expect("loopback");
    let mut opened = TcpStream::connect(network.peer(0, 1)).await.expect("the proxy accepts");
    let read = timeout(PATIENCE, opened.read(&mut [0])).await.expect("no silence");
    assert!(read.is_err() || read.is_ok_and(|length| length == 0));
}

#[tokio::test]
async fn everything_ends_with_the_network() {
    let network = Network::proxy(2).await.expect("loopback");
    let peer = network.peer(0, 1);
    let (mut opened, _accepted) = connection(&network, 0, 1).await;
    drop(network);
    let ended = timeout(PATIENCE, opened.read(&mut [0])).await.expect("no silence");
    assert!(ended.is_err() || ended.is_ok_and(|length| length == 0));
    let refused = async {
        while TcpStream::connect(peer).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("the proxy stops accepting");
}

#[tokio::test]
async fn a_network_outside_a_sandbox_touches_no_links() {
    let refused = Network::sandbox(3).await.map(|network| network.describe());
    let error = refused.expect_err("not inside a sandbox").to_string();
    assert!(error.contains("not inside a sandbox"), "{error}");
}
