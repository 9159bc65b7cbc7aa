//! What the server refuses, and that nobody can do it harm.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../client/mod.rs"]
mod client;
#[path = "../invented/mod.rs"]
mod invented;

mod hostile;
mod load;
mod paths;
mod questions;

use std::fs;

use client::{Served, serve};
use invented::store::Mint;
use tempfile::TempDir;

const SECRET: &str = "nobody may read this";
const KIND: (&str, &str, Option<&str>, &str) = ("node", "register", None, "register");
const STAMP: &str = "20260102T030405Z";
const RUN: &str = "register/20260102T030405Z-7";

/// A store with one run, and a secret beside the store.
async fn guarded() -> (TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("store");
    Mint::new().put(&place, KIND, STAMP, 7, false);
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    fs::create_dir(folder.path().join("outside")).unwrap();
    fs::write(folder.path().join("outside/history.jsonl"), SECRET).unwrap();
    fs::write(folder.path().join("outside/report.html"), SECRET).unwrap();
    let served = serve(&place).await;
    (folder, served)
}
