//! Histories written in another format are the same histories.

use squall_checker::formats::{Format, Keys, ReadOptions, WriteError, Written, read, write};
use squall_checker::history::{History, Moment, read_jsonl};
use squall_checker::verdict::OperationId;

const HEADER: &str = r#"{"squall":1,"type":"header","system":"x","workload":"register","model":"cas-register","nodes":["n1"],"seed":1,"plan":{}}"#;

const EVENTS: &str = r#"
{"index":0,"time":5,"process":"nemesis","type":"info","f":"kill","value":["n1"]}
{"index":1,"time":7,"process":0,"node":"n1","type":"invoke","f":"write","key":"17","value":31}
{"index":2,"time":8,"process":"nemesis","type":"info","f":"heal","evidence":{"ok":true}}
{"index":3,"time":9,"process":1,"node":"n2","type":"invoke","f":"cas","key":"a b","value":[31,"x"]}
{"index":4,"time":11,"process":0,"node":"n1","type":"ok","f":"write","key":"17","value":31,"revision":4}
{"index":5,"time":12,"process":1,"node":"n2","type":"fail","f":"cas","key":"a b","error":"mismatch"}
{"index":6,"time":13,"process":2,"type":"invoke","f":"read","key":"17"}
{"index":7,"time":14,"process":0,"type":"invoke","f":"read","key":"17"}
{"index":8,"time":15,"process":2,"type":"info","f":"read","key":"17","error":"timeout"}
{"index":9,"time":16,"process":"nemesis","type":"info","f":"done"}
"#;

fn written(history: &History, format: Written) -> String {
    let mut text = Vec::new();
    write(history, format, &mut text).expect("memory takes all");
    String::from_utf8(text).expect("JSON and EDN are UTF-8")
}

#[test]
fn jsonl_is_read_back_as_it_was() {
    for text in [EVENTS.to_owned(), format!("{HEADER}{EVENTS}")] {
        let history = read_jsonl(text.as_bytes()).unwrap();
        let text = written(&history, Written::Jsonl);
        assert_eq!(read_jsonl(text.as_bytes()).unwrap(), history, "{text}");
    }
}

#[test]
fn edn_is_read_back_as_the_same_operations() {
    let history = read_jsonl(EVENTS.as_bytes()).unwrap();
    let text = written(&history, Written::JepsenEdn);
    let options = ReadOptions { format: Some(Format::JepsenEdn), keys: Keys::Tuples };
    let again = read(text.as_bytes(), options).unwrap();
    assert_eq!(written(&again, Written::Jsonl), written(&history, Written::Jsonl), "{text}");
}

/// What Knossos, Elle and `jepsen.history` demand of a history, line by line.
const FOR_JEPSEN: &str = r#"{:index 0, :time 5, :process :nemesis, :type :info, :f :kill, :value {"id" 0}, :squall/type :invoke}
{:index 1, :time 6, :process :nemesis, :type :info, :f :kill, :value {"id" 0}, :squall/type :ok}
{:index 2, :time 7, :process 0, :type :invoke, :f :cas, :value [17 [1 2]], :node "n1"}
{:index 3, :time 8, :process 1, :type :invoke, :f :cas, :value [17 [3 4]]}
{:index 4, :time 9, :process 0, :type :fail, :f :cas, :value [17 [1 2]], :node "n1", :error "mismatch", :squall/found 9}
{:index 5, :time 10, :process 1, :type :fail, :f :cas, :value [17 [3 4]], :squall/found nil}
{:index 6, :time 11, :process 2, :type :invoke, :f :txn, :value [18 [[:append "x" 1] [:r "x" nil]]]}
{:index 7, :time 12, :process 2, :type :ok, :f :txn, :value [18 [[:append "x" 1] [:r "x" [1]]]]}
{:index 8, :time 13, :process 3, :type :invoke, :f :read, :value ["a/b" nil]}
{:index 9, :time 14, :process 3, :type :fail, :f :read, :value ["a/b" nil], :error "refused"}
{:index 10, :time 15, :process :nemesis, :type :info, :f :restart, :value nil}
"#;

#[test]
fn edn_is_as_the_checkers_of_jepsen_demand() {
    let options = ReadOptions { format: Some(Format::JepsenEdn), keys: Keys::Tuples };
    let history = read(FOR_JEPSEN.as_bytes(), options).unwrap();
    let jsonl = written(&history, Written::Jsonl);
    for part in [
        r#""process":"nemesis","type":"invoke","f":"kill""#,
        r#""process":"nemesis","type":"ok","f":"kill""#,
        r#""type":"fail","f":"cas","key":"17","value":9,"error":"mismatch""#,
        r#""process":1,"type":"fail","f":"cas","key":"17","value":null}"#,
    ] {
        assert!(jsonl.contains(part), "{part} in\n{jsonl}");
    }
    let history = read_jsonl(jsonl.as_bytes()).unwrap();
    assert_eq!(written(&history, Written::JepsenEdn), FOR_JEPSEN);
}

/// Which operations precede which.
fn precedence(history: &History) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for (a, first) in history.iter() {
        for (b, second) in history.iter() {
            let ended = first.completed.map(Moment::position);
            if ended.is_some_and(|end| end < second.invoked.position()) {
                pairs.push((a.0, b.0));
            }
        }
    }
    pairs
}

#[test]
fn equal_stamps_stay_concurrent() {
    let event = |time: u64, process: u64, kind: &str| {
        format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"{kind}\",\"f\":\"write\",\
             \"value\":{process}}}\n"
        )
    };
    let text: String = [
        event(5, 0, "invoke"),
        event(9, 0, "ok"),
        event(9, 1, "invoke"),
        event(9, 1, "ok"),
        event(9, 2, "invoke"),
        event(10, 3, "invoke"),
        event(12, 2, "ok"),
    ]
    .concat();
    let history = read_jsonl(text.as_bytes()).unwrap();
    assert_eq!(precedence(&history), [(0, 3), (1, 3)]);
    for format in [Written::Jsonl, Written::JepsenEdn] {
        let text = written(&history, format);
        let again = read(text.as_bytes(), ReadOptions::default()).unwrap();
        assert_eq!(precedence(&again), precedence(&history), "{text}");
    }
}

#[test]
fn what_cannot_be_numbered_is_refused() {
    let event = |time: u64, kind: &str| {
        format!("{{\"time\":{time},\"process\":4,\"type\":\"{kind}\",\"f\":\"read\"}}\n")
    };
    let text = [event(5, "invoke"), event(9, "ok"), event(9, "invoke"), event(12, "ok")].concat();
    let history = read_jsonl(text.as_bytes()).unwrap();
    match write(&history, Written::Jsonl, Vec::new()) {
        Err(WriteError::Tied { operation: OperationId(1), process: 4 }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn edn_has_keys_everywhere_or_nowhere() {
    let text = EVENTS.replace(r#""f":"read","key":"17""#, r#""f":"read""#);
    let history = read_jsonl(text.as_bytes()).unwrap();
    match write(&history, Written::JepsenEdn, Vec::new()) {
        Err(WriteError::KeysMixed { operation: OperationId(2), keyed: false }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(read_jsonl(written(&history, Written::Jsonl).as_bytes()).unwrap(), history);
}
