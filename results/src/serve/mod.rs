//! A web server over a store of runs: an index, each run with its files, two runs side by
//! side, suites over their nights, equal failures together.
//!
//! It reads the store and never writes, keeps nothing but the index, and every page is made
//! anew from it and from the address, so that an address can be shared. Pages are plain HTML
//! without scripts. Whatever a run's folder holds is somebody else's: text is escaped, files
//! are served so that browsers neither guess what they are nor let them reach anything, and
//! nothing outside the store can be named. Deliberately absent: accounts and encryption; it
//! is for the machine it runs on.

mod address;
mod archive;
mod charts;
mod compare;
mod connection;
mod failures;
mod figures;
mod files;
mod framed;
mod guard;
mod index;
mod nights;
mod queue;
mod reply;
mod run;
mod suites;
mod tables;
mod trends;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::store::{Index, Store};
use crate::wording::count;
use files::Shown;
use queue::{Client, Queue};
use reply::{Refusal, Reply};

/// The report's look, and what pages have beyond it.
const CSS: &str =
    concat!(include_str!("../../assets/report.css"), include_str!("../../assets/serve.css"));

/// What a server allows at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait until one ends.
    pub connections: usize,
    /// Archives made at once; more are refused.
    pub archives: usize,
    /// Pages made at once; more wait, as long as their clients do.
    pub pages: usize,
    /// Comparisons that are made or wait for their turn, one at a time; more are refused.
    pub comparisons: usize,
    /// How long a client may take to say what it wants.
    pub ask: Duration,
    /// How long a client may take to read [`Limits::stall_bytes`] of what it is sent.
    pub stall: Duration,
    /// What a client must read within [`Limits::stall`] while more waits for it.
    pub stall_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            archives: 4,
            pages: 16,
            comparisons: 4,
            ask: Duration::from_secs(15),
            stall: Duration::from_secs(60),
            stall_bytes: 512 << 10,
        }
    }
}

/// Rows of one table beyond this many are only counted.
const ROWS_MAX: usize = 500;

/// Keeps the first [`ROWS_MAX`], and says how many were left out.
fn cut<T>(rows: &mut Vec<T>) -> String {
    let more = rows.len().saturating_sub(ROWS_MAX);
    rows.truncate(ROWS_MAX);
    match more {
        0 => String::new(),
        more => format!("{} more are not shown.", count(more as u64)),
    }
}

/// What every page is made from.
#[derive(Debug)]
struct Site {
    store: Store,
    limits: Limits,
    archives: Arc<Semaphore>,
    /// Where pages and comparisons wait before they are begun.
    queue: Queue,
    /// Only this machine can reach it, so only names of this machine are right.
    only_here: bool,
}

/// A server over one store.
#[derive(Clone, Debug)]
pub struct Server {
    site: Arc<Site>,
}

impl Server {
    /// A server of the store in `folder`, which need not exist yet. `only_here` says that it
    /// will listen on a loopback address, and then it answers to names of this machine only.
    pub fn new(folder: PathBuf, only_here: bool, limits: Limits) -> Self {
        Self {
            site: Arc::new(Site {
                store: Store::new(folder),
                limits,
                archives: Arc::new(Semaphore::new(limits.archives)),
                queue: Queue::new(&limits),
                only_here,
            }),
        }
    }

    /// Reads the whole store once, so that the first page is as quick as every other, and says
    /// how many runs it holds. `tell` hears how many of how many are read. Blocks.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn warm_up(&self, tell: &(dyn Fn(usize, usize) + Sync)) -> io::Result<usize> {
        Ok(self.site.store.index(tell)?.runs.len())
    }

    /// Serves until `end` is done; connections that are open then are closed.
    pub async fn serve(&self, listener: TcpListener, end: impl Future<Output = ()>) {
        let router = Router::new()
            .fallback(answer)
            .layer(axum::middleware::from_fn_with_state(self.site.clone(), guard::guard))
            .with_state(self.site.clone());
        connection::accept(listener, router, self.site.limits, end).await;
    }
}

/// What somebody asks for, and the index as it is at that moment.
struct Asked {
    site: Arc<Site>,
    index: Arc<Index>,
    /// The parts of the path, decoded and plain.
    path: Vec<String>,
    /// Everything after the question mark.
    query: String,
    /// Where it will be shown, as far as the browser said.
    shown: Shown,
    client: Client,
}

async fn answer(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    match make(site, &uri, &headers).await {
        Ok(reply) => reply.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn make(site: Arc<Site>, uri: &Uri, headers: &HeaderMap) -> Result<Reply, Refusal> {
    let path = address::parts(uri.path())?;
    let query = uri.query().unwrap_or_default().to_owned();
    let shown = Shown::of(headers);
    let turn = site.queue.turn(path == ["compare"]).await?;
    // Gone with this future, which is dropped when the connection is.
    let (client, _here) = Client::new();
    let made = tokio::task::spawn_blocking(move || {
        let _until_made = turn;
        client.still_there()?;
        let index = site.store.index(&|_, _| {}).map_err(|error| Refusal::store(&site, &error))?;
        client.still_there()?;
        page(&Asked { site, index, path, query, shown, client })
    });
    made.await.unwrap_or_else(|error| Err(Refusal::broken(&error)))
}

/// Makes what is asked for. Blocks.
fn page(asked: &Asked) -> Result<Reply, Refusal> {
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        [] => index::page(asked),
        ["api", "runs"] => index::json(asked),
        ["runs", rest @ ..] => run::page(asked, rest),
        ["zip", rest @ ..] => archive::reply(asked, rest),
        ["compare"] => compare::page(asked),
        ["suites"] => suites::list(asked),
        ["suites", name] => suites::suite(asked, name),
        ["series", name] => suites::series(asked, name),
        ["failures"] => failures::page(asked),
        // Browsers ask for it beside every page, also beside a report in its sandbox.
        ["favicon.ico"] => Ok(Reply::Icon),
        _ => Err(Refusal::not_found("There is no such page.")),
    }
}
