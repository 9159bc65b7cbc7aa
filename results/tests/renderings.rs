//! Every rendering of a run: what it says, that nothing from outside becomes markup, and
//! that it stays small.

mod invented;

use std::time::Instant;

use expect_test::expect_file;
use invented::{Ending, HOSTILE, Invented, hostile, run};
use squall_results::suite::{self, Cell, SuiteResults};
use squall_results::summary::RunVerdict;
use squall_results::text::{Colour, Width, one_screen};
use squall_results::{junit, report};

fn html(run: &Invented) -> String {
    report::render(&run.material(&run.results()))
}

#[test]
fn the_terminal_summary_fits_a_screen() {
    for (ending, file) in [
        (Ending::Linearizable, "expected/linearizable.txt"),
        (Ending::Violation, "expected/violation.txt"),
    ] {
        let screen =
            one_screen(&run(815, 3_000, ending).results(), Colour::Plain, Width::Unlimited);
        assert!(screen.lines().count() <= 24);
        expect_file![file].assert_eq(&screen);
    }
}

#[test]
fn a_terminal_gets_lines_that_fit_it_and_not_more_than_a_screen() {
    let mut busy = run(815, 3_000, Ending::Violation);
    busy.facts.notes = vec!["A remark of some length about whatever. ".repeat(20); 30];
    busy.facts.network_caveats = vec!["stale-read/isolate-leader-and-more ".repeat(9); 3];
    let results = busy.results();
    for columns in [80, 100, 120] {
        let screen = one_screen(&results, Colour::Plain, Width::Columns(columns));
        assert!(screen.lines().count() <= 23, "{screen}");
        // The command stays in one piece.
        let wrapped = screen.lines().filter(|line| !line.contains("run again"));
        let widest = wrapped.map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(columns), "{widest} of {columns}\n{screen}");
        assert!(screen.contains("more remarks in the report"), "{screen}");
        assert!(screen.contains("fingerprint 60774572d4e8"), "{screen}");
        let first_words = screen.lines().filter_map(|line| line.split_whitespace().next());
        assert!(!first_words.into_iter().any(|word| ["ms", "s", "%"].contains(&word)), "{screen}");
    }
    let piped = one_screen(&results, Colour::Plain, Width::Unlimited);
    assert!(piped.lines().all(|line| line.chars().count() < 600), "{piped}");
    assert!(
        piped.contains("operations  4,079: 3,950 ok, 51 failed, 78 indeterminate; 132 ok/s, p50")
    );
}

#[test]
fn a_terminal_narrower_than_any_is_no_reason_to_panic() {
    let results = run(815, 3_000, Ending::Violation).results();
    let screen = one_screen(&results, Colour::Ansi, Width::Columns(1));
    assert!(screen.contains("conflict"), "{screen}");
    let suite = SuiteResults {
        squall: 1,
        suite: "s".to_owned(),
        started_utc: String::new(),
        cells: vec![cell("漢字".repeat(50).as_str(), RunVerdict::Linearizable, None)],
    };
    let text = suite::text(&suite, Colour::Plain, Width::Columns(0));
    assert!(text.lines().next().unwrap().ends_with("字…"), "{text}");
}

