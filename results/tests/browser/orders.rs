//! The legal order of a pass.

use serde_json::Value;
use squall_checker::history::Moment;
use squall_checker::verdict::Conclusion;

use crate::invented::{Ending, Invented, run};
use crate::page::{Page, on_report};

/// Rows that are shown at a time.
const STEP: usize = 100;

/// A pass whose orders are by completion. The first of each key took so long that its turn
/// comes after one that was invoked later.
fn pass() -> Invented {
    let mut run = run(815, 8_000, Ending::Linearizable);
    let Invented { analysis, history, .. } = &mut run;
    for key in &mut analysis.keys {
        if let Conclusion::Linearizable { order } = &mut key.conclusion {
            let long = history.get(order[2]).completed;
            history.operations[order[0].0 as usize].completed = long;
            order.sort_by_key(|&id| history.get(id).completed.map(Moment::time_ns));
        }
    }
    run
}

/// A row: label, who, invoked, completed, point; times in microseconds.
fn rows(page: &Page) -> Vec<(String, String, f64, f64, f64)> {
    let rows = page.each("#order-rows tr", "[...element.cells].map((cell) => cell.textContent)");
    let read = |(number, row): (usize, &Value)| {
        let text = |index: usize| row[index].as_str().expect("text").to_owned();
        let us = |index: usize| {
            let text = text(index);
            text.trim_end_matches(" s").parse::<f64>().expect("a time") * 1e6
        };
        assert_eq!(text(0), (number + 1).to_string());
        (text(1), text(2), us(3), us(4), us(5))
    };
    rows.iter().enumerate().map(read).collect()
}

fn chosen(page: &Page) -> String {
    let chosen = page.each("#order-key option:checked", "element.textContent");
    chosen[0].as_str().expect("text").to_owned()
}

#[test]
fn the_order_of_each_key_is_shown_with_points_that_rise() {
    on_report(&pass(), |page| {
        assert!(page.text("#orders").contains("order"), "{}", page.text("#orders"));
        assert!(page.each("#order-rows tr", "1").is_empty(), "nothing before it is asked for");
        page.click("#order summary", 1);
        page.wait_until("document.querySelectorAll('#order-rows tr').length");
        let first = rows(page);
        assert_eq!(first.len(), STEP);
        let mut waited = 0;
        for (label, who, invoked, completed, point) in &first {
            // Written to five digits.
            assert!(invoked - 10.0 <= *point && *point <= completed + 10.0, "{label}: {point}");
            assert!(who.starts_with("client ") && who.contains(" → n"), "{who}");
            waited += usize::from(point - invoked > 20.0);
        }
        assert!(first.is_sorted_by(|before, after| before.4 <= after.4), "{first:?}");
        assert!(waited > 0, "some wait for those before them");

        let told = page.text("#order-more");
        assert!(told.starts_with("Show ") && told.contains(" more of "), "{told}");
        while !page.text("#order-more").is_empty() {
            page.click("#order-more", 1);
        }
        let all = rows(page);
        let of_key = chosen(page);
        assert!(of_key.ends_with(&format!("({})", all.len())), "{of_key}: {}", all.len());
        assert!(all.len() > STEP && all.starts_with(&first));
        assert!(all.is_sorted_by(|before, after| before.4 <= after.4));

        page.set("#order-key", "3");
        let other = rows(page);
        assert_eq!(other.len(), STEP);
        assert_ne!(other, first);
        assert!(chosen(page).starts_with("key 3 "));
        assert_eq!(page.each("#order-key option", "1").len(), 40);
    });
}
