//! Clients that stall, hang up or ask for too much at once.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use squall_results::serve::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::{DEADLINE, Served, serve_within};
use super::invented::store::{Mint, store};
use super::{KIND, RUN, STAMP, guarded};

/// Asks, reads nothing, and waits until the server cuts the connection.
async fn cut_off(served: &Served, question: &str) {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(question.as_bytes()).await.unwrap();
    let deadline = Instant::now() + DEADLINE;
    // What is sent into a connection that was cut is refused sooner or later.
    while stream.write_all(b"\r\n").await.is_ok() {
        assert!(Instant::now() < deadline, "still connected: {question}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn readers_that_stall_are_cut_off_and_others_served_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), 2);
    let mut mint = Mint::new();
    mint.put(folder.path(), KIND, STAMP, 7, false);
    let big = folder.path().join(RUN).join("logs/big.log");
    // Random enough that packing it does not make it small.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(20 << 20)
    .collect();
    fs::write(big, noise).unwrap();
    let limits = Limits {
        connections: 6,
        archives: 2,
        ask: Duration::from_millis(400),
        stall: Duration::from_millis(400),
    };
    let served = serve_within(folder.path(), limits).await;
    let log = format!("GET /runs/{RUN}/logs/big.log HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let zip = format!("GET /zip/{RUN} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let slow = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Never-Ends: ";
    let others = async {
        for _ in 0..5 {
            served.page("/").await;
        }
    };
    tokio::join!(
        cut_off(&served, &log),
        cut_off(&served, &zip),
        cut_off(&served, &zip),
        cut_off(&served, slow),
        others,
    );
    // Packing ended with its readers, so there is room for others.
    let deadline = Instant::now() + DEADLINE;
    let ask = format!("HEAD /zip/{RUN} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    while served.send(&ask).await.status != 200 {
        assert!(Instant::now() < deadline, "packing goes on for nobody");
    }
}

#[tokio::test]
async fn clients_that_hang_up_do_no_harm() {
    let (folder, served) = guarded().await;
    let run = folder.path().join("store").join(RUN);
    fs::File::create(run.join("logs/big.log")).unwrap().set_len(8 << 30).unwrap();
    for target in [format!("/runs/{RUN}/logs/big.log"), format!("/zip/{RUN}"), "/".to_owned()] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            let question = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream.write_all(question.as_bytes()).await.unwrap();
            let mut some = [0; 512];
            assert!(stream.read(&mut some).await.unwrap() > 0, "{target}");
        }
    }
    served.page("/").await;
    assert!(Path::new(&run).exists());
}
