//! What a run in a store says of itself is text on every page of the server.

use std::path::Path;

use serde_json::Value;

use crate::invented::store::{Mint, put_hostile, put_hostile_night};
use crate::page::{Page, on_store};
use crate::served::Served;

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)><b>bold</b>";
/// The same, as far as a folder can be called so.
const NAME: &str = "<script>alert(3)<img src=x onerror=alert(4)>";
/// How it stands in an address.
const ESCAPED: &str = "%3Cscript%3Ealert%283%29%3Cimg%20src%3Dx%20onerror%3Dalert%284%29%3E";
const STAMP: &str = "20260102T030405Z";

/// Two runs and a night of a suite, everything of which is [`EVIL`]; says how one is called.
fn fill(store: &Path) {
    let mut mint = Mint::new();
    for seed in [7, 8] {
        put_hostile(&mut mint, store, NAME, STAMP, seed, EVIL);
    }
    put_hostile_night(store, NAME, "20260103T030405Z", EVIL);
}

/// Elements that none of the server's own pages has, and such as do something.
fn strange(page: &Page) -> Vec<Value> {
    let found = page.each(
        "script, img, iframe, object, embed, b, base, [onerror], [onclick], [href^='javascript:']",
        "element.outerHTML.slice(0, 100)",
    );
    found.into_iter().collect()
}

#[test]
fn a_run_that_means_harm_does_none() {
    on_store(fill, &[names_and_words_of_runs_are_text]);
}

fn names_and_words_of_runs_are_text(page: &Page, _: &Served) {
    let ids = page.each("#runs tbody tr", "element.dataset.id");
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(page.text("#runs").contains(NAME), "shown, not dropped: {}", page.text("#runs"));
    let run = page.follow(|| page.click("#runs td.run a", 1));
    assert!(page.text("h1").contains(EVIL), "{}", page.text("h1"));
    let pages = [
        "/".to_owned(),
        "/?q=%3Cscript%3E%22%27&verdict=%22%3E%3Cimg%20src%3Dx%3E".to_owned(),
        run.clone(),
        format!("/runs/{ESCAPED}/20260103T030405Z/"),
        format!("/compare?a={ESCAPED}/{STAMP}-7&b={ESCAPED}/{STAMP}-8"),
        "/suites/".to_owned(),
        format!("/suites/{ESCAPED}"),
        "/failures".to_owned(),
    ];
    for path in pages {
        page.visit(&path);
        assert_eq!(page.each("main", "1").len(), 1, "{path}");
        assert!(page.text("main").contains(['<', '"']), "{path}: {}", page.text("main"));
        assert_eq!(strange(page), Vec::<Value>::new(), "{path}");
    }
}
