//! Reading and writing histories: what is accepted, what is refused and in which words.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, Write};

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};
use squall_checker::history::{
    Event, EventType, EventWriter, FORMAT_VERSION, Header, HeaderTag, History, HistoryBuilder,
    Moment, Outcome, Process, Pushed, Revision, read_jsonl,
};
use squall_checker::verdict::OperationId;

const HEADER: &str = r#"{"squall":1,"type":"header","system":"node","workload":"register","model":"register","nodes":["n1","n2"],"seed":7,"plan":{}}"#;
const INVOKE: &str = r#"{"index":0,"time":10,"process":3,"node":"n2","type":"invoke","f":"write","key":"17","value":31}"#;
const OK: &str = r#"{"index":1,"time":25,"process":3,"node":"n2","type":"ok","f":"write","key":"17","value":31,"revision":5}"#;
const NEMESIS: &str = r#"{"index":2,"time":30,"process":"nemesis","type":"info","f":"kill","value":["n1"],"evidence":{"pid":9}}"#;

fn read(lines: &[&str]) -> Result<History, String> {
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    read_jsonl(text.as_bytes()).map_err(|error| chain(&error))
}

/// An error with its sources, as a program prints it.
fn chain(error: &dyn Error) -> String {
    let sources = std::iter::successors(Some(error), |error| (*error).source());
    let said: Vec<String> = sources.map(ToString::to_string).collect();
    format!("failed to {}", said.join(": "))
}

/// What is said about each of these histories, a line each.
fn refusals(histories: &[&[&str]]) -> String {
    let said = histories.iter().map(|lines| read(lines).expect_err("this must be refused"));
    said.map(|what| what + "\n").collect()
}

#[test]
fn a_history_is_paired() {
    let history = read(&[HEADER, INVOKE, "", OK, NEMESIS]).expect("a good history");
    assert_eq!(history.header.as_ref().map(|header| header.seed), Some(7));
    assert_eq!(history.nemesis.len(), 1);
    assert_eq!(history.nemesis[0].evidence, json!({"pid": 9}));
    assert!(!history.torn);
    assert_eq!(history.operations.len(), 1);
    let operation = history.get(OperationId(0));
    assert_eq!((operation.process, operation.outcome), (3, Outcome::Ok));
    assert_eq!((operation.invoked.position(), operation.invoked.time_ns()), (1, 10));
    assert_eq!(operation.completed.map(|end| (end.position(), end.time_ns())), Some((2, 25)));
    assert_eq!(
        (operation.argument.small(), operation.revision),
        (Some(31), Some(Revision::new(5)))
    );
    assert_eq!((operation.node(), operation.key()), (Some("n2"), Some("17")));
}

#[test]
fn the_header_may_be_absent_and_an_open_operation_is_indeterminate() {
    let history = read(&[INVOKE]).expect("a good history");
    assert_eq!(history.header, None);
    assert_eq!(history.operations[0].outcome, Outcome::Info);
    assert_eq!(history.operations[0].completed, None);
    assert_eq!(read(&[]), Ok(History::default()));
}

#[test]
fn a_line_that_breaks_off_is_dropped_wherever_it_breaks() {
    for length in 1..OK.len() {
        let text = format!("{HEADER}\n{INVOKE}\n{}", &OK[..length]);
        let history = read_jsonl(text.as_bytes()).expect("all whole lines are good");
        assert!(history.torn, "{length} bytes");
        assert_eq!(history.operations[0].outcome, Outcome::Info);
    }
    let whole = read_jsonl(format!("{INVOKE}\n{OK}").as_bytes()).expect("only a line end lacks");
    assert!(!whole.torn);
    assert_eq!(whole.operations[0].outcome, Outcome::Ok);
}

#[test]
fn a_header_that_breaks_off_is_dropped_wherever_it_breaks() {
    for length in 1..HEADER.len() {
        let history = read_jsonl(&HEADER.as_bytes()[..length]).expect("nothing is wrong before");
        assert_eq!(history, History { torn: true, ..History::default() }, "{length} bytes");
    }
    let whole = read_jsonl(HEADER.as_bytes()).expect("only a line end lacks");
    assert!(whole.header.is_some() && !whole.torn);
    let ended = format!("{}\n", &HEADER[..HEADER.len() - 1]);
    assert!(read_jsonl(ended.as_bytes()).is_err(), "a line that ends is not torn");
}

