//! Whether clients try once, and what they make of replies that never come: against a server
//! that takes requests and answers none.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use squall_workloads::{Function, Invocation};
use tokio::{io::AsyncReadExt, net::TcpListener, task::AbortHandle};

use super::{Trial, told, within};
use crate::system::Completion;

/// How long a client may take to notice that its connection is closed, and for another attempt
/// if it makes one.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// A server on loopback that reads what it is sent, and closes the connection.
struct Closing {
    address: SocketAddr,
    /// Connections on which something was sent.
    asked: Arc<AtomicUsize>,
    /// Whether that was HTTP, where the first bytes belong to the operation. Other protocols may
    /// greet first, and then a lost greeting is a failure.
    http: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Closing {
    async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, asked) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        let http = Arc::new(AtomicBool::new(false));
        let (counted, seen) = (Arc::clone(&asked), Arc::clone(&http));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (counted, seen) = (Arc::clone(&counted), Arc::clone(&seen));
                tokio::spawn(async move {
                    let mut some = [0_u8; 4096];
                    let length = stream.read(&mut some).await.unwrap_or_default();
                    if length > 0 {
                        counted.fetch_add(1, Ordering::Relaxed);
                        seen.fetch_or(is_http(&some[..length]), Ordering::Relaxed);
                    }
                });
            }
        });
        Ok(Self { address, asked, http, task: task.abort_handle() })
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Trial<'_> {
    /// Sends a write where it is read and never answered.
    pub(super) async fn faults_of_its_clients(&mut self) {
        if !self.offers(Function::Write) {
            return;
        }
        let server = match Closing::start().await {
            Ok(server) => server,
            Err(error) => return self.doubtful(format!("no server could be had to try: {error}")),
        };
        let mut client = self.system.client(&[server.address]);
        let (key, value) = (self.key(), self.number());
        let write = Invocation::write(key, value);
        let ended = within(NOTICED_WITHIN, client.invoke(0, &write)).await;
        let asked = server.asked.load(Ordering::Relaxed);
        if asked == 0 {
            // It speaks before it writes, as binary protocols do, and was not answered.
            if matches!(ended, Some(Completion::Ok { .. })) {
                self.wrong("a write that was never sent is told as ok");
            }
            return;
        }
        match &ended {
            Some(Completion::Info(_)) | None => {}
            Some(Completion::Fail(_)) if !server.http.load(Ordering::Relaxed) => {}
            Some(other) => self.wrong(format!(
                "a write whose connection was closed before any reply is told as {}; it may have \
                 taken effect, so it must be info",
                told(other)
            )),
        }
        match asked {
            1 => self.good("clients send an operation once, and take a lost reply for what it is"),
            times => self.wrong(format!(
                "one write was sent {times} times: each attempt may take effect; clients must \
                 not try again"
            )),
        }
    }
}

/// Whether `bytes` begin as a request of HTTP/1 does.
fn is_http(bytes: &[u8]) -> bool {
    let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    method > 0 && bytes[method..].starts_with(b" /")
}
