//! By keyboard alone, and for those who hear the page.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::hand::key;
use crate::invented::{Ending, run};
use crate::page::{Page, on_each_report, on_report_afresh};

/// Numbers what can be used, and returns how many such elements there are.
const NUMBERED: &str = "
    const usable = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
      .filter((element) => element.checkVisibility() && !element.disabled && element.tabIndex >= 0)
      // Of a group of radio buttons one is a stop, the others are reached by arrows.
      .filter((element) => element.type !== 'radio' || element === document.querySelector(`[type=radio][name=${element.name}]`));
    usable.forEach((element, number) => { element.dataset.numbered = number; });
    return usable.length;";

/// What has the focus: its number, what it is, and whether a reader sees that it has it.
const FOCUSED: &str = "
    const element = document.activeElement, style = getComputedStyle(element);
    const { top, bottom, width } = element.getBoundingClientRect();
    return {
      number: element.dataset.numbered ?? null,
      what: element.outerHTML.slice(0, 90),
      outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== 'none',
      inView: width > 0 && bottom > 0 && top < innerHeight,
    };";

#[test]
fn a_report_can_be_used_without_seeing_it_or_a_mouse() {
    on_report_afresh(
        &run(815, 3_000, Ending::Violation),
        &[
            tab_reaches_everything_and_the_focus_is_seen,
            buttons_work_by_space_and_enter,
            the_page_has_the_structure_that_readers_jump_by,
        ],
    );
}

fn tab_reaches_everything_and_the_focus_is_seen(page: &Page) {
    assert_tab_reaches_everything(page, 20);
    // And back again.
    let here = page.run(FOCUSED);
    page.press(key::TAB);
    page.press_with(&[key::SHIFT], key::TAB);
    assert_eq!(page.run(FOCUSED)["what"], here["what"]);
}

/// Demands that Tab reaches everything that can be used, of which there is at least so much.
pub(crate) fn assert_tab_reaches_everything(page: &Page, least: u64) {
    let usable = page.run(NUMBERED).as_u64().expect("a number");
    assert!(usable >= least, "{usable}");
    let mut reached = BTreeSet::new();
    // Regions that scroll take the focus too, and have no number; so do the parts of a date.
    for _ in 0..usable + 20 {
        page.press(key::TAB);
        let focused = page.run(FOCUSED);
        let Some(number) = focused["number"].as_str() else { continue };
        assert_eq!(focused["outlined"], json!(true), "{focused}");
        assert_eq!(focused["inView"], json!(true), "{focused}");
        reached.insert(number.parse::<u64>().expect("a number"));
    }
    let missed: Vec<_> = (0..usable).filter(|number| !reached.contains(number)).collect();
    assert!(missed.is_empty(), "{}", described(page, &missed));
}

fn described(page: &Page, numbers: &[u64]) -> String {
    let all = page.each("[data-numbered]", "element.outerHTML.slice(0, 90)");
    let missed = numbers.iter().map(|number| all[*number as usize].to_string());
    missed.collect::<Vec<_>>().join("\n")
}

fn buttons_work_by_space_and_enter(page: &Page) {
    let all = page.shown();
    for key in [" ", "\u{e007}"] {
        page.run("document.getElementById('closer').focus()");
        page.press(key);
        assert_ne!(page.shown(), all, "zoomed in by {key:?}");
        page.run("document.getElementById('whole').focus()");
        page.press(key);
        assert_eq!(page.shown(), all);
    }
}

/// Roles whose name is what a reader hears instead of seeing.
const NAMED: [&str; 12] = [
    "button",
    "link",
    "slider",
    "textbox",
    "searchbox",
    "combobox",
    "checkbox",
    "radio",
    "image",
    "application",
    "graphics-document",
    "Canvas",
];

#[test]
fn drawings_and_controls_have_names() {
    let runs = [Ending::Violation, Ending::Linearizable].map(|ending| run(815, 3_000, ending));
    on_each_report(&runs, |page| {
        let drawings = page.each(
            "svg:not(svg svg), canvas",
            "element.closest('[aria-hidden=true]') || element.getAttribute('role') ? '' : element.outerHTML.slice(0, 200)",
        );
        assert!(drawings.len() > 5, "{drawings:?}");
        assert!(drawings.iter().all(|without| without == ""), "no role: {drawings:#?}");
        // As the browser tells it to a screen reader.
        let tree = page.devtools("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().expect("a tree");
        let heard: Vec<_> = nodes.iter().filter(|node| node["ignored"] == false).collect();
        let role = |node: &Value| node["role"]["value"].as_str().unwrap_or_default().to_owned();
        let named = heard.iter().filter(|node| NAMED.contains(&role(node).as_str()));
        let (with, without): (Vec<&Value>, Vec<&Value>) = named
            .partition(|node| node["name"]["value"].as_str().is_some_and(|name| !name.is_empty()));
        assert!(with.len() >= 4, "buttons and drawings: {with:?}");
        assert!(without.is_empty(), "{without:#?}");
    });
}

fn the_page_has_the_structure_that_readers_jump_by(page: &Page) {
    let levels = page.each("h1, h2, h3, h4, h5, h6", "Number(element.localName[1])");
    let levels: Vec<_> = levels.iter().filter_map(Value::as_u64).collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{levels:?}");
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "none is left out: {levels:?}");
    let bare = page.each(
        "table",
        "[element.querySelectorAll('thead th').length, element.querySelectorAll('tr')[0].children.length, \
          [...element.querySelectorAll('th')].filter((th) => !th.textContent.trim()).length]",
    );
    assert!(!bare.is_empty());
    for table in bare {
        assert_eq!(table[0], table[1], "a header for every column");
        assert_eq!(table[2], json!(0), "no empty header");
    }
    let twice = "document.querySelectorAll(`[id=\"${element.id}\"]`).length";
    assert!(page.each("[id]", twice).iter().all(|count| count == 1), "ids are unique");
    assert_eq!(page.each("main", "1").len(), 1);
    assert_eq!(page.run("return document.documentElement.lang"), json!("en"));
    assert_ne!(page.run("return document.title"), json!(""));
}
