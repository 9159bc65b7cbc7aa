//! Runs of other shapes: of other numbers of nodes, and such as lack what most have.

use std::collections::BTreeMap;

use squall_checker::history::Outcome;
use squall_checker::verdict::Conclusion;
use squall_results::facts::RunFacts;

use super::{Ending, Invented, run};

/// A violation in a cluster of `count` nodes.
///
/// Where there are fewer than five, nodes that fall away become the remaining ones; where
/// there are more, the others say what these say.
pub fn of_nodes(count: usize) -> Invented {
    let mut run = run(815, 3_000, Ending::Violation);
    let names: Vec<String> = (1..=count).map(|number| format!("n{number}")).collect();
    let stands_for = |name: &str| {
        let number: usize = name.trim_start_matches('n').parse().unwrap_or(1);
        names[(number - 1) % count].clone()
    };
    let renamed: Vec<_> = (1..=5).map(|number| stands_for(&format!("n{number}"))).collect();
    let renamed: Vec<_> = renamed.iter().map(|name| run.history.names.intern(name)).collect();
    let more: Vec<_> = names.iter().map(|name| run.history.names.intern(name)).collect();
    for (at, op) in run.history.operations.iter_mut().enumerate() {
        let number = op.node.map(|node| run.history.names.get(node)[1..].parse::<usize>());
        let number = number.and_then(Result::ok).unwrap_or(1);
        op.node = Some(if count > 5 { more[at % count] } else { renamed[number - 1] });
    }
    run.probes.retain(|probe| names.contains(&probe.node));
    let told = run.probes.clone();
    for (number, name) in (1..).zip(&names).skip(5) {
        let like = format!("n{}", (number - 1) % 5 + 1);
        run.probes.extend(
            told.iter()
                .filter(|probe| probe.node == like)
                .cloned()
                .map(|probe| squall_results::probes::Probe { node: name.clone(), ..probe }),
        );
    }
    for line in &mut run.log_lines {
        line.node = stands_for(&line.node);
    }
    run.facts.nodes = names;
    run
}

/// A violation whose nodes never said how they are.
pub fn of_silent_nodes() -> Invented {
    let mut run = run(815, 3_000, Ending::Violation);
    run.probes.clear();
    run.log_lines.clear();
    run
}

/// A pass of a system that has no keys: one order of everything.
pub fn without_keys() -> Invented {
    let mut run = run(815, 3_000, Ending::Linearizable);
    let mut whole = run.analysis.keys[0].clone();
    whole.key = None;
    whole.operations = run.history.operations.len();
    let order = run.history.iter().filter(|(_, op)| op.outcome == Outcome::Ok).map(|(id, _)| id);
    whole.conclusion = Conclusion::Linearizable { order: order.collect() };
    run.analysis.keys = vec![whole];
    for op in &mut run.history.operations {
        op.key = None;
    }
    run
}

/// A violation recorded by another tool: clients and operations, and nothing else.
pub fn of_another_tool() -> Invented {
    let mut run = run(815, 3_000, Ending::Violation);
    run.history.header = None;
    run.history.nemesis.clear();
    for op in &mut run.history.operations {
        (op.node, op.error) = (None, None);
    }
    run.probes.clear();
    run.log_lines.clear();
    run.facts = RunFacts { checks: BTreeMap::new(), ..RunFacts::default() };
    run
}
