//! Histories of other tools: what they mean, as the JSONL that says the same, and what is
//! refused in which words.

use std::borrow::Cow;
use std::error::Error;

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};
use squall_checker::formats::{EdnWriter, Format, Keys, ReadOptions, detect, read};
use squall_checker::history::{Event, EventType, History, HistoryError, Process, read_jsonl};

fn said(error: &dyn Error) -> String {
    let sources = std::iter::successors(Some(error), |error| (*error).source());
    let parts: Vec<String> = sources.map(ToString::to_string).collect();
    format!("failed to {}\n", parts.join(": "))
}

fn edn(text: &str) -> Result<History, HistoryError> {
    let options = ReadOptions { format: Some(Format::JepsenEdn), keys: Keys::Detect };
    read(text.as_bytes(), options)
}

fn keyed(text: &str, keys: Keys) -> Result<History, HistoryError> {
    read(text.as_bytes(), ReadOptions { format: None, keys })
}

/// `text` must be read, and say what these lines of JSON say.
#[track_caller]
fn means(text: &str, jsonl: &str) {
    let history = read(text.as_bytes(), ReadOptions::default()).expect(text);
    assert_eq!(history, read_jsonl(jsonl.as_bytes()).expect(jsonl), "{text}");
}

/// What is said about each of these, a line each.
fn refusals(texts: &[&str]) -> String {
    texts.iter().map(|text| said(&edn(text).expect_err(text))).collect()
}

