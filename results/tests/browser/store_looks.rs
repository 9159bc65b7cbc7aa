//! The server's pages on a phone, in the dark, and by keyboard alone.

use serde_json::{Value, json};

use crate::accessible::assert_tab_reaches_everything;
use crate::hand::key;
use crate::invented::store::store;
use crate::looks::{assert_legible, sticking_out};
use crate::page::{Page, on_store};
use crate::served::Served;

/// Every kind of page, by what is in a store with a suite.
fn pages(page: &Page) -> Vec<String> {
    page.visit("/?verdict=violation");
    let id = page.each("#runs tbody tr", "element.dataset.id");
    let id = |at: usize| id[at].as_str().expect("a run has a name");
    let (a, b) = (id(0), id(1));
    page.visit("/?verdict=damaged");
    let damaged = page.each("#runs td.run a", "element.getAttribute('href')");
    vec![
        "/".to_owned(),
        "/?verdict=damaged".to_owned(),
        "/?q=zebra&system=none".to_owned(),
        format!("/runs/{a}/"),
        damaged[0].as_str().expect("an address").to_owned(),
        format!("/compare?a={a}&b={b}"),
        "/compare".to_owned(),
        "/suites/".to_owned(),
        "/suites/nightly".to_owned(),
        "/series/register".to_owned(),
        "/failures".to_owned(),
        "/runs/nightly/20260120T010000Z/".to_owned(),
        "/runs/nightly/20260120T010000Z/suite.html".to_owned(),
        format!("/runs/{a}/report.html"),
    ]
}

#[test]
fn every_page_of_a_store_can_be_used_and_read() {
    on_store(
        |folder| store(folder, 6),
        &[
            no_page_scrolls_sideways_on_a_phone,
            every_page_is_legible_by_day_and_by_night,
            every_page_can_be_used_by_keyboard_alone,
        ],
    );
}

fn no_page_scrolls_sideways_on_a_phone(page: &Page, _: &Served) {
    for path in pages(page) {
        page.visit(&path);
        assert_eq!(sticking_out(page), Vec::<Value>::new(), "{path}");
    }
}

fn every_page_is_legible_by_day_and_by_night(page: &Page, _: &Served) {
    for path in pages(page) {
        page.visit(&path);
        for scheme in ["light", "dark"] {
            page.prefer("prefers-color-scheme", scheme);
            assert_legible(page, 4);
        }
    }
}

fn every_page_can_be_used_by_keyboard_alone(page: &Page, _: &Served) {
    // Of the whole index every row is three more stops.
    for path in pages(page).iter().filter(|path| *path != "/" && !path.ends_with(".html")) {
        page.visit(path);
        assert_tab_reaches_everything(page, 3);
    }
    search_and_compare(page);
}

fn search_and_compare(page: &Page) {
    page.visit("/");
    // The first stop leads past the site's links.
    page.press(key::TAB);
    let stop = "return [document.activeElement.textContent, document.activeElement.getBoundingClientRect().left >= 0]";
    assert_eq!(page.run(stop), json!(["To the content", true]));
    page.press(key::ENTER);
    page.press(key::TAB);
    let focused = || page.run("return document.activeElement.name ?? document.activeElement.id");
    assert_eq!(focused(), json!("q"));
    page.write("stale");
    page.follow(|| page.press(key::ENTER));
    let rows = page.each("#runs tbody tr", "element.dataset.id");
    assert!(rows.len() >= 2, "{rows:?}");
    reach(page, "a");
    page.press(" ");
    reach(page, "b");
    page.press(" ");
    page.press(key::DOWN);
    let address = page.follow(|| page.press(key::ENTER));
    assert!(address.starts_with("/compare?"), "{address}");
    let sides = page.each(".two a", "element.textContent");
    assert_eq!(sides, rows[..2], "the first and the second");
}

/// Presses Tab until the field of this name has the focus.
fn reach(page: &Page, name: &str) {
    for _ in 0..60 {
        page.press(key::TAB);
        if page.run("return document.activeElement.name") == json!(name) {
            return;
        }
    }
    panic!("Tab never reaches {name}");
}
