use super::*;
use proptest::prelude::*;

/// Midnight is near, and local time is two hours ahead, on another day.
const BEGAN: &str = "2026-12-31T21:59:58Z";

fn clock(utc_offset_s: Option<i32>) -> Clock {
    let began: Timestamp = BEGAN.parse().expect("a timestamp");
    let unix_ns = u64::try_from(began.as_nanosecond()).expect("after 1970");
    Clock::new(Start { unix_ns, utc_offset_s })
}

/// When the line was written, in nanoseconds since the run began.
fn read(line: &str) -> Option<i128> {
    clock(Some(7_200)).read(line.as_bytes())
}

#[test]
fn times_that_name_their_zone_are_understood() {
    let lines = [
        "2026-12-31T22:00:01.233581Z  INFO node: has a leader term=1",
        "\x1b[2m2026-12-31T22:00:01.233581Z\x1b[0m \x1b[32m INFO\x1b[0m node: serves",
        "time=2026-12-31T22:00:01.233581Z level=INFO msg=serves",
        r#"time="2027-01-01T00:00:01.233581+02:00" level=info msg=serves"#,
        "2027-01-01T00:00:01.233581+0200 I NETWORK [conn1] end connection",
        "[2026/12/31 17:00:01.233581 -05:00] [INFO] [server.rs:1] serves",
        "2026-12-31 22:00:01.233581 UTC [12] LOG:  database system is ready",
        "2026-12-31 22:00:01.233581+00:00 [info] <0.9.0> serves",
        "2027-01-01 00:00:01.233581+02 [12] LOG:  ready",
        r#"127.0.0.1 - - [01/Jan/2027:00:00:01.233581 +0200] "GET / HTTP/1.1""#,
        "<34>1 2026-12-31T22:00:01.233581Z host node - ID1 - serves",
        "I261231 22:00:01.233581 12 server/node.go:45  serves",
        "20261231T220001.233581Z serves",
    ];
    for line in lines {
        assert_eq!(read(line), Some(3_233_581_000), "{line}");
        assert_eq!(clock(None).read(line.as_bytes()), Some(3_233_581_000), "{line}");
    }
}

#[test]
fn times_without_a_zone_are_those_of_the_machine() {
    let lines = [
        "1234:M 01 Jan 2027 00:00:01.233 * Ready to accept connections",
        "[1234] 2027/01/01 00:00:01.233000 [INF] Server is ready",
        "2027-01-01 00:00:01,233 [myid:1] - INFO  [main:QuorumPeerMain@1] - Starting",
        "2027-01-01 00:00:01,233 - root - INFO - serves",
        "2027-01-01 00:00:01.233 -1234 things",
        "2027-01-01 00:00:01.233000 I | raft: 1 became leader at term 2",
        "2027/01/01 00:00:01.233000 serves",
        "[2027-01-01 00:00:01,233] INFO [KafkaServer id=0] started",
        "2027-01-01T00:00:01.233 INFO serves",
        "INFO  [main] 2027-01-01 00:00:01,233 StorageService.java:1 - Starting",
        "I0101 00:00:01.233000    12 server.cc:7] serves",
        "I20270101 00:00:01.233000    12 server.cc:7] serves",
        "[Fri Jan  1 00:00:01.233 2027] serves",
        "Jan  1 00:00:01.233 host node[12]: serves",
        "<30>Jan 1 00:00:01.233 host node[12]: serves",
        "00:00:01.233 [main] INFO  node - serves",
    ];
    for line in lines {
        assert_eq!(read(line), Some(3_233_000_000), "{line}");
        assert_eq!(clock(None).read(line.as_bytes()), None, "{line}");
    }
    let seconds = ["Jan  1, 2027 12:00:01 AM node.Server start", "Fri Jan  1 00:00:01 2027 serves"];
    for line in seconds {
        assert_eq!(read(line), Some(3_000_000_000), "{line}");
    }
    let noon = "Jan 1, 2027 12:00:01 PM node.Server start";
    assert_eq!(read(noon), Some(3_000_000_000 + 43_200 * NS_PER_S));
}

