//! The `squall` command.

#[macro_use]
mod say;

mod answer;
mod budget;
mod bugs;
mod check;
mod convert;
mod exit;
mod follow;
mod init;
mod input;
mod interrupt;
mod maelstrom_node;
mod node;
mod report;
mod same_file;
mod scenario;
mod serve;
mod show;
mod suite;
mod systems;
mod test;
mod verify;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Finds out whether a distributed store is linearizable.
///
/// Squall starts a real cluster, drives concurrent clients against it while a nemesis
/// kills, pauses and partitions its nodes, records a history, and proves that history
/// linearizable or shows the few operations that contradict each other.
///
/// Begin with `squall test`: it needs nothing else and takes half a minute.
///
/// Exit codes: 0 linearizable, 10 violation, 11 unknown, unavailable, failed or
/// inconclusive, 12 the harness or the system could not be set up, 2 bad arguments.
#[derive(Parser)]
#[command(name = "squall", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Test(test::Args),
    Check(check::Args),
    Verify(verify::Args),
    Convert(convert::Args),
    Suite(suite::Args),
    Bugs(bugs::Args),
    Scenario(scenario::Args),
    Systems(systems::Args),
    Init(init::Args),
    Report(report::Args),
    Serve(serve::Args),
    Node(node::Args),
    #[command(hide = true)]
    MaelstromNode(maelstrom_node::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Test(args) => test::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Verify(args) => verify::main(&args),
        Command::Convert(args) => convert::main(&args),
        Command::Suite(args) => suite::main(&args),
        Command::Bugs(args) => bugs::main(&args),
        Command::Scenario(args) => scenario::main(&args),
        Command::Systems(args) => systems::main(&args),
        Command::Init(args) => init::main(&args),
        Command::Report(args) => report::main(&args),
        Command::Serve(args) => serve::main(&args),
        Command::Node(args) => node::main(args),
        Command::MaelstromNode(args) => maelstrom_node::main(args),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => error.report(),
    }
}
