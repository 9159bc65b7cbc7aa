//! The same store in the sandbox, which a test target with a `main` of its own can enter.

use std::time::Duration;

use squall::{Test, nemesis::sandbox};

#[path = "own_system/program.rs"]
mod program;
#[expect(unused_imports, reason = "there are no test functions without the test harness")]
#[path = "own_system/tiny_kv.rs"]
mod tiny_kv;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = tiny_kv::TinyKv { program: program::tiny_kv(), flags: Vec::new() };
    if !sandbox::inside() {
        match sandbox::reenter() {
            Ok(code) => std::process::exit(code),
            Err(error) => println!("no sandbox, so this run does with proxies: {error}"),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let test = Test::of(system).nemesis("partition").time(Duration::from_secs(4));
    let run = runtime.block_on(test.seed(13).run())?;
    println!("{run}");
    run.assert_linearizable();
    let network = &run.results.facts.network;
    assert_eq!(network.starts_with("sandbox"), sandbox::inside(), "{network}");
    Ok(())
}
