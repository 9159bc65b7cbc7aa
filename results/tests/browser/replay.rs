//! The replay: it moves, stops where the contradiction is complete, and shows what the nodes
//! said and what the nemesis did.

use serde_json::{Value, json};

use crate::hand::key;
use crate::invented::{Ending, run};
use crate::page::{Page, on_report, on_report_afresh};

/// The first microsecond after the planted contradiction.
const COMPLETE_US: f64 = 3_123_216.0;

/// What a frame may cost while it moves.
const FRAME_MS_MAX: f64 = 100.0;

/// What says that the contradiction is complete.
const COMPLETE: &str = "here the contradiction is complete";

/// The moment shown, as it stands beside the scrubber, in seconds.
fn shown_s(page: &Page) -> f64 {
    let text = page.text("#replay-time");
    text.trim_end_matches(" s").parse().unwrap_or_else(|_| panic!("no time: {text}"))
}

fn show(page: &Page, us: u64) {
    page.set("#replay-scrub", &us.to_string());
    assert!((shown_s(page) - us as f64 / 1e6).abs() < 0.0011, "{}", shown_s(page));
}

fn is_stopped(page: &Page) -> bool {
    let marked = page.run("return document.getElementById('replay').classList.contains('stopped')");
    let told = page.text("#replay-caption").contains(COMPLETE);
    assert_eq!(marked, json!(told), "what is marked is told in words");
    told
}

/// Lets frames pass and demands that the picture stays.
fn stands_still(page: &Page) {
    let moved = page.run_async(
        "const done = arguments[1], look = () => document.getElementById('replay-time').textContent;
         const before = look();
         const pass = (left) => left ? requestAnimationFrame(() => pass(left - 1)) : done(look() !== before);
         pass(20);",
        &Value::Null,
    );
    assert_eq!(moved, json!(false), "it moves by itself");
}

const MOVED_ON: &str = "Number.parseFloat(document.getElementById('replay-time').textContent)";

#[test]
fn play_moves_on_and_pause_stops() {
    on_report(&run(815, 3_000, Ending::Linearizable), |page| {
        assert_eq!(page.text("#replay-play"), "Play");
        stands_still(page);
        let before = shown_s(page);
        page.click("#replay-play", 1);
        assert_eq!(page.text("#replay-play"), "Pause");
        page.wait_until(&format!("{MOVED_ON} > {before} + 0.3"));
        page.click("#replay-play", 1);
        assert_eq!(page.text("#replay-play"), "Play");
        stands_still(page);
        // Ten times as fast: three seconds pass in less, however busy the machine is.
        page.set("#replay-speed", "10");
        let before = shown_s(page);
        page.focus("#replay-play");
        let began = page.run("return performance.now()").as_f64().expect("a time");
        page.press(" ");
        page.wait_until(&format!("{MOVED_ON} > {before} + 3"));
        let took = page.run("return performance.now()").as_f64().expect("a time") - began;
        assert!(took < 3_000.0, "{took} ms");
        // To the end, and from there again from the beginning.
        page.wait_until("document.getElementById('replay-play').textContent === 'Play'");
        let end = page.shown().1 / 1e6;
        assert!((shown_s(page) - end).abs() < 0.001, "{} of {end}", shown_s(page));
        page.press(key::ENTER);
        page.wait_until(&format!("{MOVED_ON} < {before}"));
        page.press(key::ENTER);
        stands_still(page);
        assert!(page.each("#replay-anomaly", "1").is_empty(), "a pass has no contradiction");
    });
}

#[test]
fn the_replay_of_a_violation_shows_and_does_what_it_should() {
    on_report_afresh(
        &run(815, 3_000, Ending::Violation),
        &[
            the_scrubber_follows_keys_and_mouse,
            it_stops_at_the_contradiction_and_goes_on_when_asked,
            buttons_and_a_click_on_the_axis_choose_the_moment,
            links_are_broken_while_a_cut_is_in_force,
            nodes_show_how_they_are,
            it_plays_where_little_motion_is_wanted,
        ],
    );
}

