//! How programs spell that something went wrong which never should.

use std::fmt;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

/// What a line of a log tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The program gave up on itself: a panic, an exception that nobody caught.
    Panic,
    /// An assertion does not hold.
    Assertion,
    /// Two threads at the same memory.
    DataRace,
    /// Memory used after it was freed, past its end or never set.
    Memory,
    /// There is no memory left.
    OutOfMemory,
    /// The stack has no end.
    StackOverflow,
    /// The system ended the program: a segmentation fault, an abort.
    Crash,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "panic",
            Self::Assertion => "failed assertion",
            Self::DataRace => "data race",
            Self::Memory => "memory error",
            Self::OutOfMemory => "out of memory",
            Self::StackOverflow => "stack overflow",
            Self::Crash => "crash",
        })
    }
}

/// Where a spelling means what it seems to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Anywhere,
    /// At the start of a line.
    Start,
    /// With this later in the line.
    Before(&'static str),
}

use Trouble::{Assertion, Crash, DataRace, Memory, OutOfMemory, Panic, StackOverflow};
use Where::{Anywhere, Before, Start};

/// The spellings, by language; of two that begin at one place the first counts.
const SPELLINGS: &[(&str, Where, Trouble)] = &[
    // Rust.
    ("panicked at", Anywhere, Panic),
    ("assertion failed:", Anywhere, Assertion),
    ("assertion `", Before("` failed"), Assertion),
    ("has overflowed its stack", Anywhere, StackOverflow),
    ("memory allocation of ", Before("failed"), OutOfMemory),
    ("fatal runtime error:", Anywhere, Crash),
    // Go.
    ("panic: ", Start, Panic),
    ("panic serving", Anywhere, Panic),
    ("fatal error: stack overflow", Start, StackOverflow),
    ("fatal error: runtime: out of memory", Start, OutOfMemory),
    ("fatal error: ", Start, Panic),
    ("WARNING: DATA RACE", Anywhere, DataRace),
    ("goroutine ", Before("[running]:"), Panic),
    ("goroutine stack exceeds", Anywhere, StackOverflow),
    ("\"level\":\"panic\"", Anywhere, Panic),
    ("\"level\":\"fatal\"", Anywhere, Panic),
    ("[signal SIG", Anywhere, Crash),
    // C and C++, and what their libraries and sanitizers print.
    ("Assertion ", Before("failed"), Assertion),
    ("ERROR: AddressSanitizer: stack-overflow", Anywhere, StackOverflow),
    ("ERROR: AddressSanitizer", Anywhere, Memory),
    ("ERROR: LeakSanitizer", Anywhere, Memory),
    ("WARNING: MemorySanitizer", Anywhere, Memory),
    ("WARNING: ThreadSanitizer: data race", Anywhere, DataRace),
    ("WARNING: ThreadSanitizer", Anywhere, DataRace),
    (": runtime error: ", Anywhere, Memory),
    ("terminate called ", Anywhere, Panic),
    ("libc++abi: terminating", Anywhere, Panic),
    ("std::bad_alloc", Anywhere, OutOfMemory),
    ("*** stack smashing detected", Anywhere, Memory),
    ("double free or corruption", Anywhere, Memory),
    ("free(): invalid", Anywhere, Memory),
    ("malloc(): ", Anywhere, Memory),
    // The system and its shells.
    ("Segmentation fault", Anywhere, Crash),
    ("segmentation fault", Anywhere, Crash),
    ("SIGSEGV", Anywhere, Crash),
    ("SIGABRT", Anywhere, Crash),
    ("SIGBUS", Anywhere, Crash),
    ("SIGILL", Anywhere, Crash),
    ("(core dumped)", Anywhere, Crash),
    ("Out of memory", Anywhere, OutOfMemory),
    ("out of memory", Anywhere, OutOfMemory),
    ("Cannot allocate memory", Anywhere, OutOfMemory),
    ("cannot allocate memory", Anywhere, OutOfMemory),
    // Java.
    ("OutOfMemoryError", Anywhere, OutOfMemory),
    ("StackOverflowError", Anywhere, StackOverflow),
    ("java.lang.AssertionError", Anywhere, Assertion),
    ("Exception in thread ", Anywhere, Panic),
    ("A fatal error has been detected by the Java Runtime", Anywhere, Crash),
    // Python.
    ("Traceback (most recent call last)", Anywhere, Panic),
    ("Fatal Python error:", Anywhere, Crash),
    ("MemoryError", Start, OutOfMemory),
    ("RecursionError", Start, StackOverflow),
    ("AssertionError", Anywhere, Assertion),
    // Node.js.
    ("JavaScript heap out of memory", Anywhere, OutOfMemory),
    ("FATAL ERROR: ", Anywhere, Crash),
    ("UnhandledPromiseRejection", Anywhere, Panic),
    ("Uncaught ", Start, Panic),
    ("uncaughtException", Anywhere, Panic),
    ("Maximum call stack size exceeded", Anywhere, StackOverflow),
];

