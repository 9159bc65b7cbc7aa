//! Reports and the pages of a store in a real browser: that they open without an error or a
//! request to anybody else, that they can be used by mouse and by keyboard alone, on a phone
//! and in the dark, and that nothing a node answered becomes part of the page.
//!
//! Needs Chromium and chromedriver (Debian: `chromium`, `chromium-driver`). Where they are
//! absent each test says `skipped: no chromium`; with `SQUALL_NO_SKIPS` set it fails.

#[path = "../client/mod.rs"]
mod client;
#[path = "../invented/mod.rs"]
mod invented;

mod chromedriver;
mod hand;
mod page;
mod served;
mod session;

mod accessible;
mod contradiction;
mod harness;
mod hostile;
mod logs;
mod looks;
mod million;
mod opens;
mod operations;
mod orders;
mod replay;
mod shapes;
mod store;
mod store_hostile;
mod store_looks;
mod zoom;
