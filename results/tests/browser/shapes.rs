//! Reports of runs of other shapes: few nodes and many, silent ones, no keys, another tool's.

use serde_json::json;

use crate::invented::shapes::{of_another_tool, of_nodes, of_silent_nodes, without_keys};
use crate::page::{Page, on_each_report, on_report};

fn count(page: &Page, selector: &str) -> usize {
    page.each(selector, "1").len()
}

/// The nodes of the replay: where they stand and how large they are.
const CIRCLES: &str = "#replay-drawing circle[stroke-width='3']";

#[test]
fn clusters_of_any_size_have_room() {
    on_each_report(&[of_nodes(1), of_nodes(2), of_nodes(9)], |page| {
        let nodes = page.run("return data.nodes.length").as_u64().expect("a number") as usize;
        let circles = page
            .each(CIRCLES, "['cx', 'cy', 'r'].map((name) => Number(element.getAttribute(name)))");
        assert_eq!(circles.len(), nodes);
        let part = |circle: &serde_json::Value, at: usize| circle[at].as_f64().expect("a number");
        for (number, a) in circles.iter().enumerate() {
            for b in &circles[number + 1..] {
                let apart = (part(a, 0) - part(b, 0)).hypot(part(a, 1) - part(b, 1));
                assert!(apart > 2.0 * part(a, 2), "they stand on each other: {circles:?}");
            }
        }
        let links = count(page, "#replay-drawing line[stroke='var(--line)']")
            + count(page, "#replay-drawing path[stroke='var(--partition)']");
        assert_eq!(links, nodes * (nodes - 1) / 2);
        page.click("#replay-anomaly", 1);
        page.click("#replay-play", 1);
        page.wait_until("replay.now > replay.anomaly + 5000");
        page.click("#replay-play", 1);
        assert!(count(page, "#axis rect") > 20);
    });
}

#[test]
fn nodes_of_which_nothing_is_known_are_shown_as_such() {
    on_report(&of_silent_nodes(), |page| {
        let words = page.each(CIRCLES, "element.parentNode.textContent");
        assert_eq!(words, (1..=5).map(|n| json!(format!("n{n}unknown"))).collect::<Vec<_>>());
        assert!(page.text("#replay-caption").contains("nobody says it leads"));
        page.click("#log-summary", 1);
        let none = "The nodes left no log whose lines tell the time.";
        assert_eq!(page.text("#log-lines"), none);
        // Faults are known all the same.
        page.set("#replay-scrub", "4000000");
        assert!(page.text("#replay-caption").contains("n1 (leader) cut off"));
        page.click("#replay-play", 1);
        page.wait_until("replay.now > 4100000");
    });
}

#[test]
fn a_history_without_keys_has_one_order() {
    on_report(&without_keys(), |page| {
        assert!(page.text("h1").contains("Linearizable"), "{}", page.text("h1"));
        assert_eq!(count(page, "#keys option"), 0, "there is no key to choose");
        page.click("#order summary", 1);
        page.wait_until("document.querySelectorAll('#order-rows tr').length === 100");
        let choices = page.each("#order-key option", "element.textContent");
        assert!(choices.len() == 1 && choices[0].to_string().contains("the whole history ("));
        let told = page.run("return operations.sentence(0)");
        assert!(told.as_str().is_some_and(|told| !told.contains("key")), "{told}");
    });
}

#[test]
fn a_history_of_another_tool_shows_what_it_has() {
    on_report(&of_another_tool(), |page| {
        assert!(page.text("h1").contains("Not linearizable: key 17"), "{}", page.text("h1"));
        assert!(count(page, "#contradiction rect > title") == 4);
        assert_eq!(count(page, "#graph rect"), 3);
        assert!(page.text("#graph").contains("client 5") && !page.text("#graph").contains("→ n"));
        assert!(!page.text("body").contains("undefined") && !page.text("body").contains("NaN"));
        // There are no nodes to replay, so nothing leads there.
        assert_eq!(page.text("#replay"), "");
        let dead =
            page.each("a[href='#replay'], [data-at], #replay-play", "element.checkVisibility()");
        assert!(dead.iter().all(|seen| seen == false), "nothing that does nothing: {dead:?}");
        assert!(!page.text("#run").contains("replay"), "{}", page.text("#run"));
        page.press("j");
        page.click("#axis", 1);
        page.click("#whole", 1);
        let nowhere = "/NaN|Infinity/.test(element.outerHTML)";
        let drawn = page.each("#axis rect, #axis path", nowhere);
        assert!(!drawn.is_empty() && drawn.iter().all(|nowhere| nowhere == false));
    });
}
