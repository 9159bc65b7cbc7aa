//! One connection to one server, through which one exchange goes at a time.
//!
//! On its own the client of `async-nats` connects again when a connection is lost, also to
//! servers it heard of, sends on the new one what it was handed meanwhile, and leaves who
//! waits for a reply waiting. Nothing is sent twice. Here it knows one server, it may try
//! that once, and a connection that was ever lost ends the exchange on it and is not used again.

use std::{net::SocketAddr, time::Duration};

use async_nats::{
    ConnectOptions, Event, HeaderMap, Message, Request, client::RequestErrorKind, connection::State,
};
use hyper::body::Bytes;
use tokio::sync::watch;

use super::super::http::Lost;

/// How long it may take to connect. Nothing of an operation is sent until then.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(400);

/// A connection to one node. Dropping it closes it.
pub(super) struct Connection {
    client: async_nats::Client,
    /// Whether it was ever lost.
    lost: watch::Receiver<bool>,
}

impl Connection {
    /// Connects to `address`.
    ///
    /// # Errors
    /// Says why there is no connection.
    pub(super) async fn to(address: SocketAddr) -> Result<Self, String> {
        let (tell, lost) = watch::channel(false);
        let options = ConnectOptions::new()
            .connection_timeout(CONNECT_TIMEOUT)
            .ignore_discovered_servers()
            // Once: zero would mean for ever.
            .max_reconnects(1)
            .request_timeout(None)
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    tell.send_replace(true);
                }
                std::future::ready(())
            });
        let client = options.connect(address.to_string()).await;
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self { client, lost })
    }

    /// Whether it was lost, so that what goes out now may wait for another connection.
    pub(super) fn is_closed(&self) -> bool {
        *self.lost.borrow() || self.client.connection_state() != State::Connected
    }

    /// Sends one message and waits for the reply to it, for as long as that takes.
    ///
    /// # Errors
    /// There is no reply. [`Lost::NotSent`] also where the server says that nobody was there to
    /// take the message.
    pub(super) async fn exchange(
        &mut self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, Lost> {
        let request = Request::new().headers(headers).payload(payload);
        let replied = self.client.send_request(subject, request);
        tokio::select! {
            biased;
            reply = replied => reply.map_err(|error| lost(error.kind(), error.to_string())),
            _ = self.lost.wait_for(|lost| *lost) => {
                Err(Lost::Unknown("the connection was lost".to_owned()))
            }
        }
    }
}

fn lost(kind: RequestErrorKind, why: String) -> Lost {
    match kind {
        RequestErrorKind::NoResponders
        | RequestErrorKind::InvalidSubject
        | RequestErrorKind::MaxPayloadExceeded => Lost::NotSent(why),
        RequestErrorKind::TimedOut | RequestErrorKind::Other => Lost::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_can_have_taken_was_not_sent() {
        for kind in [RequestErrorKind::NoResponders, RequestErrorKind::MaxPayloadExceeded] {
            assert_eq!(lost(kind, "why".to_owned()), Lost::NotSent("why".to_owned()));
        }
        for kind in [RequestErrorKind::TimedOut, RequestErrorKind::Other] {
            assert_eq!(lost(kind, "why".to_owned()), Lost::Unknown("why".to_owned()));
        }
    }
}
