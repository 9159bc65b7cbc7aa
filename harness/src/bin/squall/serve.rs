//! `squall serve`: the store of runs in a browser.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use squall_results::serve::{Limits, Server};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::exit::{Exit, Failure};

/// Show the runs of a store in a browser
///
/// Starts a web server and prints its address; open that in a browser. It lists all runs and
/// suites of the store, newest first, with search and filters; shows the report and the files
/// of each, to view or as a zip; puts two runs side by side; follows suites over their nights;
/// and groups equal failures. Runs that are added while it serves show at the next look.
/// Nothing is ever written. `/api/runs` gives the index as JSON.
///
/// Ctrl-C ends it, with exit code 0.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  squall serve                            the store in ./store at http://127.0.0.1:7700/
  squall serve --store nightly --port 0   another store, at any free port
  curl -s 'localhost:7700/api/runs?verdict=violation&from=2026-01-01'")]
pub(crate) struct Args {
    /// The store to show, which need not exist yet
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// The port to listen on; 0 takes any that is free
    #[arg(long, default_value_t = 7700)]
    port: u16,
    /// The address to listen on. By default only this machine reaches it; with 0.0.0.0
    /// everybody who reaches this machine can read the whole store, since there are no accounts
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    let outcome = runtime.block_on(serve(args));
    // A page that is still being made is of no use to anybody.
    runtime.shutdown_background();
    outcome
}

async fn serve(args: &Args) -> Result<Exit, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::setup(&error));
    let mut int = listen(SignalKind::interrupt())?;
    let mut term = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let end = async {
        tokio::select! { _ = int.recv() => {} _ = term.recv() => {} _ = hangup.recv() => {} }
    };
    tokio::select! {
        outcome = work(args) => outcome,
        () = end => {
            tell!("\nsquall: no longer serving");
            Ok(Exit::Done)
        }
    }
}

/// Serves until somebody ends it.
async fn work(args: &Args) -> Result<Exit, Failure> {
    let listener = listen(&args.host, args.port).await?;
    let address = listener.local_addr().map_err(|error| Failure::setup(&error))?;
    let only_here = address.ip().is_loopback();
    let server = Server::new(args.store.clone(), only_here, Limits::default());
    let runs = read(&server, &args.store).await?;
    if !only_here {
        tell!("squall: everybody who reaches {address} can read this store");
    }
    let noun = if runs == 1 { "run" } else { "runs" };
    tell!("squall: {runs} {noun} in {}; Ctrl-C ends", args.store.display());
    say!("http://{address}/");
    server.serve(listener, std::future::pending()).await;
    Ok(Exit::Done)
}

async fn listen(host: &str, port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        let way_out = match error.kind() {
            ErrorKind::AddrInUse => {
                "something listens there already; choose another with --port, or --port 0 for any \
                 that is free"
            }
            ErrorKind::PermissionDenied => "choose a port from 1024 on with --port",
            _ => "give an address of this machine with --host",
        };
        Failure::Setup(format!("listen on {host} port {port}: {error}: {way_out}"))
    })
}

/// Reads the store once, telling how far it got, so that the first page is not slow.
async fn read(server: &Server, store: &Path) -> Result<usize, Failure> {
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("squall: reading runs {wide_bar} {pos}/{len}")
            .expect("the template is a constant"),
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    let (server, bar) = (server.clone(), Arc::new(bar));
    let told = bar.clone();
    let warm = tokio::task::spawn_blocking(move || {
        server.warm_up(&|done, of| {
            told.set_length(of as u64);
            told.set_position(done as u64);
        })
    });
    let read = warm.await.map_err(|error| Failure::setup(&error))?;
    bar.finish_and_clear();
    read.map_err(|error| {
        Failure::Setup(format!(
            "list the store {}: {error}; name the folder that holds runs with --store",
            store.display()
        ))
    })
}
