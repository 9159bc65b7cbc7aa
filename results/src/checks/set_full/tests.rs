use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use squall_checker::history::{Operation, read_jsonl};

use super::super::testing::{Script, at, judged_as, moment};
use super::*;

fn figures(script: &Script, model: &str) -> (Judgement, SetFull) {
    let found = look(&script.history, &judged_as(model));
    let Some(Figures::SetFull(figures)) = found.figures else { panic!("figures") };
    (found.judgement, figures)
}

fn append(script: &mut Script, key: &str, times: (u64, u64), element: u64) {
    script.ok("append", key, times, &json!(element), &json!(element));
}

fn read(script: &mut Script, key: &str, times: (u64, u64), elements: &[u64]) {
    script.ok("read", key, times, &json!(null), &json!(elements));
}

#[test]
fn what_every_later_read_shows_is_stable_and_what_nobody_read_is_only_counted() {
    let mut script = Script::default();
    append(&mut script, "k", at(1, 5), 1);
    // Began before the acknowledgement: it may lack the element.
    read(&mut script, "k", at(3, 8), &[]);
    read(&mut script, "k", at(9, 10), &[1]);
    append(&mut script, "k", at(11, 12), 2);
    let (judgement, found) = figures(&script, "list-append");
    assert_eq!(judgement, Judgement::Good);
    assert_eq!((found.known, found.stable, found.never_read), (2, 1, 1));
    assert_eq!(found.visible_after, Some(Delays::default()));
}

#[test]
fn an_acknowledged_element_that_the_last_read_lacks_is_lost() {
    let mut script = Script::default();
    append(&mut script, "k", at(1, 2), 1);
    append(&mut script, "k", at(1, 3), 2);
    read(&mut script, "k", at(4, 5), &[1, 2]);
    read(&mut script, "k", at(6, 7), &[1]);
    let found = look(&script.history, &judged_as("list-append"));
    assert_eq!(found.judgement, Judgement::Bad);
    assert_eq!(found.sentence, "Of 2 known elements lost: 1; visible only later: 0.");
    assert_eq!(found.details, ["2 of k was added, and the last reads lack it"]);
}

#[test]
fn an_element_seen_late_is_stale_by_the_last_read_without_it() {
    let mut script = Script::default();
    append(&mut script, "k", at(1, 2), 1);
    read(&mut script, "k", at(10, 11), &[]);
    read(&mut script, "k", at(32, 33), &[]);
    read(&mut script, "k", at(40, 41), &[1]);
    let found = look(&script.history, &judged_as("set"));
    assert_eq!(
        found.sentence,
        "Of 1 known element lost: 0; visible only later: 1, at worst after 30 ms."
    );
    let Some(Figures::SetFull(figures)) = found.figures else { panic!("figures") };
    let delays = figures.visible_after.expect("it was visible in the end");
    assert_eq!(delays, Delays { median_ms: 30.0, p99_ms: 30.0, max_ms: 30.0 });
}

#[test]
fn a_read_makes_an_element_known_whose_append_nobody_acknowledged() {
    let mut script = Script::default();
    script.indeterminate("append", "k", at(1, 90), &json!(1));
    script.indeterminate("append", "k", at(1, 90), &json!(2));
    read(&mut script, "k", at(4, 5), &[1, 7]);
    read(&mut script, "k", at(6, 7), &[]);
    let (judgement, found) = figures(&script, "list-append");
    // 2 may never have been there, and nobody tried to append 7.
    assert_eq!((judgement, found.attempted, found.known, found.lost), (Judgement::Bad, 2, 1, 1));
}

#[test]
fn only_keys_of_the_right_model_count() {
    let mut script = Script::default();
    for key in ["set/a", "list-append/b", "counter/c", "bare"] {
        append(&mut script, key, at(1, 2), 1);
        read(&mut script, key, at(3, 4), &[]);
    }
    assert_eq!(figures(&script, "mixed").1.lost, 2);
    assert_eq!(figures(&script, "counter").1, SetFull::default());
    assert_eq!(figures(&script, "set").1.lost, 4);
    // One that elements can leave says nothing.
    script.ok("remove", "set/a", at(5, 6), &json!(1), &json!(1));
    assert_eq!(figures(&script, "mixed").1.lost, 1);
}

