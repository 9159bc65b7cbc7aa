//! One HTTP connection to one peer, with nothing clever in between.
//!
//! What nodes say to each other is the path on which every commit waits, so there
//! is no pool, no URL to take apart and no timer but the one for the exchange.
//! Here an exchange is one attempt, and what failed before a byte was sent is told
//! apart from what may have arrived.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time for dialling a peer.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// Why an exchange did not end with the peer's consent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDelivered {
    /// There was no connection, so nothing left this node.
    #[error("connect to the peer")]
    NotSent(#[source] io::Error),
    /// It may have arrived.
    #[error("bring a request to the peer and its answer back")]
    Lost(#[source] hyper::Error),
    /// It may have arrived; the peer took too long to answer.
    #[error("get an answer of the peer in time")]
    TimedOut,
    /// It has arrived, and the peer would not have it.
    #[error("get the peer's consent: it answered {0}")]
    Refused(StatusCode),
}

/// A connection to one peer, made when it is first needed and again after every
/// failure.
#[derive(Debug)]
pub(super) struct Line {
    address: SocketAddr,
    host: HeaderValue,
    /// Open and idle; absent while an exchange is under way, so that dropping the
    /// exchange drops the connection with it.
    idle: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    /// Returns a line to `address`, not yet connected.
    pub(super) fn to(address: SocketAddr) -> Self {
        let host = HeaderValue::from_str(&address.to_string());
        Self { address, host: host.expect("an address is printable"), idle: None }
    }

    /// Posts a body and returns the peer's, within `patience`, dialling included.
    ///
    /// Sends at most once. When dropped before it ends, the connection goes too.
    ///
    /// # Errors
    /// The peer did not answer with success; only [`NotDelivered::NotSent`] rules
    /// out that it acts on what was sent.
    pub(super) async fn post(
        &mut self,
        path: &'static str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Bytes, NotDelivered> {
        timeout(patience, self.exchange(path, body)).await.unwrap_or(Err(NotDelivered::TimedOut))
    }

    async fn exchange(&mut self, path: &'static str, body: Vec<u8>) -> Result<Bytes, NotDelivered> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(path);
        request.headers_mut().insert(header::HOST, self.host.clone());

        let mut sender = match self.idle.take() {
            // One that was closed while it lay idle has nothing of this exchange.
            Some(sender) if !sender.is_closed() => sender,
            Some(_) | None => self.connect().await.map_err(NotDelivered::NotSent)?,
        };
        sender.ready().await.map_err(NotDelivered::Lost)?;
        let reply = sender.send_request(request).await.map_err(NotDelivered::Lost)?;
        let status = reply.status();
        let body = reply.into_body().collect().await.map_err(NotDelivered::Lost)?.to_bytes();
        self.idle = Some(sender);
        if status.is_success() { Ok(body) } else { Err(NotDelivered::Refused(status)) }
    }

    async fn connect(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let dialled = timeout(CONNECT_TIMEOUT, TcpStream::connect(self.address)).await;
        let stream = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with the connection: when the sender is dropped or the peer closes
        // it. Its errors reach the exchange through the sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Takes the next connection and reads what comes first on it.
    async fn hear(listener: &TcpListener) -> TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        stream
    }

    #[tokio::test]
    async fn only_what_found_no_connection_was_certainly_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut line = Line::to(listener.local_addr().unwrap());

        let (outcome, ()) = tokio::join!(line.post("/raft", vec![1], PATIENCE), async {
            drop(hear(&listener).await);
        });
        assert!(matches!(outcome, Err(NotDelivered::Lost(_))), "{outcome:?}");

        let silent = line.post("/raft", vec![2], Duration::from_millis(1)).await;
        assert!(matches!(silent, Err(NotDelivered::TimedOut)), "{silent:?}");

        drop(listener);
        let outcome = line.post("/raft", vec![3], PATIENCE).await;
        assert!(matches!(outcome, Err(NotDelivered::NotSent(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_line_is_kept_after_an_answer_and_dialled_anew_after_a_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut line = Line::to(listener.local_addr().unwrap());
        let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        let consent = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

        let (outcome, mut stream) = tokio::join!(line.post("/raft", vec![1], PATIENCE), async {
            let mut stream = hear(&listener).await;
            stream.write_all(refusal).await.unwrap();
            stream
        });
        assert!(matches!(outcome, Err(NotDelivered::Refused(StatusCode::FORBIDDEN))));
        let (outcome, ()) = tokio::join!(line.post("/raft", vec![2], PATIENCE), async {
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            drop(stream);
        });
        assert!(outcome.is_err());
        let (outcome, ()) = tokio::join!(line.post("/raft", vec![3], PATIENCE), async {
            hear(&listener).await.write_all(consent).await.unwrap();
        });
        assert_eq!(outcome.unwrap(), &b"ok"[..]);
    }
}