/// The spellings, made ready to be looked for together.
pub(super) struct Patterns {
    spellings: AhoCorasick,
}

impl Patterns {
    pub(super) fn new() -> Self {
        let texts = SPELLINGS.iter().map(|(text, ..)| text);
        let spellings = AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostFirst)
            .build(texts)
            .expect("a few short words make a small automaton");
        Self { spellings }
    }

    /// The first spelling in `line` that means what it seems to, and where it stands.
    pub(super) fn find(&self, line: &[u8]) -> Option<(Trouble, Range<usize>)> {
        self.spellings.find_iter(line).find_map(|found| {
            let (_, place, trouble) = SPELLINGS[found.pattern().as_usize()];
            let means_it = match place {
                Anywhere => true,
                Start => found.start() == 0,
                Before(text) => {
                    memchr::memmem::find(&line[found.end()..], text.as_bytes()).is_some()
                }
            };
            means_it.then(|| (trouble, found.range()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Option<Trouble> {
        Patterns::new().find(line.as_bytes()).map(|(trouble, _)| trouble)
    }

    /// Lines as the runtimes print them.
    #[test]
    fn every_language_is_understood() {
        let lines = [
            ("thread 'main' (4711) panicked at src/main.rs:2:5:", Panic),
            ("assertion `left == right` failed: they differ", Assertion),
            ("assertion failed: a < b", Assertion),
            ("thread 'main' has overflowed its stack", StackOverflow),
            ("memory allocation of 8589934592 bytes failed", OutOfMemory),
            ("fatal runtime error: stack overflow", Crash),
            ("panic: runtime error: index out of range [5] with length 3", Panic),
            ("fatal error: concurrent map writes", Panic),
            ("fatal error: all goroutines are asleep - deadlock!", Panic),
            ("fatal error: runtime: out of memory", OutOfMemory),
            ("fatal error: stack overflow", StackOverflow),
            ("WARNING: DATA RACE", DataRace),
            ("goroutine 1 [running]:", Panic),
            ("[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x45]", Crash),
            ("2026/01/02 http: panic serving 10.0.0.1:80: boom", Panic),
            (r#"{"level":"fatal","ts":"2026","msg":"failed to find"}"#, Panic),
            ("node: store.c:12: put: Assertion `key != NULL' failed.", Assertion),
            ("==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x60", Memory),
            ("==12==ERROR: AddressSanitizer: stack-overflow on address 0x7f", StackOverflow),
            ("==12==ERROR: LeakSanitizer: detected memory leaks", Memory),
            ("WARNING: ThreadSanitizer: data race (pid=12)", DataRace),
            ("==12==WARNING: MemorySanitizer: use-of-uninitialized-value", Memory),
            ("a.c:3:5: runtime error: signed integer overflow", Memory),
            ("terminate called after throwing an instance of 'std::bad_alloc'", Panic),
            ("  what():  std::bad_alloc", OutOfMemory),
            ("double free or corruption (fasttop)", Memory),
            ("Segmentation fault (core dumped)", Crash),
            ("Aborted (core dumped)", Crash),
            ("Out of memory: Killed process 12 (node)", OutOfMemory),
            ("Exception in thread \"main\" java.lang.NullPointerException", Panic),
            ("java.lang.OutOfMemoryError: Java heap space", OutOfMemory),
            ("Caused by: java.lang.StackOverflowError", StackOverflow),
            ("# A fatal error has been detected by the Java Runtime Environment:", Crash),
            ("Traceback (most recent call last):", Panic),
            ("MemoryError", OutOfMemory),
            ("AssertionError: no leader", Assertion),
            ("Fatal Python error: Segmentation fault", Crash),
            ("RecursionError: maximum recursion depth exceeded", StackOverflow),
            ("FATAL ERROR: Reached heap limit Allocation failed", Crash),
            ("[UnhandledPromiseRejection: This error originated]", Panic),
            ("Uncaught Error: boom", Panic),
            ("RangeError: Maximum call stack size exceeded", StackOverflow),
        ];
        for (line, trouble) in lines {
            assert_eq!(told(line), Some(trouble), "{line}");
        }
    }

    #[test]
    fn lines_that_only_look_alike_are_left_alone() {
        let lines = [
            "",
            "kernel panic: disabled",
            "the option --panic: unwind",
            "WARN election timed out, error: connection refused",
            "goroutine 12 [chan receive]:",
            "Assertion of leadership by n1",
            "memory allocation of 8 bytes was quick",
            "could not catch: Uncaught",
            "no data races here",
            r#"{"level":"error","msg":"failed to send"}"#,
        ];
        for line in lines {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
