//! Reports in a real browser: that they open from disk without an error or a request, that
//! they can be used by mouse and by keyboard alone, on a phone and in the dark, and that
//! nothing a node answered becomes part of the page.
//!
//! Needs Chromium and chromedriver (Debian: `chromium`, `chromium-driver`). Where they are
//! absent each test says `skipped: no chromium`; with `SQUALL_NO_SKIPS` set it fails.

#[path = "../invented/mod.rs"]
mod invented;

mod chromedriver;
mod page;
mod session;

mod accessible;
mod harness;
mod hostile;
mod looks;
mod million;
mod opens;
mod zoom;
