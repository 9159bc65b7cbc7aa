//! The `squall` binary against real node processes, as a person runs it.

mod bad_input;
mod bugs;
mod fail_fast;
mod following;
mod formats;
mod interrupted;
mod runs;
mod scenarios;
mod serving;
mod squall;
mod suites;
