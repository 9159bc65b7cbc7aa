//! Each rule of the verifier, broken once: what it says, and that it says it.

use std::error::Error;

use expect_test::expect;
use squall_checker::certificate::{Certificate, CertificateError};
use squall_checker::history::{History, read_jsonl};
use squall_checker::verdict::Verdict;
use squall_checker::{CheckOptions, check, verify};

/// Two keys: on `a` operations 0, 2, 3, 4 and 6, 4 being failed and 6 indeterminate; on
/// `b` operations 1 and 5, a write and a read that missed it.
fn history() -> History {
    let lines = [
        r#"{"index":0,"process":0,"type":"invoke","f":"write","key":"a","value":1}"#,
        r#"{"index":1,"process":1,"type":"invoke","f":"write","key":"b","value":1}"#,
        r#"{"index":2,"process":0,"type":"ok","f":"write","key":"a","value":1}"#,
        r#"{"index":3,"process":1,"type":"ok","f":"write","key":"b","value":1}"#,
        r#"{"index":4,"process":0,"type":"invoke","f":"read","key":"a"}"#,
        r#"{"index":5,"process":2,"type":"invoke","f":"write","key":"a","value":2}"#,
        r#"{"index":6,"process":0,"type":"ok","f":"read","key":"a","value":1}"#,
        r#"{"index":7,"process":2,"type":"ok","f":"write","key":"a","value":2}"#,
        r#"{"index":8,"process":0,"type":"invoke","f":"write","key":"a","value":3}"#,
        r#"{"index":9,"process":0,"type":"fail","f":"write","key":"a","value":3}"#,
        r#"{"index":10,"process":1,"type":"invoke","f":"read","key":"b"}"#,
        r#"{"index":11,"process":1,"type":"ok","f":"read","key":"b","value":null}"#,
        r#"{"index":12,"process":3,"type":"invoke","f":"read","key":"a"}"#,
    ];
    read_jsonl((lines.join("\n") + "\n").as_bytes()).expect("a good history")
}

/// An error with its sources, as a program prints it.
fn chain(error: &dyn Error) -> String {
    let sources = std::iter::successors(Some(error), |error| (*error).source());
    let said: Vec<String> = sources.map(ToString::to_string).collect();
    format!("failed to {}\n", said.join(": "))
}

/// What is said about a certificate with these keys.
fn said(verdict: &str, keys: &str) -> String {
    let json = format!(
        r#"{{"squall":1,"type":"certificate","model":"register","verdict":"{verdict}","keys":[{keys}]}}"#
    );
    let certificate = Certificate::read_json(json.as_bytes()).expect("a certificate");
    match verify(&history(), &certificate) {
        Ok(verified) => format!("{verified:?}\n"),
        Err(error) => chain(&error),
    }
}

const BAD_B: &str =
    r#"{"key":"b","verdict":"violation","kind":"value-returned","operations":[1,5]}"#;

