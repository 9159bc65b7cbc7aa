//! The shared time axis follows mouse, keys and buttons.

use crate::hand::key;
use crate::invented::{Ending, run};
use crate::page::{Page, on_report_afresh};

/// When the planted contradiction begins and when it is complete.
const CONTRADICTION_US: (f64, f64) = (1_720_000.0, 3_123_215.0);

/// Demands that something changed the part shown to one that `fits`, given before and after.
fn changes(
    page: &Page,
    what: &str,
    act: impl FnOnce(),
    fits: impl FnOnce((f64, f64), (f64, f64)) -> bool,
) {
    let before = page.shown();
    act();
    let after = page.shown();
    assert!(fits(before, after), "{what}: from {before:?} to {after:?}");
}

fn closer(before: (f64, f64), after: (f64, f64)) -> bool {
    after.0 > before.0 && after.1 < before.1
}

fn farther(before: (f64, f64), after: (f64, f64)) -> bool {
    closer(after, before)
}

fn later(before: (f64, f64), after: (f64, f64)) -> bool {
    after.0 > before.0 && after.1 > before.1
}

fn whole((_, whole): (f64, f64)) -> impl FnOnce((f64, f64), (f64, f64)) -> bool {
    move |before, after| before != after && after == (0.0, whole)
}

#[test]
fn the_axis_follows_mouse_buttons_and_keys() {
    on_report_afresh(
        &run(815, 3_000, Ending::Violation),
        &[
            dragging_zooms_in_and_a_double_click_shows_the_whole_run,
            buttons_zoom_and_jump,
            keys_zoom_move_and_jump,
        ],
    );
}

fn dragging_zooms_in_and_a_double_click_shows_the_whole_run(page: &Page) {
    let all = page.shown();
    assert_eq!(all.0, 0.0);
    let ticks = || page.each("#axis text", "element.textContent");
    let before = ticks();
    changes(
        page,
        "a drag",
        || page.drag("#axis", 0.4, 0.6),
        |_, (from, to)| {
            // A fifth of the drawing, of which the names of the lanes take a little.
            let share = (to - from) / all.1;
            from > 0.3 * all.1 && to < 0.65 * all.1 && (0.19..0.24).contains(&share)
        },
    );
    assert_ne!(ticks(), before, "other times stand below the axis");
    changes(page, "a drag back", || page.drag("#axis", 0.8, 0.3), closer);
    changes(page, "a click", || page.click("#axis", 1), |before, after| before == after);
    changes(page, "a double click", || page.click("#axis", 2), whole(all));
}

fn buttons_zoom_and_jump(page: &Page) {
    let all = page.shown();
    changes(page, "zoom in", || page.click("#closer", 1), closer);
    changes(page, "zoom in", || page.click("#closer", 1), closer);
    changes(page, "zoom out", || page.click("#farther", 1), farther);
    changes(page, "the whole run", || page.click("#whole", 1), whole(all));
    changes(page, "to the contradiction", || page.click("#jump", 1), shows_it);
}

fn keys_zoom_move_and_jump(page: &Page) {
    let all = page.shown();
    changes(page, "j, from anywhere", || page.press("j"), shows_it);
    page.run("document.getElementById('axis').focus()");
    changes(page, "minus", || page.press("-"), farther);
    changes(page, "0", || page.press("0"), whole(all));
    changes(page, "plus", || page.press("+"), closer);
    changes(page, "plus", || page.press("+"), closer);
    changes(page, "right", || page.press(key::RIGHT), later);
    changes(page, "left", || page.press(key::LEFT), |before, after| later(after, before));
    changes(page, "home", || page.press(key::HOME), whole(all));
}

fn shows_it(_: (f64, f64), (from, to): (f64, f64)) -> bool {
    let (begins, complete) = CONTRADICTION_US;
    let span = complete - begins;
    from <= begins && to >= complete && to - from < 3.0 * span
}
