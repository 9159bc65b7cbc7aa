//! One run: its report, its files, and where to go from there.

use askama::Template;

use super::files::{self, Purpose, Shown};
use super::reply::{Refusal, Reply, html};
use super::{Asked, CSS, address, framed, index};
use crate::store::{
    Files, Index, Listed, Night, NightCell, Run, State, list_files, pairs, unexpected,
};
use crate::wording::{Millis, Nanos, count, percent, rate};

#[derive(Template)]
#[template(path = "serve/run.html")]
struct Page<'i> {
    css: &'static str,
    here: &'static str,
    title: String,
    shade: &'static str,
    mark: &'static str,
    headline: String,
    reason: String,
    facts: Vec<(&'static str, String, String)>,
    report: Option<String>,
    zip: Option<String>,
    others: Vec<(String, String)>,
    id: &'i str,
    files: Vec<File>,
    /// What is said of files that are not listed, if there are any.
    lacks: String,
}

struct File {
    path: String,
    address: String,
    what: &'static str,
    size: String,
}

/// Files of a night that can be seen beside its runs.
const OF_A_NIGHT: [&str; 3] = ["suite.html", "suite.json", "junit.xml"];

/// What lies at a path below `/runs/`.
enum Place<'p> {
    Run { id: String, file: &'p [&'p str] },
    Night { id: String, file: &'p [&'p str] },
}

pub(super) fn page(asked: &Asked, path: &[&str]) -> Result<Reply, Refusal> {
    let store = asked.site.store.beneath();
    match find(&asked.index, path) {
        Some(Place::Run { id, file: [] }) => {
            let run = asked.index.run(&id).ok_or_else(missing)?;
            let files = list_files(store, &id).map_err(|_| missing())?;
            html(&of_run(&asked.index, run, &files))
        }
        Some(Place::Night { id, file: [] }) => {
            let night = asked.index.night(&id).ok_or_else(missing)?;
            let files = list_files(store, &id).map_err(|_| missing())?;
            html(&of_night(night, &files.listed))
        }
        Some(Place::Night { file, .. }) if file.len() > 1 || !OF_A_NIGHT.contains(&file[0]) => {
            Err(missing())
        }
        Some(Place::Run { id, file } | Place::Night { id, file }) => {
            of_file(asked, &id, file, path)
        }
        None => Err(missing()),
    }
}

/// A file of the run or night at `id`; `path` is that of both.
fn of_file(asked: &Asked, id: &str, file: &[&str], path: &[&str]) -> Result<Reply, Refusal> {
    let keep = pairs(&asked.query)?.iter().any(|(name, _)| name == "download");
    let purpose = if keep { Purpose::Keep } else { Purpose::View };
    let reply = files::reply(asked.site.store.beneath(), path, purpose)?;
    let is_page = file.last().is_some_and(|name| name.ends_with(".html"));
    if keep || !is_page || asked.shown != Shown::Alone {
        return Ok(reply);
    }
    let back_to = match (asked.index.run(id), asked.index.night(id)) {
        (Some(run), _) => format!("{} of {}", run.name, run.when),
        (None, Some(night)) => format!("{} of {}", night.suite, night.when),
        (None, None) => id.to_owned(),
    };
    framed::page(&address::of_run(id), &back_to, file)
}

fn missing() -> Refusal {
    Refusal::not_found("There is no such run here. It may have been removed.")
}