#[test]
fn indices_that_no_event_has_are_counted() {
    let missing = |lines: &[&str]| read(lines).expect("a good history").missing;
    let later = |line: &str| line.replace("\"index\":", "\"index\":4");
    assert_eq!(missing(&[HEADER, INVOKE, OK, NEMESIS]), 0);
    assert_eq!(missing(&[HEADER, INVOKE, NEMESIS]), 1, "a gap in the middle");
    assert_eq!(missing(&[HEADER, NEMESIS]), 2, "the first lines after the header");
    assert_eq!(missing(&[HEADER, NEMESIS, &later(INVOKE), &later(OK)]), 39);
    assert_eq!(missing(&[NEMESIS, &later(INVOKE), &later(OK)]), 37, "an excerpt begins anywhere");
    assert_eq!(missing(&[HEADER]), 0);
    let unindexed = INVOKE.replace("\"index\":0,", "");
    assert_eq!(missing(&[HEADER, &unindexed]), 0);
    let last = INVOKE.replace("\"index\":0", &format!("\"index\":{}", u64::MAX));
    assert_eq!(missing(&[HEADER, &last]), u64::MAX);
}

#[test]
fn without_indices_stamps_order_and_equal_ones_are_concurrent() {
    let history = read(&[
        r#"{"time":5,"process":0,"type":"invoke","f":"write","value":1}"#,
        r#"{"time":9,"process":0,"type":"ok","f":"write","value":1}"#,
        r#"{"time":9,"process":1,"type":"invoke","f":"read"}"#,
        r#"{"time":12,"process":1,"type":"ok","f":"read","value":1}"#,
    ])
    .expect("a good history");
    let end = history.operations[0].completed.expect("it ended").position();
    assert!(end >= history.operations[1].invoked.position(), "a tie is no precedence");
}

#[test]
fn without_indices_positions_are_ranks_of_stamps_in_whatever_order() {
    let line = |time: u64, process: u32, kind: &str| {
        format!(r#"{{"time":{time},"process":{process},"type":"{kind}","f":"read"}}"#)
    };
    let positions = |lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let history = read(&lines).expect("a good history");
        let end = |moment: Option<Moment>| moment.map(Moment::position);
        let spans = history.operations.iter();
        spans.map(|one| (one.invoked.position(), end(one.completed))).collect::<Vec<_>>()
    };
    let rising = [line(5, 0, "invoke"), line(5, 1, "invoke"), line(9, 0, "ok"), line(9, 1, "ok")];
    assert_eq!(positions(&rising), [(1, Some(2)), (1, Some(2))]);
    let falling = [
        line(9, 0, "invoke"),
        line(u64::MAX, 0, "ok"),
        line(5, 1, "invoke"),
        line(9, 1, "ok"),
        line(9, 1, "invoke"),
    ];
    assert_eq!(positions(&falling), [(2, Some(3)), (1, Some(2)), (2, None)]);
}

#[test]
fn a_history_can_be_followed_while_it_grows() {
    let mut builder = HistoryBuilder::new(Some(header()));
    let steps = [
        (0, Process::Client(7), EventType::Invoke, Pushed::Invoked(OperationId(0))),
        (1, Process::NEMESIS, EventType::Info, Pushed::Nemesis),
        (2, Process::Client(8), EventType::Invoke, Pushed::Invoked(OperationId(1))),
        (3, Process::Client(7), EventType::Info, Pushed::Completed(OperationId(0))),
        (4, Process::Client(8), EventType::Ok, Pushed::Completed(OperationId(1))),
    ];
    for (index, process, kind, pushed) in steps {
        let event = Event { process, ..event(index, kind, json!(index)) };
        assert_eq!(builder.push(index as usize, event).expect("a good event"), pushed);
    }
    let ends: Vec<Outcome> = builder.history().operations.iter().map(|one| one.outcome).collect();
    assert_eq!(ends, [Outcome::Info, Outcome::Ok]);
    assert_eq!(builder.history().operations[1].invoked.position(), 3);
    let again = event(5, EventType::Invoke, Value::Null);
    assert!(builder.push(5, Event { process: Process::Client(7), ..again }).is_err(), "retired");
}

