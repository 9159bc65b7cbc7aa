//! Links to made-up bridges that take messages in, or do not.

use std::future::pending;

use axum::{Router as Routes, routing::post};
use tokio::{net::TcpListener, sync::mpsc};

use super::*;

const WITHIN: Duration = Duration::from_secs(10);

fn weather(latency_ms: u64, jitter_ms: u64, loss: f64) -> Weather {
    let ms = Duration::from_millis;
    Weather { latency: ms(latency_ms), jitter: ms(jitter_ms), loss }
}

/// Serves at `listener`, and hands over every message that arrives.
fn serve(listener: TcpListener) -> mpsc::UnboundedReceiver<String> {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let take_in = move |body: String| async move {
        for line in body.lines() {
            drop(arrived.send(line.to_owned()));
        }
    };
    let routes = Routes::new().route("/peer", post(take_in));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    arrivals
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

fn number(counts: &Counts, name: &str) -> u64 {
    counts.show()[name].as_u64().expect("a count")
}

/// Polls until `condition` holds.
async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {WITHIN:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn messages_arrive_once_and_in_order_where_nothing_delays_them() {
    let (listener, address) = listener().await;
    let mut arrivals = serve(listener);
    let link = Link::to(address, Weather::default(), 1, Arc::default());
    for number in 0..1000 {
        link.send(format!("{number}\n").into());
    }
    for number in 0..1000 {
        assert_eq!(arrivals.recv().await, Some(number.to_string()));
    }
    assert!(arrivals.try_recv().is_err());
}

#[tokio::test]
async fn jitter_lets_messages_overtake_each_other_and_loss_takes_its_share() {
    let (listener, address) = listener().await;
    let mut arrivals = serve(listener);
    let counts = Arc::new(Counts::default());
    let sent = Instant::now();
    let link = Link::to(address, weather(20, 20, 0.3), 1, Arc::clone(&counts));
    for number in 0..1000_u32 {
        link.send(format!("{number}\n").into());
    }
    let lost = number(&counts, "lost");
    assert!((200..400).contains(&lost), "{lost} of 1000 were lost");
    let mut arrived = Vec::new();
    for _ in lost..1000 {
        let line = arrivals.recv().await.expect("it was not lost");
        arrived.push(line.parse::<u32>().expect("a number"));
        assert!(sent.elapsed() >= Duration::from_millis(20), "{line} came too early");
    }
    assert!(!arrived.is_sorted(), "nothing overtook anything");
}

#[tokio::test]
async fn what_a_silent_peer_does_not_take_is_lost_and_not_sent_later() {
    let (listener, address) = listener().await;
    let (accepted, mut connections) = mpsc::unbounded_channel();
    let silent = tokio::spawn(async move {
        // Connections are kept, and nothing on them is ever answered.
        while let Ok((connection, _)) = listener.accept().await {
            drop(accepted.send(connection));
        }
        pending::<()>().await;
    });
    let counts = Arc::new(Counts::default());
    let link = Link::to(address, Weather::default(), 1, Arc::clone(&counts));
    link.send("first\n".into());
    let _held = connections.recv().await.expect("the link connects");
    for _ in 0..100 {
        link.send("behind\n".into());
    }
    eventually("all are dropped", || number(&counts, "dropped") == 101).await;
    silent.abort();
    assert!(silent.await.is_err_and(|error| error.is_cancelled()));

    let listener = TcpListener::bind(address).await.expect("the port is free again");
    let mut arrivals = serve(listener);
    eventually("the link is up again", || {
        link.send("anew\n".into());
        number(&counts, "carried") > 0
    })
    .await;
    assert_eq!(arrivals.recv().await.as_deref(), Some("anew"));
}

#[tokio::test]
async fn what_waits_for_a_peer_is_bounded() {
    let (_listener, address) = listener().await;
    let counts = Arc::new(Counts::default());
    let link = Link::to(address, weather(10_000, 0, 0.0), 1, Arc::clone(&counts));
    let line = Bytes::from(vec![b'x'; 1 << 20]);
    for _ in 0..100 {
        link.send(line.clone());
    }
    assert_eq!(number(&counts, "dropped"), 100 - 31, "32 MiB less what messages take beside");
}
