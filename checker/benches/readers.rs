//! How fast histories are read, by format, in bytes of the format a second.
//!
//! One history of a register with compare-and-set, 100,000 operations by 30 clients on 100
//! keys, is written in every format and read from memory.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall_checker::formats::{Format, Keys, ReadOptions, Written, read, write};

const OPERATIONS: u64 = 100_000;
const CLIENTS: u64 = 30;
const KEYS: u64 = 100;

/// The history in our format.
fn jsonl() -> String {
    let mut text = String::new();
    for number in 0..OPERATIONS + CLIENTS {
        let mut line = |kind: &str, operation: u64, index: u64| {
            let process = operation % CLIENTS;
            let key = operation % KEYS;
            let (f, value) = match (operation % 4, kind) {
                (0, _) => ("write", operation.to_string()),
                (1, _) => ("cas", format!("[{},{operation}]", operation.saturating_sub(KEYS))),
                (_, "invoke") => ("read", "null".to_owned()),
                _ => ("read", operation.saturating_sub(KEYS).to_string()),
            };
            writeln!(
                text,
                "{{\"index\":{index},\"time\":{},\"process\":{process},\"type\":\"{kind}\",\
                 \"f\":\"{f}\",\"key\":\"{key}\",\"value\":{value}}}",
                index * 7_919
            )
            .expect("writing to a string cannot fail");
        };
        // Each client begins its next operation when its last one ends.
        if let Some(ended) = number.checked_sub(CLIENTS) {
            line("ok", ended, 2 * number);
        }
        if number < OPERATIONS {
            line("invoke", number, 2 * number + 1);
        }
    }
    text
}

/// Lines of EDN as Jepsen logs them: no stamps, and no nodes.
fn log(edn: &str) -> String {
    let field = |line: &str, name: &str| -> String {
        let begin = line.find(name).expect("every line has it") + name.len();
        let rest = &line[begin..];
        rest[..rest.find(", :").unwrap_or(rest.len() - 1)].to_owned()
    };
    edn.lines().fold(String::new(), |mut text, line| {
        let [process, kind, f, value] =
            [":process ", ":type ", ":f ", ":value "].map(|name| field(line, name));
        writeln!(text, "INFO  jepsen.util - {process}\t{kind}\t{f}\t{value}")
            .expect("writing to a string cannot fail");
        text
    })
}

fn readers(criterion: &mut Criterion) {
    let jsonl = jsonl();
    let history = read(jsonl.as_bytes(), ReadOptions::default()).expect("a history");
    let mut edn = Vec::new();
    write(&history, Written::JepsenEdn, &mut edn).expect("memory takes all");
    let edn = String::from_utf8(edn).expect("EDN is UTF-8");
    let log = log(&edn);
    let mut group = criterion.benchmark_group("readers");
    group.sample_size(10);
    for (format, text, keys) in [
        (Format::Jsonl, &jsonl, Keys::Detect),
        (Format::JepsenEdn, &edn, Keys::Tuples),
        (Format::JepsenLog, &log, Keys::Tuples),
    ] {
        let options = ReadOptions { format: Some(format), keys };
        let found = read(text.as_bytes(), options).expect("a history");
        assert_eq!(found.operations.len() as u64, OPERATIONS);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format.as_str(), |bencher| {
            bencher.iter(|| read(black_box(text.as_bytes()), options));
        });
    }
    group.finish();
}

criterion_group!(benches, readers);
criterion_main!(benches);
