//! Writes a store of invented runs and serves it, to look at:
//! `cargo run -p squall-results --example sample_store -- DIR`.

#[path = "../tests/invented/mod.rs"]
mod invented;

use std::path::PathBuf;

use squall_results::serve::{Limits, Server};
use tokio::net::TcpListener;

/// Plain runs, beside those of the suite.
const RUNS: usize = 120;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder to write to")?);
    if !folder.exists() {
        invented::store::store(&folder, RUNS);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    Server::new(folder, true, Limits::default()).serve(listener, std::future::pending()).await;
    Ok(())
}
