//! A server over a store of its own, and a client that sends exactly what it is told.
//!
//! No library of HTTP stands between, since those tidy up paths before they send them.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test includes what it needs, and ends where it cannot go on"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use squall_results::serve::{Limits, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longer than anything takes here.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A server that ends with the test.
pub struct Served {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Serves `store` with the usual limits.
pub async fn serve(store: &Path) -> Served {
    serve_within(store, Limits::default()).await
}

/// Serves `store`.
pub async fn serve_within(store: &Path, limits: Limits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(store.to_path_buf(), true, limits);
    let task = tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    Served { address, task }
}

impl Served {
    /// What a GET of `target` gives.
    pub async fn get(&self, target: &str) -> Reply {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            .await
    }

    /// What a browser gets that shows `target` as `destination`.
    pub async fn shown(&self, target: &str, destination: &str) -> Reply {
        self.send(&format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: {destination}\r\n\
             Connection: close\r\n\r\n"
        ))
        .await
    }

    /// What a GET gives that must be answered with 200, as text.
    pub async fn page(&self, target: &str) -> String {
        let reply = self.get(target).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
        reply.text()
    }

    /// What comes back for exactly these bytes, until the server closes the connection.
    pub async fn send(&self, question: &str) -> Reply {
        tokio::time::timeout(DEADLINE, self.exchange(question)).await.expect("an answer in time")
    }

    async fn exchange(&self, question: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (mut from, mut to) = stream.split();
        let mut bytes = Vec::new();
        // The server may refuse before it has read everything.
        let write = async { drop(to.write_all(question.as_bytes()).await) };
        let read = async { drop(from.read_to_end(&mut bytes).await) };
        tokio::join!(write, read);
        parse(&bytes)
    }
}

fn parse(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = std::str::from_utf8(&bytes[..end]).expect("text");
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").expect("a header"))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|how| how == "chunked");
    let body = if chunked { unchunk(body) } else { body.to_vec() };
    Reply { status, headers, body }
}

/// The pieces of a chunked body put together; a broken one is an empty one.
fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return Vec::new() };
        let length = std::str::from_utf8(&rest[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        rest = &rest[end + 2..];
        if length == 0 {
            return body;
        }
        if rest.len() < length + 2 {
            return Vec::new();
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}
