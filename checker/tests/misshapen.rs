//! Results that are nothing their function returns: they cost the object they were returned on
//! its verdict, and no other object anything.

use expect_test::expect;
use serde_json::{Value as Json, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::{Event, History, HistoryBuilder, read_jsonl};
use squall_checker::model::ModelName;
use squall_checker::online::OnlineChecker;
use squall_checker::verdict::{Analysis, Conclusion, KeyAnalysis, OperationId, Verdict};
use squall_checker::{CheckError, CheckOptions, VerifyError, check, verify};

/// A function, its key if it has one, what it was asked and what it returned.
type Call<'a> = (&'a str, &'a str, Json, Json);

/// The events of calls that succeed one after another.
fn events(calls: &[Call<'_>]) -> Vec<Json> {
    let mut events = Vec::new();
    for (f, key, argument, result) in calls {
        for (kind, value) in [("invoke", argument), ("ok", result)] {
            let index = events.len();
            let mut event =
                json!({"index": index, "process": 3, "type": kind, "f": f, "value": value});
            if !key.is_empty() {
                event["key"] = json!(key);
            }
            events.push(event);
        }
    }
    events
}

fn history(calls: &[Call<'_>]) -> History {
    let lines: String = events(calls).iter().map(|event| format!("{event}\n")).collect();
    read_jsonl(lines.as_bytes()).expect("a good history")
}

fn options(model: ModelName) -> CheckOptions<'static> {
    CheckOptions { model: Some(model), ..CheckOptions::default() }
}

fn checked(model: ModelName, calls: &[Call<'_>]) -> Analysis {
    check(&history(calls), &options(model)).expect("all of it was asked rightly")
}

fn refused(model: ModelName, calls: &[Call<'_>]) -> String {
    let error = check(&history(calls), &options(model)).expect_err("asked wrongly");
    format!("{error}\n")
}

/// Why a key is unknown.
fn reason(key: &KeyAnalysis) -> &str {
    match &key.conclusion {
        Conclusion::Unknown { reason } => reason,
        decided => panic!("{decided:?}"),
    }
}

/// A lost element on one key, a number for a list on another, and nothing wrong on a third.
fn sets(names: [&str; 3]) -> Vec<Call<'_>> {
    let [lost, misshapen, good] = names;
    vec![
        ("add", misshapen, json!(1), json!(1)),
        ("add", lost, json!(1), json!(1)),
        ("read", misshapen, Json::Null, json!(7)),
        ("add", good, json!(1), json!(1)),
        ("read", lost, Json::Null, json!([])),
        ("read", good, Json::Null, json!([1])),
        ("read", misshapen, Json::Null, json!([])),
    ]
}

/// The violation is found and verified, and nothing can be claimed of the key of no verdict.
fn finds_the_lost_element(model: ModelName, calls: &[Call<'_>]) {
    let history = history(calls);
    let analysis = check(&history, &options(model)).expect("all of it was asked rightly");
    let verdicts: Vec<Verdict> = analysis.keys.iter().map(|key| key.conclusion.verdict()).collect();
    assert_eq!(verdicts, [Verdict::Unknown, Verdict::Violation, Verdict::Linearizable]);
    assert_eq!(analysis.verdict, Verdict::Violation);
    let unknown = &analysis.keys[0];
    assert_eq!((unknown.procedure.as_str(), unknown.operations), ("none", 3));
    assert_eq!(unknown.key.as_deref(), Some(calls[0].1));
    assert!(reason(unknown).starts_with("operation 2 (process 3) is a `read` that returned 7, "));

    let certificate = Certificate::of(&analysis);
    let mut kept = Vec::new();
    certificate.write_json(&mut kept).expect("it fits");
    let certificate = Certificate::read_json(kept.as_slice()).expect("a certificate");
    let verified = verify(&history, &certificate).expect("a good certificate");
    assert_eq!((verified.verdict, verified.keys), (Verdict::Violation, 2));

    let mut forged = certificate.clone();
    forged.verdict = Verdict::Linearizable;
    forged.keys.remove(1);
    assert!(matches!(verify(&history, &forged), Err(VerifyError::Verdict { .. })));
    forged.keys.remove(0);
    assert!(matches!(verify(&history, &forged), Err(VerifyError::MissingKey { .. })));
    let mut forged = certificate;
    let of_the_key = [&[0, 2, 6][..], &[0, 2], &[0, 6], &[0], &[]];
    for order in of_the_key {
        let order = order.iter().map(|id| OperationId(*id)).collect();
        forged.keys[0].conclusion = Conclusion::Linearizable { order };
        assert!(matches!(verify(&history, &forged), Err(VerifyError::Key { .. })), "{forged:?}");
    }
}

#[test]
fn a_violation_on_another_key_is_found() {
    finds_the_lost_element(ModelName::Set, &sets(["a", "b", "c"]));
}

#[test]
fn a_violation_on_another_key_of_a_mixed_history_is_found() {
    finds_the_lost_element(ModelName::Mixed, &sets(["set/a", "set/b", "set/c"]));
    let mut calls = sets(["set/a", "list-append/b", "set/c"]);
    calls[0].0 = "append";
    finds_the_lost_element(ModelName::Mixed, &calls);
    // Models of a whole history, too, are of one key there.
    let mut calls = sets(["set/a", "bank/b", "set/c"]);
    calls[0] = ("transfer", "bank/b", json!({"from": 0, "to": 1, "amount": 5}), Json::Null);
    calls[6].3 = json!({"0": 5, "1": 5});
    finds_the_lost_element(ModelName::Mixed, &calls);
}

#[test]
fn alone_it_is_unknown_whatever_the_model() {
    let null = Json::Null;
    let transfer = json!({"from": 0, "to": 1, "amount": 5});
    let returned = [
        (ModelName::KvAppend, "get", "x", null.clone(), json!(7)),
        (ModelName::ListAppend, "read", "x", null.clone(), json!("7")),
        (ModelName::Set, "read", "x", null.clone(), json!({"7": 7})),
        (ModelName::Set, "contains", "x", json!(7), null.clone()),
        (ModelName::Counter, "read", "x", null.clone(), json!(7.5)),
        (ModelName::Ids, "generate", "x", null.clone(), null.clone()),
        (ModelName::Ids, "fetch-increment", "x", null.clone(), json!("7")),
        (ModelName::Kv, "read", "", null.clone(), json!(7)),
        (ModelName::Bank, "read", "", null.clone(), json!({"7": "7"})),
        (ModelName::Bank, "read", "", null.clone(), json!([7])),
        (ModelName::TxnAppend, "txn", "", json!([["r", 1, null]]), json!([["r", 1, 7]])),
        (ModelName::TxnAppend, "txn", "", json!([["r", 1, null]]), json!(7)),
        (ModelName::TxnAppend, "txn", "", null.clone(), json!([["r", 1, 7]])),
        (ModelName::TxnRegister, "txn", "", json!([["r", 1, null]]), json!([["append", 1, 7]])),
    ];
    let mut told = String::new();
    for (model, f, key, argument, result) in returned {
        let first = match model {
            ModelName::Bank => ("transfer", key, transfer.clone(), transfer.clone()),
            _ => (f, key, argument.clone(), result.clone()),
        };
        let calls = [first, (f, key, argument, result)];
        let analysis = checked(model, &calls);
        assert_eq!((analysis.verdict, analysis.keys.len()), (Verdict::Unknown, 1));
        assert_eq!(analysis.keys[0].operations, 2);
        let certificate = Certificate::of(&analysis);
        assert_eq!(verify(&history(&calls), &certificate), Err(VerifyError::Unknown));
        told += &format!("{model}: {}\n", reason(&analysis.keys[0]));
    }
    expect![[r#"
        kv-append: operation 0 (process 3) is a `get` that returned 7, expected a string or null; nothing is judged of what it was returned on
        list-append: operation 0 (process 3) is a `read` that returned "7", expected a list or null; nothing is judged of what it was returned on
        set: operation 0 (process 3) is a `read` that returned {"7":7}, expected a list or null, of fewer than 2^32 elements together; nothing is judged of what it was returned on
        set: operation 0 (process 3) is a `contains` that returned null, expected true or false; nothing is judged of what it was returned on
        counter: operation 0 (process 3) is a `read` that returned 7.5, expected a whole number or null; nothing is judged of what it was returned on
        ids: operation 0 (process 3) is a `generate` that returned null, expected anything but null; nothing is judged of what it was returned on
        ids: operation 0 (process 3) is a `fetch-increment` that returned "7", expected a whole number; nothing is judged of what it was returned on
        kv: operation 0 (process 3) is a `read` that returned 7, expected a map from keys to values; nothing is judged of what it was returned on
        bank: operation 1 (process 3) is a `read` that returned {"7":"7"}, expected a map from accounts to whole numbers; nothing is judged of what it was returned on
        bank: operation 1 (process 3) is a `read` that returned [7], expected a map from accounts to whole numbers; nothing is judged of what it was returned on
        txn-append: operation 0 (process 3) is a `txn` that returned [["r",1,7]], expected a list of ["append", key, element] and ["r", key, list]; nothing is judged of what it was returned on
        txn-append: operation 0 (process 3) is a `txn` that returned 7, expected a list of ["append", key, element] and ["r", key, list]; nothing is judged of what it was returned on
        txn-append: operation 0 (process 3) is a `txn` that returned [["r",1,7]], expected a list of ["append", key, element] and ["r", key, list]; nothing is judged of what it was returned on
        txn-register: operation 0 (process 3) is a `txn` that returned [["append",1,7]], expected a list of ["w", key, value] and ["r", key, value]; nothing is judged of what it was returned on
    "#]].assert_eq(&told);
}

#[test]
fn what_was_asked_wrongly_is_an_error_wherever_it_stands() {
    let misshapen = ("read", "x", Json::Null, json!("seven"));
    let mut said = String::new();
    for key in ["x", "y"] {
        let strange = ("pop", key, Json::Null, json!(1));
        for model in [ModelName::Set, ModelName::ListAppend, ModelName::Counter] {
            said += &refused(model, &[misshapen.clone(), strange.clone()]);
        }
        let amount = ("add", key, json!("1"), json!("1"));
        said += &refused(ModelName::Counter, &[misshapen.clone(), amount]);
    }
    let get = ("get", "x", Json::Null, json!(7));
    said += &refused(ModelName::KvAppend, &[get, ("put", "x", json!(1), json!(1))]);
    let balances = ("read", "", Json::Null, json!(7));
    said += &refused(ModelName::Bank, &[balances, ("transfer", "", json!(1), json!(1))]);
    let pairs = ("read", "", Json::Null, json!(7));
    said += &refused(ModelName::Kv, &[pairs, ("write", "", json!(1), json!(1))]);
    let lists = ("txn", "", json!([["r", 1, null]]), json!(7));
    let other = json!([["q", 1, 2]]);
    said += &refused(ModelName::TxnAppend, &[lists, ("txn", "", other.clone(), other)]);
    expect![[r#"
        judge operation 1 (process 3): it invokes `pop`, but model `set` knows only add, remove, contains, read; choose another model
        judge operation 1 (process 3): it invokes `pop`, but model `list-append` knows only append, read; choose another model
        judge operation 1 (process 3): it invokes `pop`, but model `counter` knows only add, increment, read; choose another model
        judge operation 1 (process 3): it invokes `add` with value "1", expected a whole number
        judge operation 1 (process 3): it invokes `pop`, but model `set` knows only add, remove, contains, read; choose another model
        judge operation 1 (process 3): it invokes `pop`, but model `list-append` knows only append, read; choose another model
        judge operation 1 (process 3): it invokes `pop`, but model `counter` knows only add, increment, read; choose another model
        judge operation 1 (process 3): it invokes `add` with value "1", expected a whole number
        judge operation 1 (process 3): it invokes `put` with value 1, expected a string
        judge operation 1 (process 3): it invokes `transfer` with value 1, expected a map with the accounts `from` and `to` and the number `amount`
        judge operation 1 (process 3): it invokes `write` with value 1, expected a map from keys to values
        judge operation 1 (process 3): it invokes `txn` with value [["q",1,2]], expected a list of ["append", key, element] and ["r", key, list]
    "#]].assert_eq(&said);
}

#[test]
fn a_result_of_any_size_is_told_in_a_few_words() {
    let deep = (0..100).fold(json!(7), |inner, _| json!([inner]));
    let wide: Json = (0..100_000).map(|number| (number.to_string(), json!(number))).collect();
    let hostile = json!("\u{1b}[2J\u{202e}\n\0\u{7f}".repeat(1_000));
    for result in [deep, wide, hostile, json!(u64::MAX), json!(i64::MIN), json!(1e308)] {
        for (model, f) in [(ModelName::KvAppend, "get"), (ModelName::Ids, "fetch-increment")] {
            let number = result.is_u64() || result.is_i64();
            if f != "get" && number || f == "get" && result.is_string() {
                continue;
            }
            let calls = [(f, "x", Json::Null, result.clone()), (f, "y", Json::Null, json!(0))];
            let analysis = checked(model, &calls);
            let reason = reason(&analysis.keys[0]);
            assert!(reason.chars().count() < 500, "{reason}");
            assert!(
                !reason.chars().any(|each| each.is_control() || each == '\u{202e}'),
                "{reason}"
            );
        }
    }
    let asked = json!(vec!["1"; 100_000]);
    let said = refused(ModelName::Counter, &[("add", "x", asked, Json::Null)]);
    assert!(said.len() < 500, "{said}");
}

#[test]
fn results_that_differ_in_kind_do_not_choose_the_model() {
    let mut calls = sets(["a", "b", "c"]);
    let error = check(&history(&calls), &CheckOptions::default()).expect_err("a set or a counter");
    let (list, number) = (OperationId(4), OperationId(2));
    assert_eq!(error, CheckError::SetOrCounter { list, number });
    expect!["choose between the models set and counter: operation 4 is a read that returned a list and operation 2 one that returned a number; name the model"]
        .assert_eq(&error.to_string());
    // A counter removes nothing.
    calls.push(("remove", "c", json!(2), json!(false)));
    let analysis = check(&history(&calls), &CheckOptions::default()).expect("a set");
    assert_eq!((analysis.model.as_str(), analysis.verdict), ("set", Verdict::Violation));
}

#[test]
fn while_it_is_recorded_only_that_key_is_left_unjudged() {
    let wide = sets(["set/a", "set/b", "set/c"]);
    let mut sum = sets(["set/a", "counter/b", "set/c"]);
    sum[2].3 = json!("seven");
    sum[6].3 = json!(-3);
    for calls in [wide, sum] {
        let mut builder = HistoryBuilder::default();
        let mut online = OnlineChecker::new(Some(ModelName::Mixed));
        for (number, event) in (1..).zip(events(&calls)) {
            let event: Event = serde_json::from_value(event).expect("an event");
            let pushed = builder.push(number, event).expect("a good history");
            online.observe(builder.history(), pushed);
            let unjudged: Vec<_> = online.unjudged().map(|(key, _)| key).collect();
            let expected = match number {
                // The completion of the read of a wrong shape is the sixth event.
                ..6 => vec![],
                _ => vec![builder.history().names.find(calls[0].1)],
            };
            assert_eq!(unjudged, expected, "after event {number}");
        }
        let violation = online.violation().expect("an element was lost");
        assert_eq!(violation.operation, OperationId(4));
    }
}

/// A transaction that says it did something else than it was asked hides what it did.
#[test]
fn a_transaction_that_answers_for_another_proves_nothing() {
    let history = |asked: &str, told: &str, read: &str| {
        let lines = [
            ("invoke", 0, asked.to_owned()),
            ("ok", 0, told.to_owned()),
            ("invoke", 1, r#"[["r","x",null]]"#.to_owned()),
            ("ok", 1, read.to_owned()),
        ];
        let text: String = (0..)
            .zip(&lines)
            .map(|(index, (kind, process, value))| {
                format!(
                    r#"{{"index":{index},"process":{process},"type":"{kind}","f":"txn","value":{value}}}"#
                ) + "\n"
            })
            .collect();
        read_jsonl(text.as_bytes()).expect("a good history")
    };
    let checked = |history: &History| {
        let model = Some(ModelName::TxnRegister);
        check(history, &CheckOptions { model, ..CheckOptions::default() }).expect("well asked")
    };
    let write = r#"[["w","x",1]]"#;
    let missed = r#"[["r","x",null]]"#;
    assert_eq!(checked(&history(write, write, missed)).verdict, Verdict::Violation);
    // An order of both operations, which fits one that did nothing before one that saw nothing.
    let seen = checked(&history(write, write, r#"[["r","x",1]]"#));
    assert_eq!(seen.verdict, Verdict::Linearizable);
    let both = Certificate::of(&seen);
    for told in ["[]", r#"[["w","x",2]]"#, r#"[["w","y",1]]"#, r#"[["r","x",null]]"#] {
        let history = history(write, told, missed);
        assert_eq!(checked(&history).verdict, Verdict::Unknown, "{told}");
        assert!(verify(&history, &both).is_err(), "{told}");
    }
    let elsewhere = history(write, write, r#"[["r","y",null]]"#);
    assert_eq!(checked(&elsewhere).verdict, Verdict::Unknown);
}