/// Finds whose path this is: only what the index knows can be named.
fn find<'p>(index: &Index, path: &'p [&'p str]) -> Option<Place<'p>> {
    (1..=path.len())
        .find_map(|length| {
            let id = path[..length].join("/");
            index.run(&id).map(|_| Place::Run { id, file: &path[length..] })
        })
        .or_else(|| {
            (1..=path.len()).rev().find_map(|length| {
                let id = path[..length].join("/");
                index.night(&id).map(|_| Place::Night { id, file: &path[length..] })
            })
        })
}

fn of_run<'i>(index: &'i Index, run: &'i Run, files: &Files) -> Page<'i> {
    let digest = &run.digest;
    let page = address::of_run(&run.id);
    let (headline, reason) = match digest.verdict {
        Some(_) => (digest.headline.clone(), digest.reason.clone()),
        None => (format!("No verdict: {}", run.state.as_str()), trouble(run)),
    };
    Page {
        css: CSS,
        here: "runs",
        title: format!("{} {}", run.name, run.verdict_word()),
        shade: digest.verdict.map_or("broken", |verdict| verdict.as_str()),
        mark: run.mark(),
        headline,
        reason,
        facts: facts(run),
        report: run.has_report.then(|| format!("{page}report.html")),
        zip: Some(format!("/zip/{}", address::escaped_id(&run.id))),
        others: others(index, run),
        id: &run.id,
        files: files.listed.iter().map(|listed| file(&page, listed)).collect(),
        lacks: match files.missing.is_nothing() {
            true => String::new(),
            false => format!("Not every file is listed: {}.", files.missing),
        },
    }
}

/// Why a run has no verdict, and what to do about it.
fn trouble(run: &Run) -> String {
    let folder = &run.id;
    match run.state {
        State::Unfinished => format!(
            "It is {}. If it was cut short, `squall report` on its folder in the store ({folder}) \
             judges what was recorded.",
            run.trouble
        ),
        _ => format!(
            "Its results.json cannot be used: {}. If its history is whole, `squall report` on its \
             folder in the store ({folder}) makes it again.",
            run.trouble
        ),
    }
}

fn of_night<'i>(night: &'i Night, files: &[Listed]) -> Page<'i> {
    let page = address::of_run(&night.id);
    let own = files.iter().filter(|f| f.path.len() == 1 && OF_A_NIGHT.contains(&&*f.path[0]));
    let (shade, mark, reason) = match &night.cells {
        Ok(cells) if unexpected(cells) == 0 => ("linearizable", "✓", totals(cells)),
        Ok(cells) => ("violation", "✗", totals(cells)),
        Err(why) => ("broken", "!", format!("Its suite.json cannot be read: {why}.")),
    };
    let suite = format!("/suites/{}", address::escaped(&night.suite));
    Page {
        css: CSS,
        here: "suites",
        title: format!("{} of {}", night.suite, night.when),
        shade,
        mark,
        headline: format!("{}, night of {}", night.suite, night.when),
        reason,
        facts: Vec::new(),
        report: night.cells.is_ok().then(|| format!("{page}suite.html")),
        zip: None,
        others: vec![
            ("All nights of this suite".to_owned(), suite),
            ("Runs of this suite".to_owned(), address::of_index(&[("suite", &night.suite)])),
        ],
        id: &night.id,
        files: own.map(|listed| file(&page, listed)).collect(),
        lacks: String::new(),
    }
}

fn totals(cells: &[NightCell]) -> String {
    format!("{} of {} runs as expected.", cells.len() - unexpected(cells), cells.len())
}

fn facts(run: &Run) -> Vec<(&'static str, String, String)> {
    let digest = &run.digest;
    if digest.verdict.is_none() {
        return Vec::new();
    }
    let bug = digest.bug.as_ref().map_or_else(String::new, |bug| format!("planted bug: {bug}"));
    let under =
        digest.ok_share_under_faults.map(|share| format!("{} ok under faults", percent(share)));
    let mut facts = vec![
        ("System", digest.system.clone(), bug),
        ("Workload", digest.workload.clone(), format!("seed {}", digest.seed)),
        ("Faults that took hold", index::kinds(digest), String::new()),
        ("Operations", count(digest.operations), format!("{} ok a second", rate(digest.ok_per_s))),
        ("Lasted", Nanos(digest.duration_ns).to_string(), under.unwrap_or_default()),
        ("Began (UTC)", run.when.to_string(), String::new()),
    ];
    if let Some(ms) = digest.detected_ms {
        facts.push((
            "Detected after",
            Millis(ms).to_string(),
            "from the start of the clients".to_owned(),
        ));
    }
    if let Some(print) = &digest.fingerprint {
        facts.push(("Fingerprint", print.label.clone(), print.id.clone()));
    }
    facts
}

/// Where else to go from a run.
fn others(index: &Index, run: &Run) -> Vec<(String, String)> {
    let mut others = Vec::new();
    let same = |other: &&std::sync::Arc<Run>| other.name == run.name && other.suite == run.suite;
    let older = |other: &&std::sync::Arc<Run>| (&other.when, &other.id) < (&run.when, &run.id);
    if let Some(before) = index.runs.iter().filter(same).find(older) {
        others.push((
            "Compare with the run before of this name".to_owned(),
            address::of_pair(&before.id, &run.id),
        ));
    }
    let (word, at) = match &run.suite {
        Some(suite) => ("Its suite", format!("/suites/{}", address::escaped(suite))),
        None => ("Its series", format!("/series/{}", address::escaped(&run.name))),
    };
    others.push((word.to_owned(), at));
    if let Some(print) = &run.digest.fingerprint {
        others
            .push(("Equal failures".to_owned(), address::of_index(&[("fingerprint", &print.id)])));
    }
    others
}

fn file(page: &str, listed: &Listed) -> File {
    let path = listed.path.join("/");
    let what = match path.as_str() {
        "report.html" => "the report",
        "results.json" => "what the run came to",
        "history.jsonl" => "every operation and fault",
        "certificate.json" => "the proof of the verdict",
        "cluster.jsonl" => "what the nodes said of themselves",
        "plan.toml" => "the plan, to run again",
        "junit.xml" => "the verdict for CI",
        "suite.html" => "the suite's report",
        "suite.json" => "what the suite came to",
        _ if path.starts_with("logs/") => "what a node wrote",
        _ => "",
    };
    File {
        address: format!("{page}{}", address::escaped_id(&path)),
        path,
        what,
        size: count(listed.size),
    }
}
