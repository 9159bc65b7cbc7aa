//! Every kind of report opens from disk, quietly, with its verdict in sight.

use crate::invented::{Ending, nothing, run};
use crate::page::on_report;

#[test]
fn a_pass_opens_and_says_so() {
    on_report(&run(815, 3_000, Ending::Linearizable), |page| {
        assert!(page.text("h1").contains("Linearizable"), "{}", page.text("h1"));
        assert!(page.text(".verdict").contains("fit one legal order"));
        let drawn = page.each("#axis", "element.querySelectorAll('rect').length");
        assert!(drawn[0].as_u64() > Some(20), "{drawn:?}");
        assert!(page.each("#jump", "1").is_empty(), "there is nothing to jump to");
    });
}

#[test]
fn a_violation_opens_and_shows_its_operations() {
    on_report(&run(815, 3_000, Ending::Violation), |page| {
        assert!(page.text("h1").contains("Not linearizable: key 17"), "{}", page.text("h1"));
        assert!(page.text(".verdict").contains("44 had replaced 31"));
        let rows = page.each("#contradiction title", "element.textContent").len();
        assert!(rows >= 4, "four operations are drawn: {rows}");
        assert!(page.text(".story").contains("n1"));
    });
}

#[test]
fn an_empty_run_opens_and_says_what_it_lacks() {
    on_report(&nothing(), |page| {
        assert!(page.text("h1").contains("Inconclusive"), "{}", page.text("h1"));
        assert!(page.text(".verdict").contains("No operation was invoked"));
        assert_eq!(page.shown(), (0.0, 1_000_000.0), "an axis all the same");
    });
}
