//! The findings as a page of the documentation, in Markdown.

use std::fmt::Write as _;

use super::{Expected, Findings, PatientFindings, Spread, table::summary};

/// Above the table: what the figures mean.
const PREFACE: &str = "\
A harness that has never seen a violation proves little by reporting none. The built-in node
can break one rule of Raft at a time on purpose (`squall node --bug NAME`), and `squall bugs`
measures whether that is found: each bug under the plan that fits it, with one seed after
another, and then the working node under the very same plans.

**Found** means that the history is not linearizable and that the independent verifier
confirmed the contradiction; for a bug of liveness, that the cluster did not serve again after
the last fault was undone and the history contradicts nothing. **Seconds** run from the start
of the clients to the completion of the operation that makes the violation certain (for a bug
of liveness, until the cluster is given up). **Operations** are those invoked until then.
**Size** is the number of operations in the counterexample. **Clean** is how often the working
node was accused under the same plan.
";

/// Renders the page, with the chapter `matrix` in it where there is one. Everything in it comes
/// from the findings, so that it can be made again from `bugs.json`.
#[must_use]
pub fn markdown(findings: &Findings, matrix: Option<&str>) -> String {
    let mut page = format!("# The planted bugs\n\n{PREFACE}\n");
    let host = &findings.host;
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "Measured with `{}` (Squall {}, {} at once) on {}, {} processors, {} MiB of memory, \
         {}.\n\n{}.\n",
        findings.command,
        findings.version,
        plural(findings.jobs, "run", "runs"),
        one_line(&host.os),
        host.cpus,
        host.memory_mb,
        findings.started_utc,
        summary(findings),
    );
    page.push_str(
        "| Bug | Expected | Found | Seconds, median | Seconds, worst | Operations, median \
         | Size, median | Clean |\n|---|---|---|---|---|---|---|---|\n",
    );
    for patient in &findings.patients {
        page.push_str(&table_row(patient));
    }
    if let Some(matrix) = matrix {
        page.push('\n');
        page.push_str(matrix);
    }
    page.push_str("\n## Each bug\n");
    for patient in &findings.patients {
        page.push_str(&chapter(patient));
    }
    page
}

fn table_row(patient: &PatientFindings) -> String {
    let name = format!("[{0}](#{0})", patient.name);
    let expected = patient.expected.as_str();
    if patient.missing.is_some() {
        return format!("| {name} | {expected} | fault not available yet | | | | | |\n");
    }
    let figures = &patient.figures;
    let of = |spread: Option<Spread>, pick: fn(Spread) -> f64, digits: usize| {
        spread.map_or_else(|| "-".to_owned(), |spread| format!("{:.digits$}", pick(spread)))
    };
    let found = match figures.found.of {
        0 => "not run".to_owned(),
        of if patient.missed() => format!("**{} of {of}**", figures.found.count),
        of => format!("{} of {of}", figures.found.count),
    };
    let clean = match figures.accused.of {
        0 => "not run".to_owned(),
        of => format!("{} of {of}", figures.accused.count),
    };
    format!(
        "| {name} | {expected} | {found} | {} | {} | {} | {} | {clean} |\n",
        of(figures.seconds, |spread| spread.median, 1),
        of(figures.seconds, |spread| spread.worst, 1),
        of(figures.operations, |spread| spread.median, 0),
        of(figures.size, |spread| spread.median, 0),
    )
}

fn chapter(patient: &PatientFindings) -> String {
    let verdict = match patient.expected {
        Expected::Violation => "a violation",
        Expected::Unavailable => "that the cluster is unavailable, and no violation",
    };
    let mut text = format!(
        "\n### {}\n\nWhat goes wrong: {}.\n\nThe rule left out: {}.\n\nRevealed when {}.\n\nMust \
         be reported: {verdict}.\n",
        patient.name, patient.breaks, patient.rule, patient.revealed_by
    );
    if let Some(why) = &patient.missing {
        let _ = writeln!(text, "\nNot run yet: {why}.");
    }
    if let (Some(plan), Some(file)) = (&patient.plan, &patient.plan_file) {
        let seed = patient.runs.iter().find(|run| run.outcome.is(patient.expected));
        let _ = writeln!(
            text,
            "\nPlan: {plan}; see [`{file}`](../{file}).\n\n```\nsquall test --plan {file} --seed \
             {}\n```",
            seed.map_or(1, |run| run.seed)
        );
    }
    text
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
