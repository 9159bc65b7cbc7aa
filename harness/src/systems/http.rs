//! One HTTP connection of one client to one node, with nothing clever in between.
//!
//! Clients of a harness must know what was sent: a library that pools, retries or follows
//! redirects may send an operation twice, or on a connection nobody expected. Here an
//! exchange is one attempt, and what failed before a byte was sent is told apart from
//! what may have arrived. An adapter keeps one [`Connection`] to each node in each of its
//! clients, and turns an exchange without a reply into a [`Completion`] with `into()`.
//!
//! Deliberately absent: time limits, which the harness sets by dropping the exchange, and any
//! judgement of replies, which only the adapter understands.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Uri,
    client::conn::http1::{SendRequest, handshake},
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue},
};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;

pub use hyper::{Method, StatusCode, body::Bytes};

use crate::system::Completion;

/// The longest reply taken in; a node that sends more has not answered.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// Headers of a request.
pub type Headers = HeaderMap;

/// An exchange without a whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// There was no connection, so nothing left this host.
    NotSent(String),
    /// Something may have been sent.
    Unknown(String),
}

impl Lost {
    /// Why there is no reply.
    pub fn why(self) -> String {
        match self {
            Self::NotSent(why) | Self::Unknown(why) => why,
        }
    }
}

/// What was certainly not sent has failed for good; of anything else nobody knows.
impl From<Lost> for Completion {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NotSent(why) => Self::Fail(why),
            Lost::Unknown(why) => Self::Info(why),
        }
    }
}

/// `text`, such as a key, as one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A connection to one node, made when it is first needed and again when it was lost.
///
/// Dropping an exchange that is under way closes the connection, so that a late reply is never
/// taken for that of the next one.
pub struct Connection {
    address: SocketAddr,
    host: HeaderValue,
    /// Open and idle; absent while an exchange is under way, so that dropping the exchange
    /// drops the connection with it.
    idle: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// A connection to `address`, not yet made.
    pub fn to(address: SocketAddr) -> Self {
        let host = HeaderValue::from_str(&address.to_string());
        Self { address, host: host.expect("an address is printable"), idle: None }
    }

    /// Sends one request, once, and reads the whole reply, whatever its status.
    ///
    /// `path` begins with `/` and is percent-encoded ([`segment`]); `body` is said to be JSON.
    ///
    /// # Errors
    /// There is no whole reply, or one of more than a megabyte; whatever is not certain to have
    /// stayed here is [`Lost::Unknown`].
    pub async fn exchange(
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
    pub async fn exchange_with(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: Headers,
    ) -> Result<(StatusCode, Bytes), Lost> {
        let uri: Uri = path
            .parse()
            .map_err(|error| Lost::NotSent(format!("`{path}` is not a path: {error}")))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
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
