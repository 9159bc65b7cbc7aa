//! Simulated clusters in bad weather: the promises hold, planted bugs break
//! them, and a run is a function of its seed.

#[path = "../../simulation/mod.rs"]
mod simulation;

mod bugs;
mod clean;

use simulation::{Failure, Plan, Totals};

/// How many of the last events to show of a run that failed.
const WORDS: usize = 60;

fn run(plan: &Plan) -> Result<Totals, Box<Failure>> {
    simulation::run(plan, WORDS)
}
