//! On a phone, in the dark, and without movement.

use serde_json::{Value, json};

use crate::invented::{Ending, hostile, nothing, run};
use crate::page::{Page, on_each_report, on_html, on_report};

const CONTRAST: &str = include_str!("contrast.js");

/// Opens whatever is folded.
const OPENED: &str =
    "for (const details of document.querySelectorAll('details')) details.open = true;";

/// Demands that all text stands off its ground, of which there are so many pieces at least.
pub(crate) fn assert_legible(page: &Page, least: u64) {
    let found = page.run(CONTRAST);
    assert!(found["looked"].as_u64() >= Some(least), "{found}");
    assert_eq!(found["faint"], json!([]));
}

/// The width of a phone, in CSS pixels.
const PHONE: u32 = 390;

/// What makes the page wider than the phone; what scrolls by itself may be wider.
pub(crate) fn sticking_out(page: &Page) -> Vec<Value> {
    page.shrink_to(PHONE, 844);
    page.run(OPENED);
    let width = page.run("return document.documentElement.scrollWidth");
    let edge = format!(
        "element.closest('.scroll, svg') || element.getBoundingClientRect().right <= {PHONE}.5 \
         ? '' : element.outerHTML.slice(0, 200)"
    );
    let mut wide: Vec<_> = page.each("body *", &edge).into_iter().filter(|it| it != "").collect();
    if width.as_u64() > Some(u64::from(PHONE)) {
        wide.push(width);
    }
    wide
}

#[test]
fn a_phone_never_scrolls_sideways() {
    on_each_report(&[run(815, 3_000, Ending::Violation), hostile(), nothing()], |page| {
        assert_eq!(sticking_out(page), Vec::<Value>::new());
        let axis = page.each("#axis", "element.getBoundingClientRect().width");
        assert!(axis[0].as_f64() > Some(300.0), "the axis takes the width there is: {axis:?}");
    });
}

#[test]
fn what_sticks_out_is_noticed() {
    let page = "<!doctype html><meta name=viewport content='width=device-width'>\
                <p style='width: 391px'>a pixel too wide";
    on_html(page, |page| assert_eq!(sticking_out(page).len(), 2));
}

#[test]
fn text_is_legible_by_day_and_by_night() {
    let runs = [Ending::Violation, Ending::Linearizable].map(|ending| run(815, 3_000, ending));
    on_each_report(&runs, |page| {
        page.run(OPENED);
        let ground = || page.run("return getComputedStyle(document.body).backgroundColor");
        page.prefer("prefers-color-scheme", "light");
        let day = ground();
        assert_legible(page, 30);
        page.prefer("prefers-color-scheme", "dark");
        assert_ne!(ground(), day, "the page follows the scheme");
        assert_legible(page, 30);
    });
}

#[test]
fn faint_text_is_noticed() {
    let page = "<!doctype html><style>body { background: #222 } p { color: #fff8 } b { color: #666 }</style>\
                <p>half white<p>is enough <b>grey is not</b>";
    on_html(page, |page| {
        let found = page.run(CONTRAST);
        let faint = found["faint"].as_array().expect("a list");
        assert!(faint.len() == 1 && faint[0].to_string().contains("grey is not"), "{found}");
    });
}

#[test]
fn nothing_moves_by_itself_where_that_is_not_wanted() {
    on_report(&run(815, 3_000, Ending::Violation), |page| {
        page.prefer("prefers-reduced-motion", "reduce");
        page.press("j");
        page.click("#closer", 1);
        let moving = page.run(
            "return document.getAnimations().filter((it) => it.playState === 'running').length",
        );
        assert_eq!(moving, json!(0));
        let smooth = page.each("*", "getComputedStyle(element).scrollBehavior");
        assert!(smooth.iter().all(|behaviour| behaviour == "auto"), "nothing scrolls smoothly");
    });
}