#[test]
fn maps_stand_one_a_line_or_in_a_vector_or_over_several_lines() {
    let jsonl = r#"
        {"index":0,"time":5,"process":0,"type":"invoke","f":"write","value":3}
        {"index":1,"time":0,"process":"nemesis","type":"info","f":"start","value":{":n1":["n2"]}}
        {"index":2,"time":9,"process":0,"type":"info","f":"write","value":3,"error":"timeout"}
    "#;
    means(
        "{:index 0, :time 5, :process 0, :type :invoke, :f :write, :value 3}\n\
         {:type :info, :f :start, :value {:n1 #{\"n2\"}}, :process :nemesis, :index 1}\n\
         {:process 0, :type :info, :f :write, :value 3, :error :timeout, :index 2, :time 9}\n",
        jsonl,
    );
    means(
        " ; a comment with ] and \"\n\
         [{:index 0, :time 5, :process 0,\n  :type :invoke, :f :write, :value 3} #_{:no\n one}\n\
         #jepsen.history.Op{:type :info, :f :start, :value {:n1 #{\"n2\"}}\n\
         :process :nemesis, :index 1, :links [\\] \"[\"]}\n\
         {:process 0, :type :info, :f \"write\", :value 3, :error [\"timeout\"] :index 2, :time 9}]",
        &jsonl.replace("\"timeout\"", r#""[\"timeout\"]""#),
    );
}

#[test]
fn without_indices_the_order_of_the_file_counts() {
    means(
        "{:process 0, :type :invoke, :f :read, :value nil, :time 9}\n\
         {:process 0, :type :ok, :f :read, :value 1, :time 4, :index -1}",
        r#"{"index":0,"time":9,"process":0,"type":"invoke","f":"read"}
           {"index":1,"time":4,"process":0,"type":"ok","f":"read","value":1}"#,
    );
}

#[test]
fn values_of_every_kind_have_their_place_in_json() {
    let value = |edn: &str, json: Value| {
        let jsonl = format!(
            r#"{{"index":0,"time":0,"process":0,"type":"invoke","f":"write","value":{json}}}"#
        );
        let text = format!("{{:process 0, :type :invoke, :f :write, :value {edn}}}");
        let options = ReadOptions { format: None, keys: Keys::Plain };
        let history = read(text.as_bytes(), options).expect(&text);
        assert_eq!(history, read_jsonl(jsonl.as_bytes()).expect(&jsonl), "{edn}");
    };
    value("nil", json!(null));
    value("true", json!(true));
    value("-7", json!(-7));
    value("18446744073709551615", json!(u64::MAX));
    value("1.5", json!(1.5));
    value(r#""a\n\"\u00e9\ud83d\ude00é""#, json!("a\n\"\u{e9}\u{1f600}\u{e9}"));
    value(":a/b", json!(":a/b"));
    value("\\a", json!("\\a"));
    value("\\u0061", json!("\\a"));
    value("\\space", json!("\\ "));
    value("\\\"", json!("\\\""));
    value("[1 (2 nil) []]", json!([1, [2, null], []]));
    value("#{3 1 2}", json!([1, 2, 3]));
    value("#{\"b\" 1 \"a\"}", json!(["a", "b", 1]));
    value("{1 2, \"x\" {:y nil}}", json!({"1": 2, "x": {":y": null}}));
    value("#inst \"2020\"", json!({"#inst": "2020"}));
    value("#a.B{:c 1}", json!({"#a.B": {":c": 1}}));
}

#[test]
fn values_that_could_be_taken_for_one_another_are_refused() {
    let of = |first: &str, second: &str| {
        format!(
            "{{:process 0, :type :invoke, :f :write, :value {first}}}\n\
             {{:process 1, :type :invoke, :f :write, :value {second}}}"
        )
    };
    let pairs = [
        of(":a", "\":a\""),
        of("\\a", "\"\\\\a\""),
        of("#{1}", "(1)"),
        of("{1 2}", "{\"1\" 2}"),
        of("#a 1", "{\"#a\" 1}"),
    ];
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    expect![[r#"
        failed to find values of one kind, which can be told apart on line 2: there is both keywords and strings that begin with `:`; repair or remove it
        failed to find values of one kind, which can be told apart on line 2: there is both characters and strings that begin with `\`; repair or remove it
        failed to find values of one kind, which can be told apart on line 2: there is both sets and vectors; repair or remove it
        failed to find values of one kind, which can be told apart on line 2: there is both integers and strings of digits as keys; repair or remove it
        failed to find values of one kind, which can be told apart on line 2: there is both tagged values and maps with one key that begins with `#`; repair or remove it
    "#]]
    .assert_eq(&refusals(&pairs));
    for (first, second) in [(":a", "\"a\""), ("#{1}", "1"), ("1", "\"1\""), ("[1]", "(1)")] {
        edn(&of(first, second)).expect("these stay apart, or are equal");
    }
}

#[test]
fn functions_of_micro_operations_lose_their_colon_and_nothing_else_does() {
    means(
        "{:process 0, :type :invoke, :f :txn, :value [[:r 1 nil] [:append \"x\" 2]]}\n\
         {:process 0, :type :ok, :f :txn, :value [[:r 1 [3 4]] [:append \"x\" 2]]}",
        r#"{"index":0,"time":0,"process":0,"type":"invoke","f":"txn","value":[["r",1,null],["append","x",2]]}
           {"index":1,"time":0,"process":0,"type":"ok","f":"txn","value":[["r",1,[3,4]],["append","x",2]]}"#,
    );
}

const TUPLES: &str = "\
    {:process 0, :type :invoke, :f :write, :value [7 [1 2]]}\n\
    {:process 1, :type :invoke, :f :cas, :value [7 [[1 2] [3 4]]]}\n\
    {:process 2, :type :invoke, :f :read, :value [\"y\" nil]}\n\
    {:process 1, :type :fail, :f :cas, :value :timed-out}\n\
    {:process 0, :type :ok, :f :write, :value [7 [1 2]]}\n\
    {:process 2, :type :ok, :f :read, :value [\"y\" 5]}\n";

#[test]
fn tuples_are_found_by_the_first_invocation_that_leaves_no_doubt() {
    means(
        TUPLES,
        r#"{"index":0,"time":0,"process":0,"type":"invoke","f":"write","key":"7","value":[1,2]}
           {"index":1,"time":0,"process":1,"type":"invoke","f":"cas","key":"7","value":[[1,2],[3,4]]}
           {"index":2,"time":0,"process":2,"type":"invoke","f":"read","key":"y"}
           {"index":3,"time":0,"process":1,"type":"fail","f":"cas","key":"7"}
           {"index":4,"time":0,"process":0,"type":"ok","f":"write","key":"7","value":[1,2]}
           {"index":5,"time":0,"process":2,"type":"ok","f":"read","key":"y","value":5}"#,
    );
    means(
        "{:process 0, :type :invoke, :f :write, :value [7 8]}\n\
         {:process 1, :type :invoke, :f :read, :value nil}\n\
         {:process 1, :type :ok, :f :read, :value [7 8]}",
        r#"{"index":0,"time":0,"process":0,"type":"invoke","f":"write","value":[7,8]}
           {"index":1,"time":0,"process":1,"type":"invoke","f":"read"}
           {"index":2,"time":0,"process":1,"type":"ok","f":"read","value":[7,8]}"#,
    );
}

#[test]
fn tuples_in_doubt_are_refused_until_they_are_stated() {
    let doubtful = "{:process 0, :type :invoke, :f :write, :value [7 8]}\n\
                    {:process 1, :type :invoke, :f :cas, :value [1 [2 3]]}\n";
    let read_keyed = format!("{doubtful}{{:process 2, :type :invoke, :f :read, :value [1 nil]}}\n");
    let read_plain = format!("{doubtful}{{:process 2, :type :invoke, :f :read, :value nil}}\n");
    let both = format!("{read_keyed}{{:process 3, :type :invoke, :f :read, :value nil}}\n");
    let other = format!("{read_plain}{{:process 3, :type :invoke, :f :read, :value [1 nil]}}\n");
    expect![[r#"
        failed to tell whether the value of line 1 is a tuple of key and value, as `jepsen.independent` makes them, or a vector of two; state which, the events before and after leave it open or disagree
        failed to tell whether the value of line 4 is a tuple of key and value, as `jepsen.independent` makes them, or a vector of two; state which, the events before and after leave it open or disagree
        failed to tell whether the value of line 4 is a tuple of key and value, as `jepsen.independent` makes them, or a vector of two; state which, the events before and after leave it open or disagree
    "#]]
    .assert_eq(&refusals(&[doubtful, &both, &other]));
    let tuples = keyed(doubtful, Keys::Tuples).expect("stated");
    let plain = keyed(doubtful, Keys::Plain).expect("stated");
    assert_ne!(tuples, plain);
    assert_eq!(tuples.operations.len(), 2);
    assert!(keyed(&both, Keys::Tuples).is_err(), "a read without a key");
    assert!(keyed(&both, Keys::Plain).is_ok());
}

#[test]
fn keys_that_could_be_taken_for_one_another_are_refused() {
    let text = "{:process 0, :type :invoke, :f :read, :value [7 nil]}\n\
                {:process 1, :type :invoke, :f :read, :value [\"7\" nil]}\n\
                {:process 2, :type :invoke, :f :read, :value [[7] nil]}\n";
    expect![[r#"
        failed to find values of one kind, which can be told apart on line 2: there is both integers and strings of digits as keys; repair or remove it
    "#]]
    .assert_eq(&refusals(&[text]));
}

#[test]
fn what_is_no_event_is_refused_by_line() {
    let good = "{:process 0, :type :invoke, :f :read, :value nil}\n";
    let after = |bad: &str| format!("\n{good}{bad}\n");
    let texts = [
        after("{:process 0,\n :type :ok, :f :read, :value 1/3}"),
        after("{:process 0, :type :done, :f :read}"),
        after("{:process -1, :type :ok, :f :read}"),
        after("{:process 0, :type :ok}"),
        after("{:process 0, :type :ok, :f :read, :value foo}"),
        after("{:process 0, :type :ok, :f :read, :value 1 :value 2}"),
        after("{:process 0, :type :ok, :f :read, :value}"),
        after("{:process 0, :type :ok, :f :read, :value [1 2)}"),
        after("{:process 0, :type :ok, :f :read, :time 1.5}"),
        after("{:process 0, :type :ok, :f :read, :value 123456789012345678901}"),
        after("42"),
        after("}"),
        after("#a"),
        after("{:process 0, :type :ok, :f :read, :value \"\\x\"}"),
        after("{:process 0, :type :ok, :f :read, :value #{1 1}}"),
        after("{:process 0, :type :ok, :f :write, :value 1}"),
        after(&format!("{{:value {}1{}}}", "[".repeat(200), "]".repeat(200))),
        after(&"#a ".repeat(200)),
        after("(1 2"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    expect![[r#"
        failed to find an integer or a decimal that 64 bits tell apart from all others; record other numbers as strings on line 3: there is `1/3`; repair or remove it
        failed to find a type: `:invoke`, `:ok`, `:fail` or `:info` on line 3: there is `:done`; repair or remove it
        failed to find a process: an integer from 0 on, or `:nemesis` on line 3: there is `-1`; repair or remove it
        failed to find an event: a map with `:process`, `:type` and `:f` on line 3: there is a map without `:f`; repair or remove it
        failed to find a value: nil, a number, string or keyword on line 3: there is `foo`; repair or remove it
        failed to find a map without repeated keys on line 3: there is `:value`; repair or remove it
        failed to find a value on line 3: there is `}`; repair or remove it
        failed to find `]` or a value on line 3: there is `)}`; repair or remove it
        failed to find a `:time`: nanoseconds, an integer from 0 on, of 64 bits on line 3: there is `1.5`; repair or remove it
        failed to find an integer of 64 bits; record larger ones as strings on line 3: there is `123456789012345678901`; repair or remove it
        failed to find an event: a map with `:process`, `:type` and `:f` on line 3: there is `42`; repair or remove it
        failed to find a value on line 3: there is `}`; repair or remove it
        failed to find a value after its tag, on the same line on line 3: there is `#a`; repair or remove it
        failed to find an escape: one of \t \b \n \r \f \" \\ \uXXXX on line 3: there is `x"}`; repair or remove it
        failed to find a set without repeated elements on line 3: there is `#{1 1}`; repair or remove it
        failed to pair line 3: process 0 completes f write, but invoked f read at line 2; a completion repeats its invocation's f
        failed to find collections and tags nested at most 128 deep on line 3: there is a form that is nested deeper than that; repair or remove it
        failed to find collections and tags nested at most 128 deep on line 3: there is a form that is nested deeper than that; repair or remove it
        failed to find `)` or a value on line 3: there is the end of the text; repair or remove it
    "#]]
    .assert_eq(&refusals(&texts));
}

#[test]
fn a_form_that_breaks_off_is_dropped_wherever_it_breaks() {
    let whole = "{:process 0, :type :invoke, :f :write, :value \"x]\"}\n";
    let last = "{:process 0, :type :ok, :f :write, :value \"x]\"}";
    for (before, length) in [("", last.len()), ("[", last.len() + 1)] {
        for end in 1..length {
            let text = format!("{before}{whole}{}", &last[..end.min(last.len())]);
            let history = edn(&text).expect(&text);
            assert!(history.torn, "{text}");
            assert_eq!(history.operations.len(), 1);
        }
    }
    assert!(!edn(&format!("{whole}{last}")).expect("whole").torn);
    assert!(!edn(&format!("[{whole}{last}]")).expect("whole").torn);
    let cut = "0\t:invoke\t:read\tnil\n0\t:o";
    let options = ReadOptions { format: Some(Format::JepsenLog), keys: Keys::Detect };
    assert!(read(cut.as_bytes(), options).expect("torn").torn);
    assert!(read(format!("{cut}\n").as_bytes(), options).is_err(), "a whole line is not torn");
}

#[test]
fn logs_of_old_and_new_layout_and_printed_histories_are_read() {
    let jsonl = r#"{"index":0,"time":0,"process":4,"type":"invoke","f":"read"}
        {"index":1,"time":0,"process":4,"type":"fail","f":"read","error":"timed-out"}
        {"index":2,"time":0,"process":4,"type":"invoke","f":"cas","value":[1,2]}
        {"index":3,"time":0,"process":"nemesis","type":"info","f":"start","value":"cut"}
        {"index":4,"time":0,"process":4,"type":"info","f":"cas","value":[1,2],"error":"no answer"}
        {"index":5,"time":0,"process":1000004,"type":"invoke","f":"write","value":3}"#;
    let lines = [
        "4\t:invoke\t:read\tnil",
        "4\t:fail\t:read\t:timed-out",
        "4\t:invoke\t:cas\t[1 2]",
        ":nemesis\t:info\t:start\t\"cut\"",
        "4\t:info\t:cas\t[1 2]\tno answer",
        "4\t:invoke\t:write\t3",
    ];
    for (before, after) in [
        ("", "\n"),
        ("INFO  jepsen.util - ", "\n"),
        ("2020-08-05 14:15:59,123{GMT}\tINFO\t[jepsen worker 2] jepsen.util: ", "\r\n"),
    ] {
        let log: String = lines.iter().map(|line| format!("{before}{line}{after}")).collect();
        let log = format!("INFO  jepsen.core - Running test\n{log}INFO  jepsen.util - done\n");
        assert_eq!(detect(log.as_bytes()), Some(Format::JepsenLog), "{log}");
        means(&log, jsonl);
    }
    let bad = "INFO  jepsen.util - 4\t:begin\t:read\tnil\nINFO  jepsen.util - 4\t:ok\t:read\tnil";
    let options = ReadOptions { format: Some(Format::JepsenLog), keys: Keys::Detect };
    expect![[r#"
        failed to find a type: `:invoke`, `:ok`, `:fail` or `:info` on line 1: there is `:begin`; repair or remove it
    "#]]
    .assert_eq(&said(&read(bad.as_bytes(), options).expect_err("no type")));
}

#[test]
fn key_value_histories_of_porcupine_are_read() {
    means(
        "{:process 9, :type :invoke, :f :append, :key \"0\", :value \"x 9 0 y\"}\n\
         {:process 1, :type :invoke, :f :get, :key \"9\", :value nil}\n\
         {:process 1, :type :ok, :f :get, :key \"9\", :value \"\"}\n",
        r#"{"index":0,"time":0,"process":9,"type":"invoke","f":"append","key":"0","value":"x 9 0 y"}
           {"index":1,"time":0,"process":1,"type":"invoke","f":"get","key":"9"}
           {"index":2,"time":0,"process":1,"type":"ok","f":"get","key":"9","value":""}"#,
    );
    let options = ReadOptions { format: Some(Format::PorcupineKv), keys: Keys::Detect };
    let unkeyed = "{:process 1, :type :invoke, :f :get, :value nil}";
    assert!(read(unkeyed.as_bytes(), options).is_err());
    let stranger = "{:process 1, :type :invoke, :f :swap, :key \"9\", :value nil}";
    assert!(read(stranger.as_bytes(), options).is_err());
}

#[test]
fn formats_are_told_apart_by_how_they_begin() {
    for (text, format) in [
        ("", Some(Format::Jsonl)),
        (" \n", Some(Format::Jsonl)),
        ("{\"squall\":1", Some(Format::Jsonl)),
        ("{", Some(Format::Jsonl)),
        ("{:a 1}", Some(Format::JepsenEdn)),
        ("[{:type :ok}", Some(Format::JepsenEdn)),
        ("#jepsen.history.Op{:index 0}", Some(Format::JepsenEdn)),
        ("{:process 0, :f :get, :key \"x\"}", Some(Format::PorcupineKv)),
        ("0\t:invoke\t:read\tnil", Some(Format::JepsenLog)),
        ("INFO  jepsen.util - :nemesis\t:info\t:start\tnil", Some(Format::JepsenLog)),
        ("hello\tworld", None),
        ("\u{7f}ELF", None),
    ] {
        assert_eq!(detect(text.as_bytes()), format, "{text}");
    }
    for format in Format::ALL {
        assert_eq!(format.as_str().parse::<Format>().as_ref(), Ok(format));
    }
    assert!(matches!(
        read(&b"hello\tworld"[..], ReadOptions::default()),
        Err(HistoryError::UnknownFormat)
    ));
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_memory() {
    let endless = std::io::BufReader::new(std::io::repeat(b'['));
    assert!(edn_of(endless).is_err());
    let endless = std::io::BufReader::new(std::io::repeat(b'a'));
    assert!(matches!(edn_of(endless), Err(HistoryError::TooLong { line: 1, .. })));
}

fn edn_of(source: impl std::io::BufRead) -> Result<History, HistoryError> {
    read(source, ReadOptions { format: Some(Format::JepsenEdn), keys: Keys::Detect })
}

/// Values as a history may hold them.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(|number| Value::from(f64::from(number) / 8.0)),
        "[ -~é😀\\n\\t\\\\:\"]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z:#0-9]{0,3}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn jsonl_of(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).expect("plain data") + "\n").collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_as_edn_is_read_as_the_same_operations(
        operations in prop::collection::vec(
            (values(), values(), 0..4_usize, 0..4_usize, any::<u16>()), 1..12),
        is_keyed in any::<bool>(),
    ) {
        const FUNCTIONS: [&str; 4] = ["read", "write", "cas", "odd function"];
        const KINDS: [EventType; 4] =
            [EventType::Invoke, EventType::Ok, EventType::Fail, EventType::Info];
        let mut events = Vec::new();
        for (process, (argument, result, f, end, key)) in operations.into_iter().enumerate() {
            let f = FUNCTIONS[f];
            let key = is_keyed.then(|| Cow::Owned(key.to_string()));
            for (kind, value) in [(KINDS[0], argument), (KINDS[end], result)] {
                if kind == EventType::Invoke && events.len() % 2 == 1 {
                    continue;
                }
                let index = events.len() as u64 * 3;
                events.push(Event {
                    index: Some(index),
                    time: index * 7,
                    process: Process::Client(process as u64),
                    node: index.is_multiple_of(2).then_some(Cow::Borrowed("n\"1")),
                    kind,
                    f: Cow::Borrowed(f),
                    key: key.clone(),
                    value,
                    error: (kind == EventType::Info).then(|| "a: \"b\"".to_owned()),
                    revision: index.is_multiple_of(4).then_some(index),
                    evidence: Value::Null,
                });
            }
            if events.len() % 2 == 1 {
                events.pop();
            }
        }
        let mut written = Vec::new();
        let mut writer = EdnWriter::new(&mut written);
        for event in &events {
            writer.append(event).expect("memory takes all");
        }
        writer.finish().expect("memory takes all");
        let keys = if is_keyed { Keys::Tuples } else { Keys::Plain };
        let options = ReadOptions { format: Some(Format::JepsenEdn), keys };
        let read = read(written.as_slice(), options);
        let text = String::from_utf8_lossy(&written);
        let read = read.map_err(|error| TestCaseError::fail(format!("{}{text}", said(&error))))?;
        let direct = read_jsonl(jsonl_of(&events).as_bytes()).expect("a good history");
        prop_assert_eq!(read, direct, "{}", text);
    }
}

#[test]
fn an_event_without_an_index_is_not_written() {
    let event = Event {
        index: None,
        time: 5,
        process: Process::NEMESIS,
        node: None,
        kind: EventType::Info,
        f: "kill".into(),
        key: None,
        value: json!(["n1"]),
        error: None,
        revision: None,
        evidence: json!({"pid": 9}),
    };
    let mut written = Vec::new();
    let mut writer = EdnWriter::new(&mut written);
    let error = writer.append(&event).expect_err("ties would become an order");
    expect![[r#"
        failed to write event 1 as EDN: it has no index, and readers of EDN would take the order of the file for the order of events; number the events first
    "#]]
    .assert_eq(&said(&error));
    let event = Event { index: Some(4), ..event };
    writer.append(&event).expect("memory takes all");
    writer.finish().expect("memory takes all");
    let history = read(written.as_slice(), ReadOptions::default()).expect("a good history");
    assert_eq!(history.nemesis, [event]);
}