#[test]
fn what_does_not_hold_together_is_refused() {
    let stamped = |line: &str| line.replace("\"index\":0,", "").replace("\"index\":1,", "");
    let said = refusals(&[
        &[OK],
        &[INVOKE, &INVOKE.replace("\"index\":0", "\"index\":4")],
        &[INVOKE, &OK.replace("\"index\":1", "\"index\":0")],
        &[INVOKE, &OK.replace("\"index\":1,", "")],
        &[&INVOKE.replace("\"index\":0,", ""), OK],
        &[&INVOKE.replace("\"index\":0,\"time\":10,", "")],
        &[INVOKE, &OK.replace("\"key\":\"17\"", "\"key\":\"18\"")],
        &[INVOKE, &OK.replace("\"write\"", "\"read\"")],
        &[INVOKE, &OK.replace("\"ok\"", "\"info\""), &INVOKE.replace(":0,", ":7,")],
        &[&stamped(INVOKE), &stamped(OK).replace("25", "9")],
    ]);
    expect![[r#"
        failed to pair line 1: it completes an operation of process 3, which has none in flight; record the invocation before the completion
        failed to pair line 2: it invokes an operation of process 3, whose operation of line 1 is still in flight; use one process per operation in flight
        failed to order line 2: it has index 0, not above the 0 before it; restore the order in which the events were recorded
        failed to order line 2: it has no index though earlier events have one; give every event an index, or none and a `time` each
        failed to order line 2: it has an index though earlier events have none; give every event an index, or none and a `time` each
        failed to order line 1: it has neither `index` nor `time`; record at least one of them
        failed to pair line 2: process 3 completes key `18`, but invoked key `17` at line 1; a completion repeats its invocation's key
        failed to pair line 2: process 3 completes f read, but invoked f write at line 1; a completion repeats its invocation's f
        failed to pair line 3: it uses process 3, which retired at line 2 because its operation was indeterminate; go on with a new process
        failed to order line 2: process 3 has an event at 9 ns, before its previous one at 10 ns; take all stamps from one monotonic clock
    "#]].assert_eq(&said);
}

#[test]
fn what_is_no_event_is_refused() {
    let said = refusals(&[
        &[INVOKE, "garbage", OK],
        &[INVOKE, "[]"],
        &[INVOKE, "{}"],
        &[&INVOKE.replace(":3,", ":\"monkey\",")],
        &[&INVOKE.replace(":3,", ":-1,")],
        &[&INVOKE.replace("invoke", "begin")],
        &[INVOKE, HEADER],
        &[&HEADER.replace(":1,", ":2,")],
        &[&HEADER.replace("\"seed\":7,", "")],
    ]);
    expect![[r#"
        failed to find an event (an object with `process`, `type` and `f`) on line 2; repair or remove the line: expected value at column 1
        failed to find an event (an object with `process`, `type` and `f`) on line 2; repair or remove the line: invalid length 2, expected an object with the fields of an event at column 2
        failed to find an event (an object with `process`, `type` and `f`) on line 2; repair or remove the line: missing field `process` at column 2
        failed to find an event (an object with `process`, `type` and `f`) on line 1; repair or remove the line: invalid value: string "monkey", expected a process: a number from 0 on, or "nemesis" at column 39
        failed to find an event (an object with `process`, `type` and `f`) on line 1; repair or remove the line: invalid type: integer `-1`, expected a process: a number from 0 on, or "nemesis" at column 33
        failed to find an event (an object with `process`, `type` and `f`) on line 1; repair or remove the line: unknown variant `begin`, expected one of `invoke`, `ok`, `fail`, `info` at column 59
        failed to accept line 2: it is a second header; check each history by itself
        failed to accept line 1: it declares format version 2, this is a reader of version 1; use the release that recorded the history
        failed to find a header on line 1; repair or remove the line: missing field `seed` at column 115
    "#]].assert_eq(&said);
    // Not a history at all, though it has no line end either.
    assert!(read_jsonl(&b"\x7fELF\x02\x01"[..]).is_err());
}

#[test]
fn huge_values_survive() {
    let value = json!({"text": "x".repeat(3_000_000), "deep": [[[[u64::MAX]]]], "float": 1.5e300});
    let line = INVOKE.replace(":31}", &format!(":{value}}}"));
    let history = read(&[&line]).expect("a good history");
    assert_eq!(history.values.to_json(history.operations[0].argument), value);
    let nested =
        INVOKE.replace(":31}", &format!(":{}{}}}", "[".repeat(10_000), "]".repeat(10_000)));
    assert!(read(&[&nested]).is_err(), "refused, not a stack overflow");
}

fn header() -> Header {
    Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "node".to_owned(),
        workload: "register".to_owned(),
        model: "register".to_owned(),
        nodes: vec!["n1".to_owned()],
        seed: u64::MAX,
        plan: json!({"nemesis": ["kill"]}),
        started_unix_ns: None,
        utc_offset_s: None,
    }
}

fn event(index: u64, kind: EventType, value: Value) -> Event {
    Event {
        index: Some(index),
        time: index * 100,
        process: Process::Client(index / 2),
        node: Some(Cow::Borrowed("n\"1\"\u{e9}")),
        kind,
        f: Cow::Borrowed("write"),
        key: Some(Cow::Borrowed("17")),
        value,
        error: None,
        revision: None,
        evidence: Value::Null,
    }
}

#[test]
fn what_is_written_is_read() {
    let mut written = Vec::new();
    let mut events = Vec::new();
    for index in 0..2000 {
        let kind = if index % 2 == 0 { EventType::Invoke } else { EventType::Ok };
        events.push(event(index, kind, json!({"text": "line\nbreak", "number": index / 2})));
    }
    let mut writer = EventWriter::new(&mut written, &header()).expect("memory takes all");
    for event in &events {
        writer.append(event).expect("memory takes all");
    }
    writer.flush().expect("memory takes all");
    drop(writer);
    assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 2001);
    let history = read_jsonl(written.as_slice()).expect("what was written");
    let in_memory = History::from_events(Some(header()), events).expect("a good history");
    assert_eq!(history, in_memory);
}

/// A disk that takes only so many bytes until it gets more room.
struct SmallDisk {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for &mut SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room - self.bytes.len());
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_tears_no_line_but_the_last() {
    let mut disk = SmallDisk { bytes: Vec::new(), room: 300 };
    let mut writer = EventWriter::new(&mut disk, &header()).expect("the header fits");
    for index in 0..4 {
        writer.append(&event(index * 2, EventType::Invoke, json!(index))).expect("it only gathers");
    }
    assert_eq!(writer.flush().expect_err("it does not fit").kind(), io::ErrorKind::StorageFull);
    drop(writer);
    let history = read_jsonl(disk.bytes.as_slice()).expect("whole lines");
    assert!(history.torn);
    assert_eq!(history.operations.len(), 1);
}

#[test]
fn a_disk_that_gets_room_again_continues_the_line() {
    let mut disk = SmallDisk { bytes: Vec::new(), room: 300 };
    // The writer borrows the disk, so room is made by a disk that grows at each refusal.
    struct Growing<'a>(&'a mut SmallDisk);
    impl Write for Growing<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = &mut *self.0;
            disk.write(bytes).inspect_err(|_| self.0.room += 50)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = EventWriter::new(Growing(&mut disk), &header()).expect("the header fits");
    for index in 0..4 {
        writer.append(&event(index * 2, EventType::Invoke, json!(index))).expect("it only gathers");
    }
    let mut refusals = 0;
    while writer.flush().is_err() {
        refusals += 1;
    }
    assert!(refusals > 1);
    drop(writer);
    let history = read_jsonl(disk.bytes.as_slice()).expect("whole lines");
    assert!(!history.torn);
    assert_eq!(history.operations.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_jsonl(bytes.as_slice());
    }

    #[test]
    fn any_damage_is_read_or_refused(
        place in 0_usize..600,
        byte in any::<u8>(),
        cut in 0_usize..900,
    ) {
        let mut bytes = format!("{HEADER}\n{INVOKE}\n{OK}\n{NEMESIS}\n").into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        bytes.truncate(cut);
        let _ = read_jsonl(bytes.as_slice());
    }
}
