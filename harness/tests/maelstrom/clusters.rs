//! Whole runs: clusters of bridged nodes, clients, faults, a verdict.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use squall::{
    plan::{Plan, Rate},
    run::{self, RunError},
    systems::Maelstrom,
};
use squall_results::summary::{Results, RunVerdict};

use crate::programs;

fn plan(nemesis: &str, time_s: u64) -> Plan {
    let plan = Plan {
        system: "maelstrom".to_owned(),
        nodes: 3,
        workload: "cas-register".to_owned(),
        keys: 8,
        nemesis: nemesis.to_owned(),
        time: Duration::from_secs(time_s),
        rate: Rate::PerSecond(300),
        seed: 7,
        ..Plan::default()
    };
    plan.resolve().expect("a plan")
}

async fn run(
    plan: Plan,
    program: &Path,
    args: &[&str],
    options: &[(&str, &str)],
) -> Result<Results, RunError> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let options: BTreeMap<_, _> = options.iter().map(owned).collect();
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let system =
        Maelstrom::new(env!("CARGO_BIN_EXE_squall").into(), program.into(), args, &options);
    let workload = squall_workloads::by_name(&plan.workload, plan.workload_settings());
    let store = tempfile::tempdir().expect("a temporary folder");
    let system = Arc::new(system.expect("a system"));
    let run = run::alone(plan, system, workload.expect("a workload"), store.path()).await?;
    Ok(run.results)
}

#[tokio::test]
async fn a_right_node_is_linearizable_through_kills_pauses_and_partitions() {
    let plan = plan("kill,pause,partition", 6);
    let results = run(plan, programs::raft(), &[], &[]).await.expect("it runs");
    assert_eq!(results.verdict, RunVerdict::Linearizable, "{}", results.reason);
}

#[tokio::test]
async fn reads_that_ask_nobody_are_a_violation() {
    let plan = plan("none", 3);
    let results = run(plan, programs::raft(), &["--local-reads"], &[("latency", "20ms")]).await;
    let results = results.expect("it runs");
    assert_eq!(results.verdict, RunVerdict::Violation, "{}", results.reason);
}

#[tokio::test]
async fn a_right_node_is_linearizable_where_messages_are_lost_and_overtake_each_other() {
    let options = [("latency", "1ms"), ("jitter", "10ms"), ("loss", "0.3")];
    // What is lost is waited for, so that is not to take long.
    let plan = Plan { operation_timeout: Duration::from_millis(300), ..plan("none", 4) };
    let results = run(plan, programs::raft(), &[], &options).await.expect("it runs");
    assert_eq!(results.verdict, RunVerdict::Linearizable, "{}", results.reason);
}

#[tokio::test]
async fn a_node_that_exits_at_once_is_quoted() {
    let args = ["-c", "echo the licence is missing >&2; exit 3"];
    let error = run(plan("none", 1), Path::new("/bin/sh"), &args, &[]).await.expect_err("no node");
    let text = run::chain(&error);
    assert!(text.contains("start n1: it ended"), "{text}");
    assert!(text.contains("the licence is missing"), "{text}");
    assert!(text.contains("keep n1 running") && text.contains("exit status: 3"), "{text}");
}

#[tokio::test]
async fn a_node_that_refuses_init_is_quoted() {
    let script = programs::script(r#"answer '"type":"error","code":10,"text":"too old"'; ask"#);
    let args: Vec<_> = script[1..].iter().map(String::as_str).collect();
    let error = run(plan("none", 1), Path::new(&script[0]), &args, &[]).await.expect_err("no node");
    let text = run::chain(&error);
    assert!(text.contains("initialise n1") && text.contains("too old"), "{text}");
}
