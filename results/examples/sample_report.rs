//! Writes reports of invented runs, to look at: `cargo run --example sample_report -- DIR`.

#[path = "../tests/invented/mod.rs"]
mod invented;

use std::path::PathBuf;

use invented::Ending;
use squall_results::{junit, report, summary, text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    for (name, ending) in [("linearizable", Ending::Linearizable), ("violation", Ending::Violation)]
    {
        let run = invented::run(815, 30_000, ending);
        let results = summary::summarize(&run.history, &run.analysis, &run.probes, run.facts);
        let html = report::render(&results, &run.history, &run.probes);
        std::fs::write(folder.join(format!("{name}.html")), html)?;
        std::fs::write(
            folder.join(format!("{name}.json")),
            serde_json::to_string_pretty(&results)?,
        )?;
        std::fs::write(folder.join(format!("{name}.xml")), junit::render(&results))?;
        print!("{}", text::one_screen(&results, text::Colour::Ansi));
    }
    Ok(())
}
