//! A run whose nodes and users mean harm.

use serde_json::json;
use squall_checker::verdict::Conclusion;
use squall_results::checks::logs::Scan;
use squall_results::facts::{Pace, RunFacts};
use squall_results::summary::Latency;

use super::{Ending, Invented, run};

/// What a malicious node or a careless user might get into a run.
pub const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u{1b}[2J\0&amp;\"'<!--";

/// A run in which everything that comes from outside is [`HOSTILE`].
pub fn hostile() -> Invented {
    let mut run = run(7, 2_000, Ending::Violation);
    let text = || HOSTILE.to_owned();
    let name = run.history.names.intern(HOSTILE);
    let result = run.history.values.intern(&json!({ HOSTILE: HOSTILE }));
    for op in &mut run.history.operations {
        (op.node, op.f, op.result, op.error) = (Some(name), name, result, Some(name));
    }
    for event in &mut run.history.nemesis {
        event.value["description"] = json!(HOSTILE);
        event.value["kind"] = json!(HOSTILE);
        event.value["targets"] = json!([HOSTILE]);
        event.evidence = json!({ HOSTILE: HOSTILE });
    }
    for probe in &mut run.probes {
        probe.node = text();
        probe.role = Some(text());
    }
    for key in &mut run.analysis.keys {
        key.key = Some(text());
        key.procedure = text();
        if let Conclusion::Violation(counterexample) = &mut key.conclusion {
            counterexample.explanation = text();
        }
    }
    run.analysis.model = text();
    let mut scan = Scan::default();
    scan.log(HOSTILE, format!("panicked at {HOSTILE}").as_bytes());
    scan.unreadable(HOSTILE, &std::io::Error::other(HOSTILE));
    run.logs = scan.finish();
    let latency = Latency { p50_ns: 1, p95_ns: 2, p99_ns: 3, max_ns: 4 };
    run.facts.pace = Some(Pace {
        why_not: Some(text()),
        latencies: [(text(), latency)].into(),
        ..Pace::default()
    });
    run.facts = RunFacts {
        name: text(),
        system: text(),
        workload: text(),
        bug: Some(text()),
        nodes: vec![text()],
        plan: json!({ HOSTILE: HOSTILE }),
        command: text(),
        network: text(),
        network_caveats: vec![text()],
        started_utc: text(),
        versions: [(text(), text())].into(),
        notes: vec![text()],
        verify_error: Some(text()),
        ..run.facts
    };
    run
}
