//! Connections: how many, and how long each may stall.
//!
//! A client that sends its question drop by drop, or reads its answer so, is cut off, so that
//! it holds neither memory nor an open file for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use super::Limits;

/// What a client may send before its question is complete, in bytes.
const QUESTION_BYTES_MAX: usize = 64 << 10;

/// Names and values beside the question.
const HEADERS_MAX: usize = 64;

/// How long to wait when the system gives no connection, for example for want of open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves every connection until `end` is done, then closes them all.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut open = JoinSet::new();
    let mut end = std::pin::pin!(end);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut end => return,
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let router = router.clone();
                    open.spawn(async move {
                        serve_one(stream, router, limits).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
        // What ended is forgotten.
        while open.try_join_next().is_some() {}
    }
}

async fn serve_one(stream: TcpStream, router: Router, limits: Limits) {
    // Without it answers wait for acknowledgements; served all the same where it is refused.
    drop(stream.set_nodelay(true));
    let stream = TokioIo::new(Impatient::new(stream, limits));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.ask)
        .max_buf_size(QUESTION_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(stream, TowerToHyperService::new(router))
        .await;
    // A client that hung up or talked nonsense is nobody to tell anything.
    drop(served);
}

/// A connection that fails once the other side reads too slowly what waits for it.
struct Impatient {
    stream: TcpStream,
    stall: Duration,
    stall_bytes: u64,
    /// Since a write first had to wait.
    watch: Option<Watch>,
}

/// How a reader does whom something waits for.
struct Watch {
    /// When it is judged.
    until: Pin<Box<Sleep>>,
    /// What was written since it is watched.
    written: u64,
    /// Whether the last write has to wait.
    waits: bool,
}

impl Impatient {
    fn new(stream: TcpStream, limits: Limits) -> Self {
        Self { stream, stall: limits.stall, stall_bytes: limits.stall_bytes, watch: None }
    }

    /// Passes on what became of a write, or gives it up.
    ///
    /// A little progress is none: what counts is how much was written by the time it is judged.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let (Poll::Ready(Ok(bytes)), Some(watch)) = (&written, &mut self.watch) {
            watch.written += *bytes as u64;
            let late = watch.until.is_elapsed();
            if late && watch.waits && watch.written < self.stall_bytes {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            watch.waits = false;
            // It keeps up, or nothing waited for it at the time.
            if late || watch.written >= self.stall_bytes {
                self.watch = None;
            }
        }
        if written.is_ready() {
            return written;
        }
        let stall = self.stall;
        let watch = self.watch.get_or_insert_with(|| {
            let until = Box::pin(tokio::time::sleep_until(Instant::now() + stall));
            Watch { until, written: 0, waits: true }
        });
        watch.waits = true;
        ready!(watch.until.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
