//! A workload of one's own: everybody tries to take over one key from whoever has it.
//!
//! `cargo run --release --example own_workload -- target/release/squall`

use std::{path::Path, sync::Arc, time::Duration};

use squall::{plan::Plan, run, systems};
use squall_checker::model::ModelName;
use squall_workloads::{
    Client, Ending, Function, Invocation, Workload,
    generator::{Generator, Step},
};

struct Takeover;

impl Workload for Takeover {
    fn name(&self) -> &'static str {
        "takeover"
    }
    fn model(&self) -> ModelName {
        ModelName::CasRegister
    }
    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Write, Function::Cas]
    }
    fn generator(&self, client: Client) -> Box<dyn Generator> {
        Box::new(Taker { next: client.number + 1, of: client.of, seen: None })
    }
    fn final_reads(&self) -> Vec<Invocation> {
        vec![Invocation::read("crown")]
    }
}

#[rustfmt::skip]
struct Taker { next: usize, of: usize, seen: Option<serde_json::Value> }

impl Generator for Taker {
    fn next(&mut self, _now: Duration) -> Step {
        let Some(holder) = self.seen.take() else { return Step::Invoke(Invocation::read("crown")) };
        self.next += self.of; // Written values are unique.
        Step::Invoke(Invocation::cas("crown", holder, self.next.into()))
    }
    fn observe(&mut self, asked: &Invocation, ending: Ending<'_>, _now: Duration) {
        if let (Function::Read, Ending::Ok(value)) = (asked.function, ending) {
            self.seen = Some(value.clone());
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let squall = std::env::args().nth(1).ok_or("name the squall binary")?;
    let plan = Plan { time: Duration::from_secs(10), ..Plan::default() }.resolve()?;
    let system = Arc::from(systems::by_plan(&plan, Path::new(&squall))?);
    println!("{}", run::alone(plan, system, Box::new(Takeover), Path::new("store")).await?);
    Ok(())
}
