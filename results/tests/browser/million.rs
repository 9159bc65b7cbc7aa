//! A report of a million operations opens, zooms and plays without delay.
//!
//! The limits asserted are twice what is aimed at, since other people's machines are slow;
//! what was measured is shown with `--nocapture`. Frames are measured in time on a processor,
//! so that they are the page's own and not those of whatever else runs.

use std::time::Instant;

use crate::invented::{Ending, run};
use crate::page::{Page, html, on_report_alone};

/// From the start of navigation until the timeline stands: aimed at 2 s.
const DRAWN_MS_MAX: f64 = 4_000.0;

/// The longest frame while zooming or playing: aimed at 100 ms.
const FRAME_MS_MAX: f64 = 200.0;

/// The longest frame of as many as `script` is run.
fn longest_ms(page: &Page, script: &str, count: usize) -> f64 {
    let frames = page.frames_ms(script, count);
    let longest = frames.iter().copied().fold(0.0, f64::max);
    println!("the longest of {count} frames cost {longest:.0} ms: {script}");
    assert!(longest < FRAME_MS_MAX, "{script}: {frames:?}");
    longest
}

#[test]
fn a_million_operations_open_zoom_and_play_at_once() {
    let rendered = || {
        let run = run(1, 2_000_000, Ending::Violation);
        let operations = run.history.operations.len();
        assert!(operations >= 1_000_000, "{operations}");
        let begun = Instant::now();
        let html = html(&run);
        println!("{operations} operations: {} bytes in {:?}", html.len(), begun.elapsed());
        html
    };
    on_report_alone(rendered, |page| {
        page.wait_until("performance.getEntriesByName('first-contentful-paint').length");
        let drawn = page.run(
            "const times = ['timeline', 'first-contentful-paint']
               .map((name) => performance.getEntriesByName(name)[0].startTime);
             return Math.max(...times);",
        );
        let drawn = drawn.as_f64().expect("a time");
        let all = page.shown();
        println!("drawn after {drawn:.0} ms");
        let press = |key: &str| {
            format!(
                "document.getElementById('axis').dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}' }}))"
            )
        };
        let zooming = longest_ms(page, &press("+"), 15);
        assert_ne!(page.shown(), all);
        longest_ms(page, &press("-"), 15);
        assert_eq!(page.shown(), all, "out as far as in");
        assert!(zooming > 1.0, "something was drawn: {zooming} ms");
        longest_ms(page, "replay.step(0.1)", 30);
        assert!(drawn < DRAWN_MS_MAX, "{drawn} ms until the timeline stood");
    });
}