fn the_scrubber_follows_keys_and_mouse(page: &Page) {
    page.focus("#replay-scrub");
    page.press(key::HOME);
    assert_eq!(shown_s(page), 0.0);
    page.press(key::RIGHT);
    assert!((shown_s(page) - 0.001).abs() < 1e-9, "a millisecond: {}", shown_s(page));
    page.press(key::RIGHT);
    page.press(key::LEFT);
    assert!((shown_s(page) - 0.001).abs() < 1e-9, "{}", shown_s(page));
    page.press(key::END);
    let end = page.shown().1 / 1e6;
    assert!(end - shown_s(page) < 0.0011, "{} of {end}", shown_s(page));
    page.click("#replay-scrub", 1);
    assert!((shown_s(page) / end - 0.5).abs() < 0.05, "the middle: {}", shown_s(page));
    let heard = page.each("#replay-scrub", "element.getAttribute('aria-valuetext')");
    assert_eq!(heard[0].as_str(), Some(&*page.text("#replay-time")), "heard as it is seen");
    // The line on the axis stands at the same moment.
    let line = page.run("return run.axis.time(run.line.getBBox().x + 5) / 1e6");
    assert!((line.as_f64().expect("a time") - shown_s(page)).abs() < 0.05, "{line}");
}

fn it_stops_at_the_contradiction_and_goes_on_when_asked(page: &Page) {
    // It begins there.
    assert!(is_stopped(page), "{}", page.text("#replay-caption"));
    assert_eq!(page.run("return replay.now").as_f64(), Some(COMPLETE_US));
    show(page, 3_094_000);
    assert!(!is_stopped(page), "shortly before");
    page.click("#replay-play", 1);
    page.wait_until("document.getElementById('replay-play').textContent === 'Play'");
    assert_eq!(page.run("return replay.now").as_f64(), Some(COMPLETE_US));
    assert!((shown_s(page) - COMPLETE_US / 1e6).abs() < 0.001, "{}", shown_s(page));
    assert!(is_stopped(page), "{}", page.text("#replay-caption"));
    let colour = "getComputedStyle(element).color";
    let bad = page.each(".story .contradiction", colour);
    assert_eq!(page.each("#replay-caption", colour), bad, "and stands out");
    assert!(page.text("#replay-drawing").contains("client 1: read → 31"), "what it was");
    stands_still(page);

    page.click("#replay-play", 1);
    page.wait_until(&format!("{MOVED_ON} > {}", COMPLETE_US / 1e6 + 0.01));
    assert!(!is_stopped(page), "it is past");
    page.click("#replay-play", 1);
}

fn buttons_and_a_click_on_the_axis_choose_the_moment(page: &Page) {
    show(page, 20_000_000);
    page.click("#replay-anomaly", 1);
    assert!(is_stopped(page), "{}", page.text("#replay-caption"));
    assert!((shown_s(page) - COMPLETE_US / 1e6).abs() < 0.001, "{}", shown_s(page));
    show(page, 20_000_000);
    page.press("j");
    assert!(is_stopped(page), "also with the axis: {}", page.text("#replay-caption"));
    page.click("#whole", 1);

    page.click_at("#axis", 0.75);
    let place = page.run(
        "const { left, width } = document.getElementById('axis').getBoundingClientRect();
         return run.axis.time(Math.round(left + width * 0.75) - left) / 1e6",
    );
    assert!((shown_s(page) - place.as_f64().expect("a time")).abs() < 0.002, "{place}");
    assert!(!is_stopped(page));

    let times = page.each(".story .at", "[element.textContent, Number(element.dataset.at)]");
    assert!(times.len() > 5, "{times:?}");
    for (number, time) in (1..).zip(&times) {
        page.click(&format!(".story li:nth-child({number}) .at"), 1);
        let at = time[1].as_f64().expect("a number") / 1e6;
        assert!((shown_s(page) - at).abs() < 0.001, "{time}: {}", shown_s(page));
    }
}

/// What the drawing of a node says: its words and how it is filled.
fn node(page: &Page, name: &str) -> (String, String) {
    let groups = page.each(
        "#replay-drawing circle[stroke-width='3']",
        "[element.parentNode.textContent, element.getAttribute('fill')]",
    );
    let found = groups.iter().find(|it| it[0].as_str().is_some_and(|text| text.starts_with(name)));
    let found = found.unwrap_or_else(|| panic!("no {name}: {groups:?}"));
    let part = |index: usize| found[index].as_str().expect("text").to_owned();
    (part(0), part(1))
}

