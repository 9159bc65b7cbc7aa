//! A server over a store, in this process, for as long as a test lasts.

use std::path::Path;

use tokio::runtime::{Builder, Runtime};

use crate::client;

/// A server on a free port of this machine; it ends on drop.
pub(crate) struct Served {
    server: client::Served,
    runtime: Runtime,
}

impl Served {
    pub(crate) fn start(store: &Path) -> Self {
        // Its own thread answers while the test waits for the browser.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(client::serve(store));
        Self { server, runtime }
    }

    /// What all addresses of it begin with.
    pub(crate) fn site(&self) -> String {
        format!("http://{}/", self.server.address)
    }

    /// What a GET of `target` gives.
    pub(crate) fn get(&self, target: &str) -> client::Reply {
        self.runtime.block_on(self.server.get(target))
    }
}
