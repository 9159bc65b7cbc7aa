//! Clients that stall, hang up or ask for too much at once.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use squall_results::serve::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::client::{DEADLINE, Served, serve_within};
use super::invented::store::Mint;
use super::{KIND, RUN, STAMP, guarded};

/// A store with a run of 20 MiB, which packing does not make small.
fn large(place: &Path) {
    Mint::new().put(place, KIND, STAMP, 7, false);
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(20 << 20)
    .collect();
    fs::write(place.join(RUN).join("logs/big.log"), noise).unwrap();
}

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
    large(folder.path());
    let limits = Limits {
        connections: 6,
        archives: 2,
        ask: Duration::from_millis(400),
        stall: Duration::from_millis(400),
        ..Limits::default()
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

#[tokio::test]
async fn readers_that_read_drop_by_drop_are_cut_off_and_steady_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    Mint::new().put(folder.path(), KIND, STAMP, 7, false);
    let log = format!("{RUN}/logs/big.log");
    fs::File::create(folder.path().join(&log)).unwrap().set_len(20 << 20).unwrap();
    let limits =
        Limits { stall: Duration::from_millis(500), stall_bytes: 1 << 20, ..Limits::default() };
    let served = serve_within(folder.path(), limits).await;
    let read = async |piece: usize| {
        let socket = TcpSocket::new_v4().unwrap();
        // What the system takes in advance is small, so that progress is as the reader makes it.
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let mut stream = socket.connect(served.address).await.unwrap();
        let ask =
            format!("GET /runs/{log} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let deadline = Instant::now() + DEADLINE;
        let (mut buffer, mut total) = (vec![0; piece], 0);
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            total += length;
            assert!(Instant::now() < deadline, "still served after {total} bytes");
            if piece < 64 << 10 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                // Says at once that the connection was cut, whatever is on its way still.
                if stream.write_all(b"\r\n").await.is_err() {
                    break;
                }
            }
        }
        total
    };
    let (drops, steady) = tokio::join!(read(8 << 10), read(1 << 20));
    assert!(drops < 10 << 20, "{drops} bytes");
    assert!(steady > 20 << 20, "{steady} bytes");
}

#[tokio::test]
async fn too_many_comparisons_are_refused_and_hold_nothing_up() {
    let (folder, served) = guarded().await;
    let results = folder.path().join("store").join(RUN).join("results.json");
    // What is read and found to be blank takes its time.
    let padded = fs::read_to_string(&results).unwrap() + &" ".repeat(12 << 20);
    fs::write(&results, padded).unwrap();
    let target = format!("/compare?a={RUN}&b={RUN}");
    served.page("/").await;
    let asked = (0..12).map(|_| served.get(&target));
    let (replies, ()) = tokio::join!(futures_util::future::join_all(asked), async {
        for _ in 0..3 {
            served.page("/").await;
        }
    });
    let number = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((number(200) + number(503), number(200) >= 4), (12, true));
    assert!(number(503) >= 1, "all were taken");

    // Those who hang up give their places back.
    let question = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for _ in 0..40 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(question.as_bytes()).await.unwrap();
    }
    let deadline = Instant::now() + DEADLINE;
    while served.get(&target).await.status != 200 {
        assert!(Instant::now() < deadline, "comparing goes on for nobody");
    }
}
