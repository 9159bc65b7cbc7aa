//! Each rule of the verifier, broken once: what it says, and that it says it.

use expect_test::expect;
use squall_checker::certificate::{Certificate, CertificateError};
use squall_checker::history::{History, read_jsonl};
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

/// What is said about a certificate with these keys.
fn said(verdict: &str, keys: &str) -> String {
    let json = format!(
        r#"{{"squall":1,"type":"certificate","model":"register","verdict":"{verdict}","keys":[{keys}]}}"#
    );
    let certificate = Certificate::read_json(json.as_bytes()).expect("a certificate");
    match verify(&history(), &certificate) {
        Ok(verified) => format!("{verified:?}\n"),
        Err(error) => format!("{error}\n"),
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
        Verified { verdict: Violation, keys: 2, operations: 5 }
        key a: operation 9 does not exist
        key a: operation 1 belongs to another key
        key a: operation 0 is named twice
        key a: operation 4 failed, so it cannot take part
        key a: operation 6 is a read that returned nothing, so it cannot take part
        key a: operation 2 succeeded but is missing from the order
        key a: operation 0 ended before operation 3 began but comes after it in the order
        key a: operation 2 needs the value 1, but the order has null there
        key a: operation 2 needs the value 1, but the order has 2 there
    "#]]
    .assert_eq(&said);
}

#[test]
fn each_broken_rule_of_a_counterexample_is_named() {
    let sets = ["1,5", "5", "1", "", "1,1,5", "1,5,0", "1,5,77"];
    let said: String = sets.iter().map(|it| said("violation", &violation(it))).collect();
    expect![[r#"
        Verified { verdict: Violation, keys: 1, operations: 2 }
        key b: the operations of the counterexample have a legal order
        key b: the operations of the counterexample have a legal order
        key b: the operations of the counterexample have a legal order
        key b: operation 1 is named twice
        key b: operation 0 belongs to another key
        key b: operation 77 does not exist
    "#]]
    .assert_eq(&said);
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
        key b of the history has no proof, and linearizable needs every key
        the certificate's verdict is unknown, which proves nothing; check with a larger budget
        the certificate claims `linearizable` but its keys add up to `violation`
        the certificate claims `violation` but its keys add up to `linearizable`
        key b has two proofs
        key c does not occur in the history
        key b: the operations of the counterexample have a legal order
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
        key (none): operation 0 could have produced the value of operation 2 but is not in the counterexample
    "#]].assert_eq(&format!("{error}\n"));
}

#[test]
fn a_model_without_rules_and_a_foreign_function_are_refused() {
    let cas = r#"{"time":1,"process":0,"type":"invoke","f":"cas","value":[1,2]}"#;
    let history = read_jsonl(format!("{cas}\n").as_bytes()).expect("a good history");
    let analysis = check(&history, &CheckOptions::default()).expect("a register");
    let mut certificate = Certificate::of(&analysis);
    certificate.model = "register".to_owned();
    let mut said = verify(&history, &certificate).expect_err("cas").to_string() + "\n";
    certificate.model = "queue".to_owned();
    said += &(verify(&history, &certificate).expect_err("no rules").to_string() + "\n");
    expect![[r#"
        key (none): operation 0 is no operation of the model
        the verifier has no rules for model `queue`; it knows register and cas-register
    "#]]
    .assert_eq(&said);
}

#[test]
fn what_is_no_certificate_is_refused() {
    let refusal = |keys: &str, version: u32| {
        let json = format!(
            r#"{{"squall":{version},"type":"certificate","model":"register","verdict":"violation","keys":[{keys}]}}"#
        );
        Certificate::read_json(json.as_bytes()).expect_err("no certificate").to_string() + "\n"
    };
    let said = refusal(r#"{"key":"a","verdict":"linearizable"}"#, 1)
        + &refusal(r#"{"key":"a","verdict":"violation","kind":"no-order"}"#, 1)
        + &refusal("", 2);
    expect![[r#"
        failed to read or write a certificate: a key with verdict `linearizable` needs the field `order` at line 1 column 119
        failed to read or write a certificate: a key with verdict `violation` needs the field `operations` at line 1 column 134
        the certificate declares format version 2, this is a reader of version 1; use the release that wrote it
    "#]].assert_eq(&said);
    let torn = Certificate::read_json(&b"{\"squall\":1,"[..]);
    assert!(matches!(torn, Err(CertificateError::Json { .. })));
}
