//! The drawings of a contradiction: its operations in their places, and why no order fits.

use serde_json::{Value, json};

use crate::invented::{Ending, run};
use crate::page::{Page, on_each_report, on_report_afresh};

fn count(page: &Page, selector: &str) -> usize {
    page.each(selector, "1").len()
}

fn texts(page: &Page, selector: &str) -> Vec<String> {
    let texts = page.each(selector, "element.textContent");
    texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What sticks out of the graph or lies on something else of it.
const UNTIDY: &str = "
    const graph = document.getElementById('graph'), outer = graph.getBoundingClientRect();
    const boxes = [...graph.querySelectorAll('rect')].map((box) => box.getBoundingClientRect());
    const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const words = [...graph.querySelectorAll('text')];
    return [
      ...boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => overlap(a, b)).map(() => `box ${i} lies on another`)),
      ...words.map((text) => [text.textContent, text.getBoundingClientRect()])
        .filter(([, at]) => at.left < outer.left - 1 || at.right > outer.right + 1 || at.top < outer.top - 1 || at.bottom > outer.bottom + 1)
        .map(([text]) => `sticks out: ${text}`),
    ];";

#[test]
fn the_drawings_of_a_contradiction_hold_what_it_is_made_of() {
    on_report_afresh(
        &run(815, 3_000, Ending::Violation),
        &[
            the_graph_has_a_box_for_each_operation_of_the_cycle_and_an_arrow_for_each_order,
            each_operation_of_the_contradiction_has_a_row,
        ],
    );
}

fn the_graph_has_a_box_for_each_operation_of_the_cycle_and_an_arrow_for_each_order(page: &Page) {
    let orders = count(page, ".orders li");
    assert_eq!(orders, 3, "{}", page.text(".orders"));
    assert_eq!(count(page, "#graph path[marker-end]"), orders);
    assert_eq!(count(page, "#graph rect"), 3, "the write of 31 is in no order");
    let words = texts(page, "#graph text > title");
    for label in ["write 44", "read → 31"] {
        assert!(words.iter().any(|word| word == label), "{label}: {words:?}");
    }
    let said = texts(page, "#graph text").join("\n");
    for told in ["client 9 → n4", "client 5 → n3", "client 1 → n1", "same value as", "before"]
    {
        assert!(said.contains(told), "{told}: {said}");
    }
    let dashed = count(page, "#graph path[marker-end][stroke-dasharray]");
    assert_eq!(dashed, 1, "what is no order in time looks different");
    assert_eq!(page.run(UNTIDY), json!([]));
    page.shrink_to(390, 844);
    page.run("drawAll()");
    assert_eq!(page.run(UNTIDY), json!([]), "nor on a phone");
}

fn each_operation_of_the_contradiction_has_a_row(page: &Page) {
    let rows = texts(page, "#contradiction rect > title");
    assert_eq!(rows, ["write 31", "read → 31", "write 44", "read → 31"]);
    assert_eq!(count(page, "#contradiction path[marker-end]"), 2, "the two orders in time");
    let said = texts(page, "#contradiction text").join("\n");
    assert!(said.contains("client 1 → n1") && said.contains("for 8.21 ms"), "{said}");
    assert!(said.contains(" after"), "how long after: {said}");
}

#[test]
fn the_contents_lead_to_what_is_there() {
    let runs = [Ending::Violation, Ending::Linearizable].map(|ending| run(815, 3_000, ending));
    on_each_report(&runs, |page| {
        let led = page.each(
            ".contents a",
            "[element.hash, document.querySelector(element.hash)?.checkVisibility() ?? false]",
        );
        assert!(led.len() >= 6, "{led:?}");
        assert!(led.iter().all(|place| place[1] == true), "{led:?}");
        page.click(".contents a[href='#replay']", 1);
        let top = page.each("#replay", "element.getBoundingClientRect().top");
        assert!(top[0].as_f64().is_some_and(|top| (-1.0..900.0).contains(&top)), "{top:?}");
    });
}
