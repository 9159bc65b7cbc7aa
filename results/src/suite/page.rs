//! The HTML report of a suite: totals on top, a row per run, links to the runs' reports.

use std::collections::BTreeMap;

use askama::Template;

use super::{Cell, SuiteResults};
use crate::fingerprint::Fingerprint;
use crate::report::{CSS, mark};
use crate::summary::RunVerdict;
use crate::wording::{Nanos, count};

#[derive(Template)]
#[template(path = "suite.html")]
struct Page<'s> {
    suite: &'s SuiteResults,
    css: &'static str,
    class: &'static str,
    mark: &'static str,
    headline: String,
    totals: Vec<(&'static str, String)>,
    groups: Vec<Group<'s>>,
    rows: Vec<Row<'s>>,
}

/// Runs that are not as expected and failed alike.
struct Group<'s> {
    fingerprint: &'s Fingerprint,
    title: String,
    runs: Vec<Link<'s>>,
    more: String,
}

/// A run by its name, with the address of its report if it has one.
struct Link<'s> {
    name: &'s str,
    report: Option<String>,
}

/// Runs of a group that are named before the rest is only counted.
const GROUP_RUNS_MAX: usize = 20;

struct Row<'s> {
    cell: &'s Cell,
    class: &'static str,
    mark: &'static str,
    lasted: String,
    report: Option<String>,
}

/// Renders a suite as one self-contained HTML file.
pub fn render_html(suite: &SuiteResults) -> String {
    let verdict =
        if suite.unexpected() == 0 { RunVerdict::Linearizable } else { RunVerdict::Violation };
    let page = Page {
        suite,
        css: CSS,
        class: verdict.as_str(),
        mark: mark(verdict),
        headline: suite.totals(),
        totals: totals(suite),
        groups: groups(suite),
        rows: suite.cells.iter().map(row).collect(),
    };
    page.render().expect("the template formats plain data into memory, which cannot fail")
}

fn totals(suite: &SuiteResults) -> Vec<(&'static str, String)> {
    let mut by_outcome: BTreeMap<&'static str, u64> = BTreeMap::new();
    for cell in &suite.cells {
        *by_outcome.entry(cell.outcome()).or_default() += 1;
    }
    let mut totals: Vec<_> = by_outcome.into_iter().map(|(word, n)| (word, count(n))).collect();
    let seconds = suite.cells.iter().map(|cell| cell.length().as_secs_f64()).sum::<f64>();
    totals.push(("together", Nanos((seconds * 1e9) as u64).to_string()));
    totals
}

/// The failures nobody expected, by fingerprint; the most frequent first.
fn groups(suite: &SuiteResults) -> Vec<Group<'_>> {
    let mut groups = suite.alike();
    // Of equally frequent ones the order of their labels stays.
    groups.sort_by_key(|(_, cells)| std::cmp::Reverse(cells.len()));
    groups.into_iter().map(|(fingerprint, cells)| group(fingerprint, &cells)).collect()
}

fn group<'s>(fingerprint: &'s Fingerprint, cells: &[&'s Cell]) -> Group<'s> {
    let title = match cells.len() as u64 {
        1 => "1 run failed".to_owned(),
        runs => format!("{} runs failed alike", count(runs)),
    };
    let more = match cells.len().saturating_sub(GROUP_RUNS_MAX) as u64 {
        0 => String::new(),
        more => format!("and {} more", count(more)),
    };
    let named = cells.iter().take(GROUP_RUNS_MAX);
    let runs = named.map(|cell| Link { name: &cell.name, report: report_of(cell) }).collect();
    Group { fingerprint, title, runs, more }
}

fn report_of(cell: &Cell) -> Option<String> {
    cell.run_dir.as_deref().and_then(link)
}

fn row(cell: &Cell) -> Row<'_> {
    Row {
        cell,
        class: if cell.as_expected { "good" } else { "bad" },
        mark: cell.verdict.map_or("!", mark),
        lasted: Nanos((cell.length().as_secs_f64() * 1e9) as u64).to_string(),
        report: report_of(cell),
    }
}

/// The address of a run's report, unless the folder is no relative one.
///
/// Every byte that could mean something in an address is escaped, so that a folder named
/// `javascript:...` stays a folder.
fn link(run_dir: &str) -> Option<String> {
    if run_dir.is_empty() || run_dir.starts_with(['/', '\\']) {
        return None;
    }
    let mut address = String::from("./");
    for byte in run_dir.trim_end_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address.push_str("/report.html");
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn links_stay_inside_the_store() {
        assert_eq!(link("a/b-1").as_deref(), Some("./a/b-1/report.html"));
        assert_eq!(
            link("javascript:alert(1)").as_deref(),
            Some("./javascript%3Aalert%281%29/report.html")
        );
        assert_eq!(link("//evil.example/x"), None);
        assert_eq!(link(""), None);
    }
}
