//! The pages of `squall serve`: found, compared, opened, all by following what is on them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::hand::key;
use crate::invented::store::{NIGHTS, store};
use crate::page::{Page, on_store};
use crate::served::Served;

/// Plain runs: with the others of the store they fill a page and a bit.
const PLAIN: usize = 90;
/// The suite's runs and two odd ones come on top.
const ALL: usize = PLAIN + 4 * NIGHTS + 2;
/// Runs on one page.
const PAGE: usize = 100;

fn rows(page: &Page) -> usize {
    page.each("#runs tbody tr", "1").len()
}

/// The cells of a column, by its heading.
fn column(page: &Page, heading: &str) -> Vec<String> {
    let place = format!(
        "[...element.cells][[...document.querySelectorAll('#runs th')].findIndex((th) => \
         th.textContent === '{heading}')].innerText"
    );
    let cells = page.each("#runs tbody tr", &place);
    cells.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Asks the form for one thing only and returns how many rows came.
fn ask(page: &Page, field: &str, value: &str) -> usize {
    page.visit("/");
    page.set(&format!("#filter [name={field}]"), value);
    let address = page.follow(|| page.click("#filter button", 1));
    assert!(address.contains(&format!("{field}={value}")), "{address}");
    let kept = page.each(&format!("#filter [name={field}]"), "element.value");
    assert_eq!(kept, [json!(value)], "what was asked for stands there");
    rows(page)
}

#[test]
fn a_store_is_searched() {
    on_store(|folder| store(folder, PLAIN), &[the_index_is_searched_filtered_and_paged]);
}

fn the_index_is_searched_filtered_and_paged(page: &Page, _: &Served) {
    assert_eq!(page.text("#count"), format!("{ALL} runs, page 1 of 2"));
    assert_eq!(rows(page), PAGE);
    let first = column(page, "Began (UTC)");
    assert!(first.is_sorted_by(|a, b| a >= b), "newest first: {first:?}");
    page.follow(|| page.click(".pages a:last-child", 1));
    assert_eq!(rows(page), ALL - PAGE);
    assert!(first.last() >= column(page, "Began (UTC)").first());
    let here = page.text(".pages [aria-current]");
    assert_eq!(here, "2");
    page.follow(|| page.click(".pages a:first-child", 1));
    assert_eq!(column(page, "Began (UTC)"), first);

    // A page further on of what was asked for is of that too.
    ask(page, "fault", "isolate-leader");
    page.follow(|| page.click(".pages a:last-child", 1));
    assert_eq!(page.text("#count"), format!("{} runs of {ALL}, page 2 of 2", ALL - 2));

    for (field, value, heading) in [
        ("verdict", "violation", "Verdict"),
        ("system", "etcd", "System"),
        ("workload", "append", "Workload"),
        ("fault", "kill", "Faults"),
    ] {
        assert!(ask(page, field, value) > 0, "{field}");
        let cells = column(page, heading);
        assert!(cells.iter().all(|cell| cell.contains(value)), "{field}: {cells:?}");
    }
    for (verdict, count) in [("damaged", 1), ("unfinished", 1)] {
        assert_eq!(ask(page, "verdict", verdict), count, "{verdict}");
    }
    let days = ask(page, "from", "2026-01-24");
    assert!(column(page, "Began (UTC)").iter().all(|day| day.as_str() >= "2026-01-24"));
    page.set("#filter [name=to]", "2026-01-24");
    page.follow(|| page.click("#filter button", 1));
    assert!(rows(page) > 0 && rows(page) < days);
    assert!(column(page, "Began (UTC)").iter().all(|day| day.starts_with("2026-01-24")));
    page.follow(|| page.click("#all", 1));
    assert_eq!(rows(page), PAGE);

    page.click("#filter [name=q]", 1);
    page.write("STALE-read isolate");
    page.follow(|| page.press(key::ENTER));
    let found = column(page, "Run");
    assert!(!found.is_empty() && found.iter().all(|cell| cell.contains("stale-read")));
    let label = page.text("#runs tbody tr td:last-child a").lines().next().map(str::to_owned);
    let same = page.follow(|| page.click("#runs tbody tr td:last-child a", 1));
    assert!(same.starts_with("/?fingerprint="), "{same}");
    let found = column(page, "Fingerprint");
    let label = label.expect("the last run has a fingerprint");
    assert!(found.len() > 1 && found.iter().all(|cell| cell.starts_with(&label)), "{found:?}");
    page.visit("/?q=zebra");
    assert!(page.text("#nothing").contains("Nothing fits"));
}

/// Marks the third and the last run of a workload and compares them.
fn compare(page: &Page) -> String {
    page.visit("/?workload=register");
    page.click("#runs tr:nth-child(3) [name=a]", 1);
    page.click("#runs tr:last-child [name=b]", 1);
    page.follow(|| page.click("#compare", 1))
}

#[test]
fn a_store_leads_from_page_to_page() {
    on_store(
        |folder| store(folder, 24),
        &[
            two_runs_are_marked_and_compared,
            a_run_leads_to_its_report_and_its_files,
            suites_and_failures_lead_to_their_runs,
        ],
    );
}

fn two_runs_are_marked_and_compared(page: &Page, _: &Served) {
    page.visit("/?workload=register");
    let ids = page.each("#runs tbody tr", "element.dataset.id");
    let ids: Vec<_> = ids.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let (a, b) = (ids[2].as_str(), ids.last().expect("many runs").as_str());
    let address = compare(page);
    assert!(address.starts_with("/compare?a="), "{address}");
    assert!(page.text("#a").contains(a) && page.text("#b").contains(b));
    assert!(page.each(".chart", "element.getBoundingClientRect().width > 300") == [true; 2]);
    let told = page.each("tbody td:last-child", "element.textContent.trim()");
    let told: BTreeSet<_> = told.iter().filter_map(Value::as_str).collect();
    let says =
        |words: &[&str]| told.iter().any(|told| words.iter().any(|word| told.contains(word)));
    assert!(says(&["slower", "faster"]), "{told:?}");
    assert!(says(&["same"]) && says(&["differs"]), "{told:?}");
    page.follow(|| page.click("#swap", 1));
    assert!(page.text("#a").contains(b) && page.text("#b").contains(a));
    page.follow(|| page.click("#a a", 1));
    assert!(page.text("h1").contains("inearizable"), "{}", page.text("h1"));

    // Nothing marked, and one only.
    page.visit("/");
    page.follow(|| page.click("#compare", 1));
    assert!(page.text("#choose").contains("No run is marked yet"));
    page.visit("/");
    page.click("#runs tr:nth-child(4) [name=a]", 1);
    page.follow(|| page.click("#compare", 1));
    assert!(page.text("#choose").contains("Only run A is marked"));
}

fn a_run_leads_to_its_report_and_its_files(page: &Page, served: &Served) {
    page.visit("/?name=register-stale-read&verdict=violation");
    let run = page.follow(|| page.click("#runs td.run a", 1));
    assert!(page.text("h1").contains("Not linearizable"), "{}", page.text("h1"));
    assert!(page.text(".facts").contains("stale-read"));
    let files = page.each("#files tbody tr", "element.cells[0].innerText");
    for file in ["report.html", "results.json", "history.jsonl", "logs/n1.log"] {
        assert!(files.iter().any(|listed| listed == file), "{file}: {files:?}");
    }
    let log = page.follow(|| page.click("#files a[href$='n1.log']", 1));
    assert_eq!(log, format!("{run}logs/n1.log"));
    assert!(page.text("body").contains("n1: <b>started</b>"), "text, not markup");

    page.visit(&run);
    let zip = page.each("#zip", "element.getAttribute('href')");
    let zip = served.get(zip[0].as_str().expect("an address"));
    assert_eq!((zip.status, zip.header("content-type")), (200, "application/zip"));
    assert!(zip.body.starts_with(b"PK"), "{} bytes", zip.body.len());

    assert_eq!(page.follow(|| page.click("#report", 1)), format!("{run}report.html"));
    page.in_frame(the_report_works);
    page.follow(|| page.click("#back", 1));
    assert_eq!(page.text("#report"), "Open the report", "the bar above the report leads back");
    page.follow(|| page.click("nav.site a", 1));
    assert_eq!(rows(page), 24 + 4 * NIGHTS + 2);
}

/// In the sandbox of the server the drawings stand and can be used.
fn the_report_works(page: &Page) {
    assert_eq!(page.run("return performance.getEntriesByName('timeline').length"), json!(1));
    assert_eq!(page.run("return origin"), json!("null"), "it belongs to nobody");
    assert!(page.each("#axis rect", "1").len() > 20);
    assert!(page.each("#contradiction rect", "1").len() >= 4);
    assert!(page.each("#replay-drawing circle", "1").len() > 5);
    // The mouse's places are those of the page around the frame.
    let press = |id: &str| drop(page.run(&format!("document.getElementById('{id}').click()")));
    let all = page.shown();
    press("jump");
    assert_ne!(page.shown(), all);
    press("replay-play");
    page.wait_until("replay.now > replay.anomaly + 1000");
    press("replay-play");
}

fn suites_and_failures_lead_to_their_runs(page: &Page, _: &Served) {
    page.follow(|| page.click("nav.site a[href='/suites/']", 1));
    assert!(page.text("#suites").contains("nightly"));
    page.follow(|| page.click("#suites a", 1));
    assert_eq!(page.each("#matrix thead th", "1").len(), 1 + NIGHTS);
    assert!(page.text("#flaky").contains("lost-update"), "{}", page.text("#flaky"));
    let charts = page.each(
        "#trends .chart",
        "element.querySelectorAll('path, polyline, circle, line, rect').length > 3",
    );
    assert_eq!(charts, [true; 4]);
    assert_eq!(page.each("#figures tbody tr", "1").len(), NIGHTS);
    let night = page.follow(|| page.click("#matrix thead a", 1));
    assert!(night.starts_with("/runs/nightly/"), "{night}");
    page.follow(|| page.click("#report", 1));
    page.in_frame(|page| {
        assert!(page.text("body").contains("stale-read"), "the suite's own report");
    });
    page.visit("/suites/nightly");
    page.follow(|| page.click("#matrix tbody a", 1));
    assert!(page.text(".facts").contains("Operations"), "a run of the suite");

    page.visit("/suites/");
    page.follow(|| page.click("#series a", 1));
    assert!(page.text("#matrix").contains("✓") || page.text("#matrix").contains("✗"));

    page.follow(|| page.click("nav.site a[href='/failures']", 1));
    let kinds = page.each("#failures tbody tr", "element.innerText");
    assert!(kinds.len() >= 2, "{kinds:?}");
    let often = page.text("#failures tbody tr:first-child td:nth-child(2)");
    page.follow(|| page.click("#failures tbody tr:first-child td:nth-child(2) a", 1));
    assert_eq!(often, format!("{}×", rows(page)), "as many as it says");
    let newest = page.each("#runs td.run a", "element.getAttribute('href')");
    page.visit("/failures");
    let here = page.follow(|| page.click("#failures tbody tr td:last-child a", 1));
    assert_eq!(newest[0], json!(here));
}
