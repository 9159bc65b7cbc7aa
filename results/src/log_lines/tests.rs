use std::io::BufReader;

use super::*;

/// 2026-11-29T03:44:54Z, in London.
const START: Start = Start { unix_ns: 1_795_923_894_000_000_000, utc_offset_s: Some(0) };
const SECOND_NS: u64 = 1_000_000_000;

/// What is kept of one log of a run of ten seconds, which is read in bits.
fn placed(log: &[u8]) -> Vec<LogLine> {
    let mut reading = Reading::new(Some(START), 10 * SECOND_NS, &[]);
    reading.log("n1", BufReader::with_capacity(7, log));
    reading.finish().1
}

fn times_s(lines: &[LogLine]) -> Vec<(u64, f64)> {
    lines.iter().map(|line| (line.line, line.time_ns as f64 / 1e9)).collect()
}

#[test]
fn a_line_stands_where_its_node_put_it() {
    let lines = placed(b"2026-11-29T03:44:54.233581Z  INFO node: serves\r\n");
    let expected = LogLine {
        node: "n1".to_owned(),
        time_ns: 233_581_000,
        line: 1,
        text: "2026-11-29T03:44:54.233581Z  INFO node: serves".to_owned(),
        trouble: None,
    };
    assert_eq!(lines, [expected]);
}

#[test]
fn lines_without_a_time_stay_with_the_one_before() {
    let log = b"no time yet\n\
        2026-11-29 03:44:56,5 ERROR failed\n\
        java.lang.IllegalStateException: no\n\
        \tat node.Server.run(Server.java:12)\n\
        2026-11-29 03:44:55,5 INFO of a slow thread\n";
    assert_eq!(times_s(&placed(log)), [(5, 1.5), (2, 2.5), (3, 2.5), (4, 2.5)]);
    assert_eq!(placed(b"nothing here\nhas a time\n"), []);
}

#[test]
fn lines_outside_the_run_have_no_place() {
    let log = b"2026-11-29 03:44:52 long before\n\
        and what goes with it\n\
        2026-11-29 03:44:53.5 cut to something coarse\n\
        2026-11-29 03:45:08 the end of a node\n\
        2026-11-29 03:45:10 much later\n\
        and what goes with it\n";
    assert_eq!(times_s(&placed(log)), [(3, 0.0), (4, 14.0)]);
}

#[test]
fn nothing_has_a_place_in_a_run_that_began_nobody_knows_when() {
    let mut reading = Reading::new(None, 10 * SECOND_NS, &[]);
    reading.log("n1", &b"2026-11-29T03:44:54Z panicked at a.rs:1:2\n"[..]);
    let (findings, lines) = reading.finish();
    assert_eq!(findings.map(|findings| findings.found), Some(1));
    assert_eq!(lines, []);
}

#[test]
fn trouble_is_kept_with_what_follows_and_cut_around_it() {
    let mut log = Vec::new();
    for number in 0..100_000_u32 {
        let (second, micros) = (number / 10_000, number % 10_000 * 100);
        let text = if number == 33_333 {
            format!("{}panicked at a.rs:1:2\nthe reason", "x".repeat(500))
        } else {
            "all is well".to_owned()
        };
        let second = 54 + second;
        let (minute, second) = (44 + second / 60, second % 60);
        log.extend_from_slice(
            format!("2026-11-29T03:{minute:02}:{second:02}.{micros:06}Z {text}\n").as_bytes(),
        );
    }
    let lines = placed(&log);
    assert_eq!(lines.len(), LINES_MAX);
    let trouble: Vec<&LogLine> = lines.iter().filter(|line| line.trouble.is_some()).collect();
    assert_eq!(trouble.len(), 1);
    assert_eq!(trouble[0].line, 33_334);
    assert!(trouble[0].text.contains("panicked at a.rs:1:2"), "{}", trouble[0].text);
    assert!(lines.iter().all(|line| line.text.chars().count() <= TEXT_CHARS_MAX));
    assert!(lines.iter().any(|line| line.text == "the reason"), "what follows directly is lost");
    // Every second has lines.
    for second in 0..10 {
        assert!(lines.iter().any(|line| line.time_ns / SECOND_NS == second), "{second}");
    }
}

#[test]
fn what_is_near_a_moment_is_kept_rather_than_the_rest() {
    let mut log = Vec::new();
    for number in 0..60_000_u32 {
        let (second, millis) = (number / 1_000, number % 1_000);
        let (minute, second) = (44 + (54 + second) / 60, (54 + second) % 60);
        let line = format!("2026-11-29T03:{minute:02}:{second:02}.{millis:03}Z tick {number}\n");
        log.extend_from_slice(line.as_bytes());
    }
    let mut reading = Reading::new(Some(START), 60 * SECOND_NS, &[30 * SECOND_NS]);
    for node in ["n1", "n2", "n3"] {
        reading.log(node, &log[..]);
    }
    let (findings, lines) = reading.finish();
    assert_eq!(findings.map(|findings| findings.lines), Some(180_000));
    assert_eq!(lines.len(), LINES_MAX);
    for node in ["n1", "n2", "n3"] {
        let of_node: Vec<&LogLine> = lines.iter().filter(|line| line.node == node).collect();
        let near =
            of_node.iter().filter(|line| line.time_ns.abs_diff(30 * SECOND_NS) <= NEAR_NS).count();
        assert!(of_node.len() >= LINES_MAX / 3, "{node}: {}", of_node.len());
        assert!(near >= 500, "{node}: {near} near");
        assert!(of_node.len() - near >= 250, "{node}: {near} of {} near", of_node.len());
    }
}

#[test]
fn bytes_that_are_no_text_stay_data() {
    let lines = placed(b"2026-11-29T03:44:54Z \xff\x1b[2J<script>\0\n");
    assert_eq!(lines[0].text, "2026-11-29T03:44:54Z \u{fffd}\x1b[2J<script>\0");
}
