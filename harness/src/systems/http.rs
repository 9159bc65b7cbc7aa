//! One HTTP connection of one client to one node, with nothing clever in between.
//!
//! Clients of a harness must know what was sent: a library that pools, retries or follows
//! redirects may send an operation twice, or on a connection nobody expected. Here an
//! exchange is one attempt, and what failed before a byte was sent is told apart from
//! what may have arrived.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The longest reply taken in; a node that sends more has not answered.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// Headers of a request.
pub(super) type Headers = HeaderMap;

/// An exchange without a whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// There was no connection, so nothing left this host.
    NotSent(String),
    /// Something may have been sent.
    Unknown(String),
}

impl Lost {
    /// Why there is no reply.
    pub(super) fn why(self) -> String {
        match self {
            Self::NotSent(why) | Self::Unknown(why) => why,
        }
    }
}

/// A connection to one node, made when it is first needed.
pub(super) struct Connection {
    address: SocketAddr,
    host: HeaderValue,
    /// Open and idle; absent while an exchange is under way, so that dropping the exchange
    /// drops the connection with it.
    idle: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// A connection to `address`, not yet made.
    pub(super) fn to(address: SocketAddr) -> Self {
        let host = HeaderValue::from_str(&address.to_string());
        Self { address, host: host.expect("an address is printable"), idle: None }
    }

    /// Sends one request and reads the whole reply. `path` is percent-encoded.
    ///
    /// # Errors
    /// There is no whole reply; whatever is not certain to have stayed here is
    /// [`Lost::Unknown`].
    pub(super) async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Lost> {
        self.exchange_with(method, path, body, Headers::new()).await
    }

    /// The same, with further headers, which replace those there are.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    pub(super) async fn exchange_with(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: Headers,
    ) -> Result<(StatusCode, Bytes), Lost> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("the path is percent-encoded");
        request.headers_mut().insert(HOST, self.host.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().extend(headers);

        let mut sender = match self.idle.take() {
            // Closed while it lay idle, so nothing of this exchange was ever on it.
            Some(sender) if sender.is_closed() => self.connect().await?,
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let unknown = |error: hyper::Error| Lost::Unknown(root_cause(&error));
        sender.ready().await.map_err(unknown)?;
        let reply = sender.send_request(request).await.map_err(unknown)?;
        let status = reply.status();
        let body = Limited::new(reply.into_body(), REPLY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Lost::Unknown(root_cause(&*error)))?.to_bytes();
        self.idle = Some(sender);
        Ok((status, body))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Lost> {
        let not_sent = |why: String| Lost::NotSent(why);
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.map_err(|error| not_sent(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| not_sent(error.to_string()))?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| not_sent(root_cause(&error)))?;
        // Ends with the connection: when the sender is dropped or the node closes it. Its
        // errors reach the exchange through the sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// The innermost error: the outer ones say only that something failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
