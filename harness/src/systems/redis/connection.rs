//! One connection to one server, through which one command goes at a time.
//!
//! The crate `redis` neither retries nor reconnects behind a `MultiplexedConnection`, but on
//! its own it gives up replies after half a second and does not tell a connection that was
//! closed while idle from one lost in the middle. So the time limit is off, and the task that
//! owns the socket is ours: when it has ended before a command is handed to it, that command
//! never leaves.

use std::net::SocketAddr;

use redis::{
    AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, Value, aio::MultiplexedConnection,
};
use tokio::{net::TcpStream, task::JoinHandle};

use crate::system::Completion;

/// What a server refuses before it carries out anything. Other errors are not believed to say
/// that nothing happened.
const REFUSALS: &[&str] = &[
    "READONLY",
    "LOADING",
    "MASTERDOWN",
    "NOREPLICAS",
    "MISCONF",
    "OOM",
    "BUSY",
    "NOAUTH",
    "NOPERM",
];

/// An open connection. Dropping it closes it, with whatever is under way.
pub(super) struct Connection {
    commands: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Connects to `address`. Nothing is sent but the name of the client library.
    ///
    /// # Errors
    /// Says why there is no connection.
    pub(super) async fn to(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let info = RedisConnectionInfo::default();
        let (commands, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self { commands, driver: tokio::spawn(driver) })
    }

    /// Whether it has ended, so that no command goes out on it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }

    /// Sends one command and waits for its reply, for as long as that takes. To give up, drop
    /// the connection too: the reply may still come.
    ///
    /// # Errors
    /// The server refused, or there is no reply; [`completion`] tells which.
    pub(super) async fn query(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        command.query_async(&mut self.commands).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The completion of a command that ended in `error`.
pub(super) fn completion(error: &RedisError) -> Completion {
    if error.code().is_some_and(|code| REFUSALS.contains(&code)) {
        Completion::Fail(error.to_string())
    } else {
        Completion::Info(error.to_string())
    }
}
