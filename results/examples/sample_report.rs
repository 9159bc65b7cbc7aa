//! Writes reports of invented runs, to look at: `cargo run --example sample_report -- DIR`.

#[path = "../tests/invented/mod.rs"]
mod invented;

use std::path::PathBuf;

use invented::Ending;
use squall_results::suite::{Cell, SuiteResults};
use squall_results::summary::{Results, RunVerdict};
use squall_results::{junit, report, suite, text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    let mut cells = Vec::new();
    for (name, ending) in [("linearizable", Ending::Linearizable), ("violation", Ending::Violation)]
    {
        let run = invented::run(815, 30_000, ending);
        let results = run.results();
        let html = report::render(&run.material(&results));
        std::fs::write(folder.join(format!("{name}.html")), html)?;
        std::fs::write(
            folder.join(format!("{name}.json")),
            serde_json::to_string_pretty(&results)?,
        )?;
        std::fs::write(folder.join(format!("{name}.xml")), junit::render(&results))?;
        print!("{}", text::one_screen(&results, text::Colour::Ansi, text::Width::Columns(100)));
        cells.push(cell(name, &results));
    }
    let nothing = invented::nothing();
    let results = nothing.results();
    let html = report::render(&nothing.material(&results));
    std::fs::write(folder.join("inconclusive.html"), html)?;
    cells.push(cell("inconclusive", &results));
    let suite = SuiteResults {
        squall: 1,
        suite: "nightly".to_owned(),
        started_utc: "2026-01-02 03:04:05 UTC".to_owned(),
        cells,
    };
    std::fs::write(folder.join("suite.html"), suite::render_html(&suite))?;
    print!("{}", suite::text(&suite, text::Colour::Ansi, text::Width::Columns(100)));
    Ok(())
}

fn cell(name: &str, results: &Results) -> Cell {
    Cell {
        name: name.to_owned(),
        plan: "register on 5 nodes for 30 s; kill, pause, partition".to_owned(),
        expected: RunVerdict::Linearizable,
        verdict: Some(results.verdict),
        as_expected: results.verdict == RunVerdict::Linearizable,
        run_dir: Some(format!("register/{name}")),
        seconds: 31.4,
        reason: results.reason.clone(),
        seed: results.facts.seed,
        command: results.facts.command.clone(),
        fingerprint: results.fingerprint.clone(),
    }
}
