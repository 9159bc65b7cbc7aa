//! Bytes of which nothing is known: every reader gives a history or an error, never panics,
//! and never takes more memory than a multiple of what it read.
//!
//! The allocator of this binary counts what each thread holds and the most it ever held.

#![expect(unsafe_code, reason = "an allocator can be counted only by an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use squall_checker::formats::{Format, Keys, ReadOptions, read};
use squall_checker::history::HistoryError;

/// The system's allocator, counted per thread.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

fn count(taken: usize, given_back: usize) {
    // A thread that ends may still free memory.
    let _ = HELD.try_with(|held| {
        held.set(held.get().wrapping_add(taken).wrapping_sub(given_back));
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: hands everything on to the system's allocator and counts besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are those asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises are those asked for here.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new memory may both be held for a moment.
        count(size, 0);
        count(0, layout.size());
        // SAFETY: the caller's promises are those asked for here.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes held at most per byte read: a value of two bytes (`1,`) takes 32, twice while the
/// vector around it grows, next to the text itself.
const FACTOR: usize = 160;

/// Bytes held at most whatever is read: buffers and tables.
const CONSTANT: usize = 1 << 20;

/// Reads `bytes`; what was held at most meanwhile.
fn peak(bytes: &[u8], options: ReadOptions) -> (usize, Result<usize, HistoryError>) {
    let before = HELD.get();
    MOST.set(before);
    let outcome = read(bytes, options).map(|history| history.operations.len());
    (MOST.get() - before, outcome)
}

/// What must hold of every source.
fn endures(bytes: &[u8], format: Format) -> TestCaseResult {
    for format in [Some(format), None] {
        for keys in [Keys::Detect, Keys::Tuples] {
            let (peak, outcome) = peak(bytes, ReadOptions { format, keys });
            let bound = FACTOR * bytes.len() + CONSTANT;
            prop_assert!(peak <= bound, "{peak} bytes held for {} read", bytes.len());
            if let Err(error) = outcome {
                let said = error.to_string();
                prop_assert!(said.contains("line") || format.is_none(), "no line in: {said}");
                prop_assert!(said.len() < 2000, "an endless message");
            }
        }
    }
    Ok(())
}

/// A good history of each format.
fn good(format: Format) -> &'static str {
    match format {
        Format::Jsonl => {
            r#"{"squall":1,"type":"header","system":"node","workload":"register","model":"register","nodes":["n1"],"seed":7,"plan":{}}
{"index":0,"time":10,"process":3,"node":"n2","type":"invoke","f":"write","key":"17","value":31}
{"index":1,"time":11,"process":4,"type":"invoke","f":"txn","value":[["r","x",null],{"a":-1.5}]}
{"index":2,"time":25,"process":3,"node":"n2","type":"ok","f":"write","key":"17","value":31,"revision":5}
{"index":3,"time":30,"process":"nemesis","type":"info","f":"kill","value":["n1"],"evidence":{"pid":9}}
{"index":4,"time":31,"process":4,"type":"info","f":"txn","value":null,"error":"time\"out\u00e9"}
"#
        }
        Format::JepsenEdn => {
            r#"{:process 0, :type :invoke, :f :write, :value [7 "é\n"], :time 5, :index 0}
#jepsen.history.Op{:process 1, :type :invoke, :f :read, :value ["y" nil], :time 6, :index 1}
{:process :nemesis, :type :info, :f :cut, :value {:n1 #{"n2" \a}}, :index 2} ; said
{:process 1, :type :ok, :f :read, :value ["y" #{1 2 -3.5}], :index 3, :extra (1 #_2 3N)}
{:process 0, :type :info, :f :write, :value :timed-out, :error [:a "b"], :index 4}
"#
        }
        Format::JepsenLog => {
            "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n\
             INFO  jepsen.core - done\n\
             0\t:fail\t:read\t:timed-out\n\
             INFO  jepsen.util - :nemesis\t:info\t:start\t\"cut\"\n\
             jepsen.util: 1\t:invoke\t:cas\t[1 2]\n\
             1\t:info\t:cas\t[1 2]\tno answer\n\
             1\t:invoke\t:write\t3\n"
        }
        Format::PorcupineKv => {
            r#"{:process 9, :type :invoke, :f :append, :key "0", :value "x 9 0 y"}
{:process 2, :type :invoke, :f :put, :key "1", :value "é\t"}
{:process 9, :type :ok, :f :append, :key "0", :value "x 9 0 y"}
{:process 1, :type :invoke, :f :get, :key "9", :value nil}
{:process 1, :type :ok, :f :get, :key "9", :value ""}
"#
        }
    }
}

/// Pieces that mean something to one reader or another.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "#{",
    "\"",
    "\\",
    ":",
    "#",
    "#_",
    "##NaN",
    ";",
    "\n",
    "\t",
    ",",
    " ",
    "nil",
    "null",
    "1e999",
    "-",
    "99999999999999999999",
    "1/2",
    "0.1",
    "\\u00",
    "\\newline",
    ":process 0",
    ":type :invoke",
    ":type :ok",
    ":f :read",
    ":f :txn",
    ":value",
    ":key \"x\"",
    "\"process\":0",
    "\"type\":\"invoke\"",
    "\"index\":18446744073709551615",
    ":index 7",
    "jepsen.util - ",
    "0\t:invoke\t:read\t",
    "\u{feff}",
    "é",
    "\u{0}",
];

/// What may happen to a file.
#[derive(Clone, Debug)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Twice(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, &'static str, usize),
    Drop(prop::sample::Index, prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (index(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => index().prop_map(Damage::Cut),
        2 => (index(), index()).prop_map(|(one, other)| Damage::Twice(one, other)),
        2 => (index(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        3 => (index(), prop::sample::select(PIECES), 1..40_usize)
            .prop_map(|(at, piece, times)| Damage::Repeat(at, piece, times)),
        2 => (index(), index()).prop_map(|(one, other)| Damage::Drop(one, other)),
    ]
}

fn damaged(whole: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = whole.as_bytes().to_vec();
    for damage in damages {
        let length = bytes.len() + 1;
        let between = |one: &prop::sample::Index, other: &prop::sample::Index| {
            let (one, other) = (one.index(length), other.index(length));
            one.min(other)..one.max(other)
        };
        match damage {
            Damage::Flip(at, bit) => {
                if let Some(byte) = bytes.get_mut(at.index(length)) {
                    *byte ^= 1 << bit;
                }
            }
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Twice(one, other) => {
                let range = between(one, other);
                let chunk = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, chunk);
            }
            Damage::Insert(at, fresh) => {
                let at = at.index(length);
                bytes.splice(at..at, fresh.iter().copied());
            }
            Damage::Repeat(at, piece, times) => {
                let at = at.index(length);
                bytes.splice(at..at, piece.repeat(*times).into_bytes());
            }
            Damage::Drop(one, other) => drop(bytes.drain(between(one, other))),
        }
    }
    bytes
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(prop::sample::select(PIECES), 0..60)
            .prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    prop::collection::vec(damage(), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_500, ..ProptestConfig::default() })]

    #[test]
    fn jsonl_endures(bytes in any_bytes(), damages in damages()) {
        endures(&bytes, Format::Jsonl)?;
        endures(&damaged(good(Format::Jsonl), &damages), Format::Jsonl)?;
    }

    #[test]
    fn edn_endures(bytes in any_bytes(), damages in damages()) {
        endures(&bytes, Format::JepsenEdn)?;
        endures(&damaged(good(Format::JepsenEdn), &damages), Format::JepsenEdn)?;
    }

    #[test]
    fn logs_endure(bytes in any_bytes(), damages in damages()) {
        endures(&bytes, Format::JepsenLog)?;
        endures(&damaged(good(Format::JepsenLog), &damages), Format::JepsenLog)?;
    }

    #[test]
    fn key_value_text_endures(bytes in any_bytes(), damages in damages()) {
        endures(&bytes, Format::PorcupineKv)?;
        endures(&damaged(good(Format::PorcupineKv), &damages), Format::PorcupineKv)?;
    }
}

#[test]
fn what_is_damaged_was_good() {
    for format in Format::ALL {
        let options = ReadOptions { format: Some(*format), keys: Keys::Detect };
        let (_, operations) = peak(good(*format).as_bytes(), options);
        assert!(operations.expect("a good history") >= 2, "{format}");
    }
}

/// A text as the value of an event, and all by itself, and as the end of what is said.
fn everywhere(text: &str) -> [String; 6] {
    [
        text.to_owned(),
        format!("{text}\n"),
        format!("{{:process 0, :type :invoke, :f :read, :value {text}}}\n"),
        format!("{{:process 0, :type :invoke, :f {text}, :value nil, :key \"x\"}}\n"),
        format!("INFO  jepsen.util - 0\t:invoke\t:read\t{text}\n"),
        format!(
            "{{\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":{text}}}\n"
        ),
    ]
}

#[test]
fn what_is_deep_or_huge_is_endured() {
    let nested = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let huge = [
        nested("[", "]"),
        nested("(", ")"),
        nested("{1 ", "}"),
        nested("#{", "}"),
        nested("{\"a\":", "}"),
        nested("#a ", ""),
        nested("#_", ""),
        nested("#_[", "]"),
        nested("\"", ""),
        nested("\\", ""),
        nested(";", "\n"),
        nested("\n", ""),
        nested("[1 ", "\n"),
        "7".repeat(1_000_000),
        format!("0.{}", "7".repeat(1_000_000)),
        format!("1e{}", "7".repeat(1_000_000)),
        ":a".repeat(500_000),
        format!("\"{}\"", "x".repeat(1_000_000)),
        format!("\"{}\"", "\\u0041".repeat(200_000)),
        format!("[{}]", "1,".repeat(500_000)),
        format!("[{}1]", "1,".repeat(500_000)),
        format!("#{{{}}}", (0..100_000).map(|number| format!("{number} ")).collect::<String>()),
        format!("{{{}}}", (0..100_000).map(|number| format!("{number} 1 ")).collect::<String>()),
        format!("[{}]", "[] ".repeat(300_000)),
        format!("[{}]", "{} ".repeat(300_000)),
    ];
    for text in huge.iter().flat_map(|text| everywhere(text)) {
        for format in Format::ALL {
            endures(text.as_bytes(), *format).expect("it endures");
        }
    }
}
