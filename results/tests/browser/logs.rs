//! The lines of the nodes' logs beside the axis.

use serde_json::Value;

use crate::invented::{Ending, run};
use crate::page::{Page, on_report_afresh};

fn lines(page: &Page) -> Vec<String> {
    let lines = page.each("#log-lines li", "element.innerText");
    lines.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn only(page: &Page, words: &str) -> Vec<String> {
    page.set("#log-filter", "");
    page.focus("#log-filter");
    page.write(words);
    lines(page)
}

#[test]
fn the_lines_of_the_logs_are_found_and_lead_on() {
    on_report_afresh(
        &run(815, 3_000, Ending::Violation),
        &[
            words_and_the_axis_narrow_the_lines,
            the_time_of_a_line_leads_to_that_moment_of_the_replay,
        ],
    );
}

fn words_and_the_axis_narrow_the_lines(page: &Page) {
    page.click("#log-summary", 1);
    let all = lines(page);
    assert_eq!(all.len(), 31, "{all:?}");
    assert_eq!(page.text("#log-summary"), "Log lines in view: 31");
    let found = only(page, "PANICKED at");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("n4") && found[0].contains("storage.rs:81"), "{found:?}");
    let summary = page.text("#log-summary");
    assert_eq!(summary, "Log lines in view with these words: 1 of 31");
    let trouble = page.each("#log-lines li", "element.classList.contains('trouble')");
    assert_eq!(trouble, [true], "it stands out");
    assert!(only(page, "n5").iter().all(|line| line.contains("n5")));
    let none = only(page, "zebra");
    assert_eq!(none, ["No such line in what the axis shows."]);
    page.set("#log-filter", "");
    assert_eq!(lines(page), all);

    page.click("#jump", 1);
    page.wait_until("document.querySelectorAll('#log-lines li').length < 31");
    let near = lines(page);
    assert_eq!(near.len(), 5, "the election of n3: {near:?}");
    assert!(near.iter().all(|line| line.contains("term=5")), "{near:?}");
    page.click("#whole", 1);
    page.wait_until("document.querySelectorAll('#log-lines li').length === 31");
}

fn the_time_of_a_line_leads_to_that_moment_of_the_replay(page: &Page) {
    page.click("#log-summary", 1);
    only(page, "panicked");
    let time = page.text("#log-lines button");
    assert_eq!(time, "6.305 s");
    page.click("#log-lines button", 1);
    assert_eq!(page.text("#replay-time"), time);
    let caption = page.text("#replay-caption");
    assert!(caption.contains("n4 killed"), "what was in force then: {caption}");
    // J is a letter here.
    page.focus("#log-filter");
    page.press("j");
    assert_eq!(page.text("#replay-time"), time);
}