fn order(order: &str) -> String {
    format!(r#"{{"key":"a","verdict":"linearizable","order":[{order}]}},{BAD_B}"#)
}

fn violation(operations: &str) -> String {
    format!(r#"{{"key":"b","verdict":"violation","kind":"no-order","operations":[{operations}]}}"#)
}

#[test]
fn each_broken_rule_of_an_order_is_named() {
    let orders =
        ["0,2,3", "0,9", "0,1", "0,0,2,3", "0,4,2,3", "0,6", "0,3", "3,0,2", "2,0,3", "0,3,2"];
    let said: String = orders.iter().map(|it| said("violation", &order(it))).collect();
    expect![[r#"
        Verified { model: Register, verdict: Violation, keys: 2, operations: 5 }
        failed to verify the proof of key a: find operation 9 in the history
        failed to verify the proof of key a: let operation 1 take part: it belongs to another key
        failed to verify the proof of key a: let operation 0 take part twice
        failed to verify the proof of key a: let operation 4 take part: it failed
        failed to verify the proof of key a: let operation 6 take part: it is a read that returned nothing
        failed to verify the proof of key a: find operation 2 in the order, where it must be as it succeeded
        failed to verify the proof of key a: let operation 0 come after operation 3, before which it ended
        failed to verify the proof of key a: replay operation 2: it cannot happen in the state that the order has there
        failed to verify the proof of key a: replay operation 2: it cannot happen in the state that the order has there
    "#]]
    .assert_eq(&said);
}

#[test]
fn each_broken_rule_of_a_counterexample_is_named() {
    let sets = ["1,5", "5", "1", "", "1,1,5", "1,5,0", "1,5,77"];
    let said: String = sets.iter().map(|it| said("violation", &violation(it))).collect();
    expect![[r#"
        Verified { model: Register, verdict: Violation, keys: 1, operations: 2 }
        failed to verify the proof of key b: contradict the history: the operations of the counterexample have a legal order
        failed to verify the proof of key b: contradict the history: the operations of the counterexample have a legal order
        failed to verify the proof of key b: contradict the history: the operations of the counterexample have a legal order
        failed to verify the proof of key b: let operation 1 take part twice
        failed to verify the proof of key b: let operation 0 take part: it belongs to another key
        failed to verify the proof of key b: find operation 77 in the history
    "#]]
    .assert_eq(&said);
}

#[test]
fn a_kind_or_an_edge_that_is_not_true_is_named() {
    let cycle = r#"{"from":1,"to":5,"why":"real-time"},{"from":5,"to":1,"why":"initial-value"}"#;
    let claims = [
        ("value-returned", cycle),
        ("no-order", cycle),
        ("never-written", ""),
        ("read-before-write", ""),
        ("value-returned", r#"{"from":5,"to":1,"why":"real-time"}"#),
        ("value-returned", r#"{"from":1,"to":5,"why":"reads-from"}"#),
        ("value-returned", r#"{"from":1,"to":5,"why":"same-value"}"#),
        ("value-returned", r#"{"from":1,"to":5,"why":"initial-value"}"#),
        ("value-returned", r#"{"from":1,"to":5,"why":"real-time"}"#),
        ("value-returned", r#"{"from":1,"to":0,"why":"real-time"}"#),
    ];
    let said = claims.map(|(kind, edges)| {
        let key = format!(
            r#"{{"key":"b","verdict":"violation","kind":"{kind}","operations":[1,5],"edges":[{edges}]}}"#
        );
        said("violation", &key)
    });
    expect![[r#"
        Verified { model: Register, verdict: Violation, keys: 1, operations: 2 }
        Verified { model: Register, verdict: Violation, keys: 1, operations: 2 }
        failed to verify the proof of key b: find a contradiction of the kind `never-written` in the operations of the counterexample
        failed to verify the proof of key b: find a contradiction of the kind `read-before-write` in the operations of the counterexample
        failed to verify the proof of key b: confirm the edge from operation 5 to operation 1: `real-time` does not hold
        failed to verify the proof of key b: confirm the edge from operation 1 to operation 5: `reads-from` does not hold
        failed to verify the proof of key b: confirm the edge from operation 1 to operation 5: `same-value` does not hold
        failed to verify the proof of key b: confirm the edge from operation 1 to operation 5: `initial-value` does not hold
        failed to verify the proof of key b: follow the edges: one ends at operation 5, the next begins at operation 1
        failed to verify the proof of key b: find operation 0, where an edge ends, in the counterexample
    "#]].assert_eq(&said.concat());
}

#[test]
fn each_broken_rule_of_the_whole_is_named() {
    let good_a = r#"{"key":"a","verdict":"linearizable","order":[0,2,3]}"#;
    let unknown_b = r#"{"key":"b","verdict":"unknown","reason":"tired"}"#;
    let said = [
        said("linearizable", good_a),
        said("unknown", unknown_b),
        said("linearizable", BAD_B),
        said("violation", good_a),
        said("violation", &format!("{BAD_B},{BAD_B}")),
        said("violation", &format!(r#"{BAD_B},{{"key":"c","verdict":"linearizable","order":[]}}"#)),
        said("violation", &format!("{},{good_a}", violation("1"))),
    ];
    expect![[r#"
        failed to find a proof for key b of the history, which linearizable needs for every key
        failed to verify the certificate: its verdict is unknown, which proves nothing; check with a larger budget
        failed to verify the certificate: it claims `linearizable` but its keys add up to `violation`
        failed to verify the certificate: it claims `violation` but its keys add up to `linearizable`
        failed to verify the proof of key b: it has two
        failed to find key c of the certificate in the history
        failed to verify the proof of key b: contradict the history: the operations of the counterexample have a legal order
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn a_source_left_out_is_named() {
    // The read of 1 proves nothing without the write of 1 that was under way.
    let lines = [
        r#"{"index":0,"process":0,"type":"invoke","f":"write","value":1}"#,
        r#"{"index":1,"process":1,"type":"invoke","f":"write","value":2}"#,
        r#"{"index":2,"process":1,"type":"ok","f":"write","value":2}"#,
        r#"{"index":3,"process":1,"type":"invoke","f":"read"}"#,
        r#"{"index":4,"process":1,"type":"ok","f":"read","value":1}"#,
    ];
    let history = read_jsonl((lines.join("\n") + "\n").as_bytes()).expect("a good history");
    let json = r#"{"squall":1,"type":"certificate","model":"register","verdict":"violation","keys":[
        {"key":null,"verdict":"violation","kind":"no-order","operations":[1,2]}]}"#;
    let certificate = Certificate::read_json(json.as_bytes()).expect("a certificate");
    let error = verify(&history, &certificate).expect_err("it is linearizable");
    expect![[r#"
        failed to verify the proof of key (none): leave operation 0 out of the counterexample: it could have produced the value of operation 2
    "#]].assert_eq(&chain(&error));
}

#[test]
fn a_model_without_rules_and_a_foreign_function_are_refused() {
    let cas = r#"{"time":1,"process":0,"type":"invoke","f":"cas","value":[1,2]}"#;
    let history = read_jsonl(format!("{cas}\n").as_bytes()).expect("a good history");
    let analysis = check(&history, &CheckOptions::default()).expect("a register");
    let mut certificate = Certificate::of(&analysis);
    certificate.model = "register".to_owned();
    let mut said = chain(&verify(&history, &certificate).expect_err("cas"));
    certificate.model = "queue".to_owned();
    said += &chain(&verify(&history, &certificate).expect_err("cas"));
    certificate.model = "stack".to_owned();
    said += &chain(&verify(&history, &certificate).expect_err("no rules"));
    expect![[r#"
        failed to verify the proof of key (none): judge operation 0: it is no operation of the model
        failed to verify the proof of key (none): judge operation 0: it is no operation of the model
        failed to verify the certificate: no model is called `stack`; known models: register, cas-register, kv-append, list-append, set, counter, queue, bag, mutex, ids, kv, bank, txn-append, txn-register, mixed
    "#]]
    .assert_eq(&said);
}

#[test]
fn what_is_no_certificate_is_refused() {
    let refusal = |keys: &str, version: u32| {
        let json = format!(
            r#"{{"squall":{version},"type":"certificate","model":"register","verdict":"violation","keys":[{keys}]}}"#
        );
        chain(&Certificate::read_json(json.as_bytes()).expect_err("no certificate"))
    };
    let said = refusal(r#"{"key":"a","verdict":"linearizable"}"#, 1)
        + &refusal(r#"{"key":"a","verdict":"violation","kind":"no-order"}"#, 1)
        + &refusal("", 2);
    expect![[r#"
        failed to read or write the JSON of a certificate: a key with verdict `linearizable` needs the field `order` at line 1 column 119
        failed to read or write the JSON of a certificate: a key with verdict `violation` needs the field `operations` at line 1 column 134
        failed to read the certificate: it declares format version 2, this is a reader of version 1; use the release that wrote it
    "#]].assert_eq(&said);
    let torn = Certificate::read_json(&b"{\"squall\":1,"[..]);
    assert!(matches!(torn, Err(CertificateError::Json { .. })));
}

#[test]
fn crashed_dequeues_may_take_every_copy_of_an_element() {
    // Two copies of 7 were enqueued and two dequeues crashed, so it can have been empty.
    let lines = [
        (0, "invoke", "enqueue", "7"),
        (0, "ok", "enqueue", "7"),
        (0, "invoke", "enqueue", "7"),
        (0, "ok", "enqueue", "7"),
        (1, "invoke", "dequeue", "null"),
        (1, "info", "dequeue", "null"),
        (2, "invoke", "dequeue", "null"),
        (2, "info", "dequeue", "null"),
        (3, "invoke", "dequeue", "null"),
        (3, "ok", "dequeue", "null"),
    ];
    let event = |(time, (process, kind, f, value)): (usize, (u64, &str, &str, &str))| {
        format!(
            r#"{{"index":{time},"process":{process},"type":"{kind}","f":"{f}","value":{value}}}"#
        ) + "\n"
    };
    let text: String = lines.into_iter().enumerate().map(event).collect();
    let history = read_jsonl(text.as_bytes()).expect("a good history");
    let analysis = check(&history, &CheckOptions::default()).expect("a queue");
    assert_eq!(analysis.verdict, Verdict::Linearizable);
    for operations in ["[0,1,4]", "[1,4]", "[0,1,2,3,4]"] {
        let forged = format!(
            r#"{{"squall":1,"type":"certificate","model":"queue","verdict":"violation","keys":[{{"key":null,"verdict":"violation","kind":"empty-not-empty","operations":{operations}}}]}}"#
        );
        let forged = Certificate::read_json(forged.as_bytes()).expect("a certificate");
        assert!(verify(&history, &forged).is_err(), "{operations}");
    }
}