#[test]
fn replies_of_another_shape_are_counted_and_nothing_worse() {
    let mut script = Script::default();
    append(&mut script, "k", at(1, 2), 1);
    for shape in [json!("[1]"), json!({"a": [1]}), json!(7), json!(true), json!(1.5)] {
        script.ok("read", "k", at(3, 4), &json!(null), &shape);
    }
    script.ok("append", "k", at(5, 6), &json!([1, {"x": null}]), &json!(null));
    script.ok("read", "k", at(7, 8), &json!(null), &json!([1, 1, [1, {"x": null}], null]));
    let (judgement, found) = figures(&script, "list-append");
    assert_eq!(judgement, Judgement::Good);
    assert_eq!((found.not_understood, found.stable), (5, 2));
}

#[test]
fn a_large_list_read_often_takes_a_moment() {
    let mut script = Script::default();
    let elements: Vec<u64> = (0..20_000).collect();
    for element in &elements {
        append(&mut script, "k", at(element + 1, element + 2), *element);
    }
    read(&mut script, "k", at(50_000, 50_001), &elements);
    let one = *script.history.operations.last().expect("one was pushed just now");
    for round in 1..20_000 {
        let (invoked, completed) = (moment(50_000 + 2 * round), moment(50_001 + 2 * round));
        let again = Operation { invoked, completed: Some(completed), ..one };
        script.history.operations.push(again);
    }
    let begun = std::time::Instant::now();
    assert_eq!(figures(&script, "list-append").1.stable, 20_000);
    // Element by element this would be four hundred million steps.
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

/// What became of the elements by the words of the definition, trying every read for every
/// element.
fn by_definition(script: &Script) -> BTreeMap<Value, Fate> {
    let history = &script.history;
    let operations: Vec<_> = history.iter().map(|(_, operation)| operation).collect();
    let shows = |read: &Recorded<'_>, element| {
        history.values.list(read.result).is_some_and(|found| found.contains(&element))
    };
    let reads: Vec<_> = operations.iter().filter(|op| op.f() == "read").collect();
    let mut fates = BTreeMap::new();
    for add in operations.iter().filter(|op| op.f() == "append") {
        let element = add.argument;
        let acks = operations
            .iter()
            .filter(|op| op.f() == "append" && op.argument == element && op.outcome == Outcome::Ok);
        let seen = reads.iter().copied().filter(|read| shows(read, element));
        let known = acks.chain(seen).filter_map(|op| op.completed).map(point).min();
        let Some(known) = known else { continue };
        let mut later: Vec<_> =
            reads.iter().filter(|read| read.invoked.position() > known.0).collect();
        later.sort_by_key(|read| read.invoked.position());
        let lacking = later.iter().rfind(|read| !shows(read, element));
        let fate = match (later.last(), lacking) {
            (None, _) => Fate::NeverRead,
            (Some(_), None) => Fate::Stable,
            (Some(last), Some(_)) if !shows(last, element) => Fate::Lost,
            (Some(_), Some(read)) => Fate::Stale(read.invoked.time_ns() - known.1),
        };
        fates.insert(element, fate);
    }
    fates
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_pass_agrees_with_the_definition(
        appends in prop::collection::vec((0..3_u64, 1..24_u64, 1..16_u64, any::<bool>()), 0..5),
        reads in prop::collection::vec(
            (0..3_u64, 1..16_u64, prop::collection::vec(0..3_u64, 0..3)), 0..9),
    ) {
        let mut script = Script::default();
        for (element, from, takes, acknowledged) in appends {
            let times = at(from, from + takes);
            match acknowledged {
                true => append(&mut script, "k", times, element),
                false => script.indeterminate("append", "k", times, &json!(element)),
            }
        }
        // Beginnings apart from each other, so that their order is one.
        for (number, (from, takes, found)) in (0..).zip(reads) {
            let from = 3 * number + from + 1;
            read(&mut script, "k", at(from, from + takes), &found);
        }
        let expected = by_definition(&script);
        let mut keys = keys(&script.history, "list-append");
        let found: BTreeMap<Value, Fate> =
            keys.iter_mut().flat_map(|(_, key)| key.fates(&script.history).collect::<Vec<_>>()).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn positions_decide_where_stamps_are_equal() {
    let line = |index: u32, kind: &str, f: &str, process: u32, value: &str| {
        format!(
            "{{\"index\":{index},\"time\":5,\"process\":{process},\"type\":\"{kind}\",\
             \"f\":\"{f}\",\"key\":\"k\",\"value\":{value}}}\n"
        )
    };
    let text = [
        line(0, "invoke", "append", 0, "1"),
        line(1, "ok", "append", 0, "1"),
        line(2, "invoke", "read", 1, "null"),
        line(3, "ok", "read", 1, "[]"),
    ];
    let history = read_jsonl(text.concat().as_bytes()).expect("a good history");
    let found = look(&history, &judged_as("list-append"));
    assert_eq!(found.judgement, Judgement::Bad);
}
