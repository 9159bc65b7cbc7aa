//! What a check found, for a person.

use std::time::Duration;

use squall_checker::{
    history::{History, Outcome, Recorded, Value},
    verdict::{
        Analysis, Conclusion, Counterexample, KeyAnalysis, OperationId, RevisionConclusion, Verdict,
    },
};

/// Keys of one verdict that are told one by one.
const KEYS_TOLD: usize = 5;
/// Operations of a counterexample that are told one by one.
const OPERATIONS_TOLD: usize = 12;
/// Characters of a value, or of an error, that are told.
const CHARACTERS_TOLD: usize = 60;

/// Tells the verdict, and what there is to say of keys that are not linearizable.
pub(crate) fn tell(history: &History, analysis: &Analysis, took: Duration) {
    let keys = analysis.keys.len();
    let operations: usize = analysis.keys.iter().map(|key| key.operations).sum();
    say!(
        "{}: {operations} operations on {keys} {} as `{}`, in {:.1} ms",
        analysis.verdict,
        if keys == 1 { "key" } else { "keys" },
        analysis.model,
        took.as_secs_f64() * 1e3
    );
    let violated = analysis.keys.iter().filter_map(|key| match &key.conclusion {
        Conclusion::Violation(counterexample) => Some((key, counterexample)),
        _ => None,
    });
    some_of(violated, "violated", |(_, counterexample)| violation(history, counterexample));
    let unknown = analysis.keys.iter().filter_map(|key| match &key.conclusion {
        Conclusion::Unknown { reason } => Some((key, reason)),
        _ => None,
    });
    some_of(unknown, "unknown", |(key, reason)| {
        say!("  {}: unknown, {} operations: {reason}", name(key), key.operations);
    });
    let revisions = analysis.keys.iter().filter_map(|key| match &key.revisions {
        Some(RevisionConclusion::Violation(found)) => Some((key, found)),
        _ => None,
    });
    some_of(revisions, "with violated revisions", |(key, found)| {
        let values = match key.conclusion.verdict() {
            Verdict::Linearizable => ", though values alone are linearizable",
            Verdict::Violation => ", as are values",
            Verdict::Unknown => "",
        };
        say!("  {}: revisions: violated{values}: {}", name(key), found.explanation);
    });
}

/// Tells the first few, and how many more there are.
fn some_of<T>(mut items: impl Iterator<Item = T>, what: &str, tell: impl Fn(T)) {
    items.by_ref().take(KEYS_TOLD).for_each(tell);
    match items.count() {
        0 => {}
        1 => say!("  and 1 more key {what}; --json names it"),
        more => say!("  and {more} more keys {what}; --json names them"),
    }
}

fn name(key: &KeyAnalysis) -> String {
    // A key may hold what a terminal would act on.
    let shown = |key: &str| format!("key {}", key.escape_debug());
    key.key.as_deref().map_or_else(|| "the history".to_owned(), shown)
}

fn violation(history: &History, counterexample: &Counterexample) {
    say!("  {}", counterexample.explanation);
    let began = |id: &OperationId| history.get(*id).invoked.time_ns();
    let zero_ns = counterexample.operations.iter().map(began).min().unwrap_or(0);
    for id in counterexample.operations.iter().take(OPERATIONS_TOLD) {
        say!("    {}", operation(*id, history.get(*id), zero_ns));
    }
    let told = OPERATIONS_TOLD.min(counterexample.operations.len());
    if told < counterexample.operations.len() {
        say!("    and {} more operations", counterexample.operations.len() - told);
    }
}

/// `operation 12: n2, process 3: enqueue 31 -> ok, +0.000 to +4.101 ms`
fn operation(id: OperationId, operation: Recorded<'_>, zero_ns: u64) -> String {
    let value = |value| shorten(operation.history().values.show(value).to_string());
    let node = operation.node().map_or_else(String::new, |node| format!("{node}, "));
    let argument = match operation.argument {
        Value::NULL => String::new(),
        argument => format!(" {}", value(argument)),
    };
    let error = operation
        .error()
        .map_or_else(String::new, |error| format!(" ({})", shorten(error.to_owned())));
    let result = match operation.outcome {
        // Completions of what changes something repeat what was asked for, or are silent.
        Outcome::Ok
            if operation.argument != Value::NULL
                && [operation.argument, Value::NULL].contains(&operation.result) =>
        {
            "ok".to_owned()
        }
        Outcome::Ok => value(operation.result),
        Outcome::Fail => format!("failed{error}"),
        Outcome::Info => format!("indeterminate{error}"),
    };
    format!(
        "operation {}: {node}process {}: {}{argument} -> {result}, {}",
        id.0,
        operation.process,
        operation.f(),
        span(operation, zero_ns)
    )
}

/// When it began, and ended if it did; without stamps, its place in the order of events.
fn span(operation: Recorded<'_>, zero_ns: u64) -> String {
    let ended = operation.completed.filter(|_| operation.outcome != Outcome::Info);
    if operation.invoked.time_ns() == 0 && ended.is_none_or(|ended| ended.time_ns() == 0) {
        let end = ended.map_or_else(String::new, |end| end.position().to_string());
        return format!("events {} to {end}", operation.invoked.position())
            .trim_end_matches(" to ")
            .to_owned();
    }
    let ms = |time_ns: u64| time_ns.saturating_sub(zero_ns) as f64 / 1e6;
    match ended {
        Some(end) => {
            format!("+{:.3} to +{:.3} ms", ms(operation.invoked.time_ns()), ms(end.time_ns()))
        }
        None => format!("from +{:.3} ms on", ms(operation.invoked.time_ns())),
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(CHARACTERS_TOLD) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
