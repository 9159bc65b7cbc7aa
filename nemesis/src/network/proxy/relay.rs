//! Carries the bytes of one connection through the gates between two nodes.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::gate::{Gate, Passage};

const CHUNK_BYTES: usize = 64 * 1024;

/// Relays between `caller`, who opened the connection, and `callee` until both have closed.
///
/// A reset is a packet as well: it waits for the gates like everything else.
pub(super) async fn relay(caller: TcpStream, callee: TcpStream, mut passage: Passage) {
    for stream in [&caller, &callee] {
        // Without it the proxy would add the very delays it is not there for.
        let _ = stream.set_nodelay(true);
    }
    let (mut caller_says, mut caller_hears) = caller.into_split();
    let (mut callee_says, mut callee_hears) = callee.into_split();
    let ended = {
        let there = pump(&mut caller_says, &mut callee_hears, &mut passage.there);
        let back = pump(&mut callee_says, &mut caller_hears, &mut passage.back);
        tokio::try_join!(there, back)
    };
    if ended.is_err() {
        passage.both_open().await;
        reset(caller_says.as_ref());
        reset(callee_says.as_ref());
    }
}

/// Makes the peer of `stream` see a reset when the stream is dropped.
pub(super) fn reset(stream: &TcpStream) {
    // Failing that it sees an orderly end, which a node has to cope with as well.
    let _ = stream.set_zero_linger();
}

/// Carries bytes one way until their sender has no more, then passes that on.
async fn pump(
    says: &mut OwnedReadHalf,
    hears: &mut OwnedWriteHalf,
    gate: &mut Gate,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = says.read(&mut chunk).await;
        // Shut while we waited, it holds what has just come, be it bytes, the end or a reset.
        gate.opened().await;
        let length = length?;
        if length == 0 {
            return hears.shutdown().await;
        }
        let mut held = &chunk[..length];
        while !held.is_empty() {
            gate.opened().await;
            tokio::select! {
                biased;
                // A receiver that is slow to read must not let a cut leak what is left.
                () = gate.shut() => {}
                written = hears.write(held) => held = &held[written?..],
            }
        }
    }
}