#[test]
fn junit_counts_a_violation_as_failure_and_doubt_as_error() {
    let violation = junit::render(&run(815, 3_000, Ending::Violation).results());
    assert!(violation.contains(r#"failures="1" errors="0""#), "{violation}");
    assert!(violation.contains("had replaced 31"), "{violation}");

    let mut doubtful = run(815, 3_000, Ending::Linearizable);
    doubtful.facts.interrupted = true;
    let inconclusive = junit::render(&doubtful.results());
    assert!(inconclusive.contains(r#"failures="0" errors="1""#), "{inconclusive}");
    assert!(inconclusive.contains(r#"type="inconclusive""#), "{inconclusive}");

    let mut gone = run(815, 3_000, Ending::Linearizable);
    gone.facts.recovered.served_again_ms = None;
    gone.facts.recovered.nodes[2].served_again_ms = None;
    let unavailable = junit::render(&gone.results());
    assert!(unavailable.contains(r#"failures="1" errors="0""#), "{unavailable}");
    assert!(unavailable.contains(r#"type="unavailable""#), "{unavailable}");

    let good = junit::render(&run(815, 3_000, Ending::Linearizable).results());
    assert!(good.contains(r#"failures="0" errors="0""#), "{good}");
}

#[test]
fn a_violation_nobody_confirmed_is_told_loudly_everywhere() {
    let mut run = run(815, 3_000, Ending::Violation);
    run.facts.proof_verified = Some(false);
    run.facts.verify_error = Some("the proof is too large to enumerate".to_owned());
    let results = run.results();
    let screen = one_screen(&results, Colour::Plain, Width::Unlimited);
    for rendering in [screen, html(&run), junit::render(&results)] {
        assert!(rendering.contains("key 17, NOT CONFIRMED by the independent verifier"));
        assert!(rendering.contains("the proof is too large to enumerate"), "{rendering}");
        assert!(rendering.contains("had replaced 31"), "{rendering}");
    }
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let run = hostile();
    let page = html(&run);
    assert_eq!(page.matches("<script").count(), 2, "only the page's own scripts");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--"));

    let xml = junit::render(&run.results());
    assert!(!xml.contains("<script") && !xml.contains('\0') && !xml.contains('\u{1b}'), "{xml}");
    let screen = one_screen(&run.results(), Colour::Plain, Width::Unlimited);
    assert!(!screen.contains('\u{1b}') && !screen.contains('\0'), "{screen}");
    assert!(screen.contains(r"\u{1b}[2J"), "shown, not dropped: {screen}");
}

#[test]
fn the_page_needs_no_network_and_forbids_it() {
    let page = html(&run(815, 2_000, Ending::Violation));
    assert!(page.contains("default-src 'none'"));
    for outside in ["http://", "https://", "url(\"", "@import"] {
        let found = page.matches(outside).count();
        // The namespace of SVG is a name, not an address.
        let allowed = usize::from(outside == "http://");
        assert_eq!(found, allowed, "{outside}");
    }
}

#[test]
fn who_did_not_serve_again_is_told_everywhere() {
    let mut gone = run(815, 3_000, Ending::Linearizable);
    gone.facts.recovered.served_again_ms = None;
    gone.facts.recovered.nodes[2].served_again_ms = None;
    let headline = "Unavailable: n3 did not serve again within 15 s of the heal";
    let screen = one_screen(&gone.results(), Colour::Plain, Width::Unlimited);
    assert!(screen.starts_with(headline), "{screen}");
    assert!(screen.contains("recovery    n3 did not serve again"), "{screen}");
    let page = html(&gone);
    for part in [headline, "never: n3", "Longest gap with no fault in force", "verdict unavailable"]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn an_empty_run_renders_everywhere() {
    let nothing = invented::nothing();
    let results = nothing.results();
    assert_eq!(results.verdict, RunVerdict::Inconclusive);
    let page = html(&nothing);
    assert!(page.contains("Inconclusive"));
    assert!(junit::render(&results).contains("errors=\"1\""));
    assert!(
        one_screen(&results, Colour::Ansi, Width::Unlimited).contains("No operation was invoked")
    );
}

#[test]
fn a_million_operations_stay_below_five_megabytes() {
    let run = run(1, 2_000_000, Ending::Violation);
    assert!(run.history.operations.len() >= 1_000_000, "{}", run.history.operations.len());
    let begun = Instant::now();
    let results = run.results();
    let summarized_in = begun.elapsed();
    let page = report::render(&run.material(&results));
    // Shown with --nocapture; not asserted, as the machine may be busy with other things.
    println!(
        "{} bytes; summarized in {summarized_in:?}, rendered in {:?}",
        page.len(),
        begun.elapsed() - summarized_in
    );
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
}

fn cell(name: &str, expected: RunVerdict, verdict: Option<RunVerdict>) -> Cell {
    Cell {
        name: name.to_owned(),
        plan: "register, 5 nodes".to_owned(),
        expected,
        verdict,
        as_expected: verdict == Some(expected),
        run_dir: verdict.map(|_| format!("{name}/1")),
        seconds: 31.0,
        reason: HOSTILE.to_owned(),
        seed: 1,
        command: format!("squall test --seed 1 {HOSTILE}"),
        fingerprint: None,
    }
}

/// A cell that came to a violation with `bug` planted.
fn violated(name: &str, expected: RunVerdict, bug: &str) -> Cell {
    let mut run = run(815, 500, Ending::Violation);
    run.facts.bug = Some(bug.to_owned());
    let fingerprint = run.results().fingerprint;
    Cell { fingerprint, ..cell(name, expected, Some(RunVerdict::Violation)) }
}

#[test]
fn a_suite_tells_which_runs_failed_alike() {
    let suite = SuiteResults {
        squall: 1,
        suite: "nightly".to_owned(),
        started_utc: "2026-01-02T03:04:05Z".to_owned(),
        cells: vec![
            violated("one", RunVerdict::Linearizable, "stale-read"),
            violated("found", RunVerdict::Violation, "stale-read"),
            violated("other", RunVerdict::Linearizable, "<b>lost</b>"),
            violated("two", RunVerdict::Linearizable, "stale-read"),
            cell("missed", RunVerdict::Violation, Some(RunVerdict::Linearizable)),
            cell("broken", RunVerdict::Linearizable, None),
        ],
    };
    let names = |(_, cells): &(_, Vec<&Cell>)| -> Vec<String> {
        cells.iter().map(|cell| cell.name.clone()).collect()
    };
    let alike: Vec<_> = suite.alike().iter().map(names).collect();
    assert_eq!(alike, [vec!["other"], vec!["one", "two"]], "as expected is no failure");

    let page = suite::render_html(&suite);
    let often = page.find("2 runs failed alike").expect("told");
    assert!(page.find("1 run failed").expect("told") > often, "the frequent ones first");
    assert!(page.contains("node+stale-read · register · value-returned"));
    assert!(!page.contains("<b>"));
    let text = suite::text(&suite, Colour::Plain, Width::Unlimited);
    assert!(text.contains("2 runs failed alike: 60774572d4e8 node+stale-read"), "{text}");
    let read: SuiteResults = serde_json::from_str(&suite.to_json()).unwrap();
    assert_eq!(read, suite);
}

#[test]
fn a_suite_is_judged_by_what_was_expected() {
    let suite = SuiteResults {
        squall: 1,
        suite: "nightly <&>".to_owned(),
        started_utc: "2026-01-02".to_owned(),
        cells: vec![
            cell("clean", RunVerdict::Linearizable, Some(RunVerdict::Linearizable)),
            cell("bug-found", RunVerdict::Violation, Some(RunVerdict::Violation)),
            cell("bug-missed", RunVerdict::Violation, Some(RunVerdict::Linearizable)),
            cell("broken", RunVerdict::Linearizable, None),
            cell("real", RunVerdict::Linearizable, Some(RunVerdict::Violation)),
        ],
    };
    let xml = suite::render_junit(&suite);
    assert!(xml.contains(r#"tests="5" skipped="0" failures="2" errors="1""#), "{xml}");
    let page = suite::render_html(&suite);
    assert!(page.contains("5 runs, 3 not as expected") && page.contains("./clean/1/report.html"));
    assert!(!page.contains("<script") && !page.contains("<img"));
    let text = suite::text(&suite, Colour::Plain, Width::Unlimited);
    assert!(text.contains("expected violation") && !text.contains('\u{1b}'), "{text}");
    let read: SuiteResults = serde_json::from_str(&suite.to_json()).unwrap();
    assert_eq!(read, suite);
}