/// Links of the drawing: whole, broken, and with one way left.
fn links(page: &Page) -> (usize, usize, usize) {
    let count = |selector: &str| page.each(selector, "1").len();
    (
        count("#replay-drawing line[stroke='var(--line)']"),
        count("#replay-drawing path[stroke='var(--partition)']"),
        count("#replay-drawing line[marker-end='url(#replay-cut)']"),
    )
}

fn links_are_broken_while_a_cut_is_in_force(page: &Page) {
    show(page, 2_000_000);
    assert_eq!(links(page), (10, 0, 0), "not before");
    assert!(page.text("#replay-caption").contains("no fault in force"));
    show(page, 3_000_000);
    assert_eq!(links(page), (6, 4, 0), "n1 is cut off from all others");
    let halves = page.each("#replay-drawing line[stroke-dasharray='2 5']", "1").len();
    assert_eq!(halves, 8, "each in two");
    let caption = page.text("#replay-caption");
    assert!(caption.contains("n1 (leader) cut off from n2, n3, n4, n5"), "{caption}");
    assert!(caption.contains("n1 leads term 4, n3 leads term 5"), "both say so: {caption}");
    show(page, 5_201_000);
    assert_eq!(links(page), (10, 0, 0), "nor after");
    show(page, 14_000_000);
    assert_eq!(links(page), (6, 0, 4), "n2 hears but is not heard");
    show(page, 21_000_000);
    assert_eq!(links(page), (5, 5, 0), "a ring of majorities");
}

fn nodes_show_how_they_are(page: &Page) {
    show(page, 6_000_000);
    let (words, fill) = node(page, "n4");
    assert_eq!(fill, "var(--follower)");
    assert!(words.contains("follower") && words.contains("term 5"), "{words}");
    assert!(words.contains("commit "), "{words}");
    assert_eq!(node(page, "n3").1, "var(--leader)");
    show(page, 7_000_000);
    let (words, fill) = node(page, "n4");
    assert!(words.contains("killed") && !words.contains("term"), "{words}");
    assert_eq!(fill, "url(#replay-drawing-killed)");
    show(page, 10_000_000);
    let (words, fill) = node(page, "n2");
    assert!(words.contains("paused") && !words.contains("term"), "{words}");
    assert_eq!(fill, "url(#replay-drawing-paused)");
    // What they are filled with is there.
    for pattern in ["killed", "paused"] {
        let lines = page.each(&format!("#replay-drawing-{pattern} line"), "1");
        assert_eq!(lines.len(), 1, "{pattern} is hatched");
    }
}

fn it_plays_where_little_motion_is_wanted(page: &Page) {
    page.prefer("prefers-reduced-motion", "reduce");
    show(page, 8_000_000);
    page.click("#replay-play", 1);
    page.wait_until(&format!("{MOVED_ON} > 8.4"));
    // In steps: several frames show the same moment.
    let pictures = page.run_async(
        "const done = arguments[1], seen = [];
         const look = () => {
           seen.push(document.getElementById('replay-time').textContent);
           seen.length < 40 ? requestAnimationFrame(look) : done([seen.length, new Set(seen).size]);
         };
         look();",
        &Value::Null,
    );
    assert!(pictures[1].as_u64() < Some(20), "no more than four a second: {pictures}");
    page.click("#replay-play", 1);
    stands_still(page);
    // It stops there all the same.
    show(page, 2_990_000);
    page.click("#replay-play", 1);
    page.wait_until("document.getElementById('replay').classList.contains('stopped')");
    assert!(is_stopped(page));
}

#[test]
fn playing_never_stalls() {
    on_report(&run(815, 30_000, Ending::Violation), |page| {
        show(page, 1_000_000);
        // What every frame of it does, through two faults and the contradiction.
        let frames = page.frames_ms("replay.step(0.1)", 60);
        assert!(shown_s(page) > COMPLETE_US / 1e6, "{}", shown_s(page));
        let longest = frames.iter().copied().fold(0.0, f64::max);
        println!("the longest of {} frames while playing cost {longest:.1} ms", frames.len());
        assert!(longest > 0.1 && longest < FRAME_MS_MAX, "{frames:?}");
    });
}
