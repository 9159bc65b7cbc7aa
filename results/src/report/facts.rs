//! The figures that stand by themselves: a name, a value, a remark.

use super::tables::NONE;
use crate::summary::Results;
use crate::wording::{Millis, Nanos, count, instant, plural};

/// A name, a value and a smaller remark, which may be empty.
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) more: String,
}

fn fact(name: &str, value: impl Into<String>, more: impl Into<String>) -> Fact {
    let value = Some(value.into()).filter(|value| !value.is_empty());
    Fact {
        name: name.to_owned(),
        value: value.unwrap_or_else(|| NONE.to_owned()),
        more: more.into(),
    }
}

/// What a person wants to know first.
pub(super) fn facts(results: &Results) -> Vec<Fact> {
    let facts = &results.facts;
    let total = &results.whole.total;
    let held = results.faults.iter().filter(|fault| fault.took_hold).count();
    let planned = (facts.faults_planned as usize).max(results.faults.len());
    let bug = facts.bug.as_ref().map_or_else(String::new, |bug| format!("planted bug: {bug}"));
    let keys = plural(results.check.keys.len() as u64, "key", "keys");
    let mut list = vec![
        fact("System", facts.system.clone(), bug),
        fact("Workload", facts.workload.clone(), keys),
        fact("Cluster", plural(facts.nodes.len() as u64, "node", "nodes"), facts.network.clone()),
        fact(
            "Operations",
            count(total.invoked),
            format!("{} indeterminate, {} failed", count(total.info), count(total.fail)),
        ),
        fact("Faults that took hold", format!("{held} of {planned}"), ""),
        fact("Lasted", Nanos(results.duration_ns).to_string(), facts.started_utc.clone()),
        fact("Seed", facts.seed.to_string(), ""),
    ];
    if let Some(first) = results.contradictions.first() {
        list.push(fact("Contradiction complete at", instant(first.complete_ns), ""));
    }
    list.push(fact("Checked in", Millis(facts.timings.check_ms).to_string(), proof(results)));
    list.push(recovery(results));
    if let Some(gap) = results.availability.longest_gap {
        let longest = Nanos(gap.end_ns - gap.start_ns).to_string();
        let when = format!("at {}; faults left out", instant(gap.start_ns));
        list.push(fact("Longest gap with no fault in force", longest, when));
    }
    if let Some(fingerprint) = &results.fingerprint {
        list.push(fact("Fingerprint", fingerprint.id.clone(), fingerprint.label.clone()));
    }
    list
}

fn proof(results: &Results) -> String {
    match (results.facts.proof_verified, results.facts.timings.verify_ms) {
        (Some(true), Some(ms)) => format!("proof verified in {}", Millis(ms)),
        (Some(true), None) => "proof verified".to_owned(),
        (Some(false), _) => "proof rejected".to_owned(),
        (None, _) => "proof not verified".to_owned(),
    }
}

fn recovery(results: &Results) -> Fact {
    let recovered = &results.facts.recovered;
    let served = match recovered.served_again_ms {
        Some(ms) => format!("in {}", Millis(ms)),
        None if !recovered.was_looked_for() => "not looked for".to_owned(),
        None if results.availability.not_served_again.is_empty() => "never".to_owned(),
        None => format!("never: {}", results.availability.not_served_again.join(", ")),
    };
    let reads = format!(
        "{} of {} answered",
        count(recovered.final_reads_ok),
        plural(recovered.final_reads_expected, "final read", "final reads"),
    );
    fact("Served again after the heal", served, reads)
}

/// How the run was judged, how long each part took, and on what machine.
pub(super) fn circumstances(results: &Results) -> Vec<Fact> {
    let facts = &results.facts;
    let procedures: Vec<_> = results
        .check
        .procedures
        .iter()
        .map(|(name, keys)| format!("{name}: {}", plural(*keys, "key", "keys")))
        .collect();
    let host = &facts.host;
    let timings = &facts.timings;
    let mut list = vec![
        fact("Model", results.check.model.clone(), procedures.join(", ")),
        fact(
            "Operations checked",
            count(results.check.operations),
            "indeterminate reads take no part",
        ),
        fact("Boot", Millis(timings.boot_ms).to_string(), first_write(timings.first_write_ms)),
        fact("Workload phase", Millis(timings.workload_ms).to_string(), ""),
        fact("Heal", Millis(timings.heal_ms).to_string(), ""),
        fact("Final reads", Millis(timings.final_reads_ms).to_string(), ""),
    ];
    // A history that came without its run comes without its host.
    if host.cpus > 0 {
        let processors = plural(host.cpus.into(), "processor", "processors");
        let more = format!("{}, {processors}, {} MB", host.kernel, count(host.memory_mb));
        list.push(fact("Host", host.os.clone(), more));
    }
    list.extend(facts.versions.iter().map(|(name, version)| fact(name, version.clone(), "")));
    list
}

fn first_write(ms: Option<u64>) -> String {
    ms.map_or_else(
        || "no write was acknowledged".to_owned(),
        |ms| format!("first write after {}", Millis(ms)),
    )
}