#[test]
fn fields_of_json_are_understood() {
    let lines = [
        r#"{"level":"info","ts":"2026-12-31T22:00:01.233Z","caller":"x.go:1","msg":"serves"}"#,
        r#"{"level":"info","ts":"2027-01-01T00:00:01.233+0200","msg":"serves"}"#,
        r#"{"level":"info","ts":1798754401.233,"msg":"serves"}"#,
        r#"{"level":"info","ts":1798754401233,"msg":"serves"}"#,
        r#"{"level":"info","ts":1798754401233000,"msg":"serves"}"#,
        r#"{"level":"info","ts":1798754401233000000,"msg":"serves"}"#,
        r#"{"@timestamp":"2026-12-31T22:00:01.233Z","message":"serves"}"#,
        r#"{ "Timestamp" : "2026-12-31T22:00:01.233Z", "message" : "serves" }"#,
        r#"{"t":{"$date":"2026-12-31T22:00:01.233+00:00"},"s":"I","msg":"serves"}"#,
        r#"{"time":"took 5 s","timestamp":"1798754401.233"}"#,
        r#"{"msg":"not 2026-11-11T11:11:11Z","time":"2027-01-01 00:00:01,233"}"#,
    ];
    for line in lines {
        assert_eq!(read(line), Some(3_233_000_000), "{line}");
    }
    let power = read(r#"{"ts":1.798754401233e+09}"#).expect("a time");
    assert!((power - 3_233_000_000).abs() < 1_000, "{power}");
    let late = format!(r#"{{"msg":"{}","ts":1798754401.233}}"#, "x".repeat(4_000));
    assert_eq!(read(&late), Some(3_233_000_000));
    let too_late = format!(r#"{{"msg":"{}","ts":1798754401.233}}"#, "x".repeat(5_000));
    assert_eq!(read(&too_late), None);
}

#[test]
fn bare_numbers_are_times_only_near_the_run() {
    for line in ["1798754401.233 serves", "[1798754401.233] serves", "1798754401233 I serves"] {
        assert_eq!(read(line), Some(3_233_000_000), "{line}");
    }
    assert_eq!(read(r#"<Event Severity="10" Time="1798754401.233" />"#), Some(3_233_000_000));
    for line in ["1234567890 is a number", "17987544012 serves", "1798754401x", "id 9999999999"] {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn what_a_line_leaves_out_is_what_brings_it_nearest() {
    assert_eq!(read("Dec 31 23:59:57 host node: boots"), Some(-NS_PER_S));
    assert_eq!(read("Jan  1 00:00:00 host node: serves"), Some(2 * NS_PER_S));
    assert_eq!(read("23:59:59.5 boots"), Some(1_500_000_000));
    assert_eq!(read("00:00:00.5 serves"), Some(2_500_000_000));
}

#[test]
fn other_lines_have_no_time() {
    let lines = [
        "",
        "    at node.Server.run(Server.java:12)",
        "thread 'main' panicked at src/main.rs:2:5:",
        "listening on 127.0.0.1:2379",
        "version 2026-12-31",
        "built 2026-13-31 22:00:01",
        "2026-12-31 25:00:01 no such hour",
        "2026-12-31 22:00:011 no such second",
        "goroutine 12 [running]:",
        "a line that is so long that any time in it is one of what it tells of: 2026-12-31T22:00:01Z",
        "{\"msg\":\"serves\"}",
        "{",
        "Janus 1 00:00:01",
    ];
    for line in lines {
        assert_eq!(read(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn no_bytes_do_harm(line in prop::collection::vec(any::<u8>(), 0..200)) {
        clock(Some(-3_600)).read(&line);
    }

    #[test]
    fn no_text_like_a_time_does_harm(line in "[{\"ts:]{0,4}[0-9TZ:., JanDec+-]{0,40}\"?") {
        clock(Some(-3_600)).read(line.as_bytes());
    }

    #[test]
    fn a_time_comes_back_as_it_was_written(since_ms in 0_i64..400_000_000_000, offset_s in -50_000_i32..50_000) {
        let began: Timestamp = BEGAN.parse().unwrap();
        let at = began + Span::new().milliseconds(since_ms);
        let local = Offset::from_seconds(offset_s).unwrap().to_datetime(at);
        let line = format!("{} serves", local.strftime("%Y-%m-%d %H:%M:%S,%3f"));
        let read = clock(Some(offset_s)).read(line.as_bytes());
        prop_assert_eq!(read, Some(i128::from(since_ms) * 1_000_000), "{}", line);
    }
}
