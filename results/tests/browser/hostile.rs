//! What nodes and clients answered is text, whatever it looks like.

use std::collections::BTreeSet;

use crate::invented::{Ending, HOSTILE, hostile, run};
use crate::page::{Page, on_report};

/// The names of all elements of a page.
fn elements(page: &Page) -> BTreeSet<String> {
    let names = page.each("*", "element.localName");
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn scripts(page: &Page) -> Vec<serde_json::Value> {
    // The data differ from run to run, the program does not.
    page.each("script", "element.type === 'application/json' ? 'data' : element.text")
}

#[test]
fn nothing_from_outside_becomes_part_of_the_page() {
    let mut tame = None;
    on_report(&run(7, 2_000, Ending::Violation), |page| {
        tame = Some((elements(page), scripts(page)));
    });
    // Absent where there is no browser.
    let Some((tame, own)) = tame else { return };
    on_report(&hostile(), |page| {
        let planted = HOSTILE.split('\0').next().expect("a first part");
        assert!(page.text("body").contains("<script>alert(1)</script>"), "shown, not dropped");
        assert!(page.text("body").contains("<img src=x onerror=alert(2)>"), "{planted}");
        assert_eq!(scripts(page), own, "only the page's own scripts");
        // Checks and remarks that a tame run lacks bring these.
        let expected = ["details", "summary", "pre", "ul", "li", "small", "code"];
        let strange: Vec<_> = elements(page)
            .into_iter()
            .filter(|name| !tame.contains(name) && !expected.contains(&name.as_str()))
            .collect();
        assert!(strange.is_empty(), "{strange:?}");
        // Places on the page itself may be linked to.
        let handlers = "[...element.attributes]
            .filter((it) => /^on|^(src|href)$/.test(it.name) && !it.value.startsWith('#'))
            .map((it) => it.name)";
        let handlers = page.each("*", handlers);
        assert!(handlers.iter().all(|names| names == &serde_json::json!([])), "no handlers");
        page.press("j");
        page.click("#closer", 1);
        page.click("#axis", 1);
    });
}
