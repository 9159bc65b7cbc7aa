//! The sandbox and its network, for real, under plain `cargo test`.
//!
//! Entering a sandbox takes a process of one thread, which the usual test harness is not. So this
//! is one of its own: the process that cargo starts only spawns itself, once for each test, with
//! the name of a scenario to play ([`scenarios`]) inside a sandbox of its own, and watches from
//! outside ([`watched`]). Where sandboxes are refused, it says which tests it skips and why.

#[path = "../dummies/mod.rs"]
mod dummies;
#[path = "../ordeal/mod.rs"]
mod ordeal;
mod programs;
mod scenarios;
#[path = "../shapes/mod.rs"]
mod shapes;
mod watched;

use std::panic::catch_unwind;
use std::process::ExitCode;

use squall_nemesis::sandbox;

/// The exit code of a scenario that found no sandbox to play in.
const REFUSED: i32 = 77;

/// What came of a test that did not panic.
enum Outcome {
    Passed,
    Skipped(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--scenario", name] => play(name),
        ["--echo", address] => programs::echo(address),
        ["--talk", address] => programs::talk(address),
        _ if words.contains(&"--list") => {
            for (name, _) in watched::TESTS {
                println!("{name}: test");
            }
            ExitCode::SUCCESS
        }
        _ => run_all(words.iter().find(|word| !word.starts_with('-')).copied()),
    }
}

/// Enters a sandbox and plays the scenario there; the exit code tells how it went.
fn play(name: &str) -> ExitCode {
    if !sandbox::inside() {
        let code = sandbox::reenter().unwrap_or_else(|refused| {
            let cause = std::error::Error::source(&refused).map(ToString::to_string);
            println!("{refused}: {}", cause.unwrap_or_default());
            REFUSED
        });
        return ExitCode::from(u8::try_from(code).expect("exit codes fit in a byte"));
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(scenarios::play(name))
}

fn run_all(filter: Option<&str>) -> ExitCode {
    let mut failed = 0;
    for (name, test) in watched::TESTS {
        if filter.is_some_and(|part| !name.contains(part)) {
            continue;
        }
        match catch_unwind(test) {
            Ok(Outcome::Passed) => println!("test {name} ... ok"),
            Ok(Outcome::Skipped(why)) => println!("skipped: {name}: {why}"),
            Err(_) => {
                println!("test {name} ... FAILED");
                failed += 1;
            }
        }
    }
    ExitCode::from(u8::from(failed > 0))
}
