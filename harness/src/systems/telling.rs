//! Asking a server how it is, where it tells in plain text and then hangs up.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long a server may take before it counts as not answering.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// The longest answer taken in.
const ANSWER_BYTES_MAX: u64 = 1 << 16;

/// What the server at `address` says to `words` until it hangs up; `None` when it does not
/// within [`PROBE_TIMEOUT`].
pub(super) async fn ask(address: SocketAddr, words: &str) -> Option<String> {
    tokio::time::timeout(PROBE_TIMEOUT, exchange(address, words)).await.ok()?.ok()
}

async fn exchange(address: SocketAddr, words: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(words.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The rest of the first line of `answer` that begins with `name`.
pub(super) fn line<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}
