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

use super::places::Place::{self, Anywhere, Before, Cause, Counting, Message, Start, Thrown};
use Trouble::{Assertion, Crash, DataRace, Memory, OutOfMemory, Panic, StackOverflow};

/// The spellings, by language; of two that begin at one place and mean what they seem
/// to the first counts.
const SPELLINGS: &[(&str, Place, Trouble)] = &[
    // Rust.
    ("panicked at", Anywhere, Panic),
    ("assertion failed:", Anywhere, Assertion),
    ("assertion `", Before("` failed"), Assertion),
    ("has overflowed its stack", Anywhere, StackOverflow),
    ("memory allocation of ", Counting(" bytes failed"), OutOfMemory),
    ("fatal runtime error:", Anywhere, Crash),
    // Go.
    ("panic: ", Start, Panic),
    ("panic serving", Anywhere, Panic),
    ("fatal error: stack overflow", Start, StackOverflow),
    ("fatal error: runtime: out of memory", Start, OutOfMemory),
    ("fatal error: out of memory", Start, OutOfMemory),
    ("runtime: out of memory: ", Start, OutOfMemory),
    ("fatal error: ", Start, Panic),
    ("WARNING: DATA RACE", Anywhere, DataRace),
    ("goroutine ", Before("[running]:"), Panic),
    ("goroutine stack exceeds", Anywhere, StackOverflow),
    ("\"level\":\"panic\"", Anywhere, Panic),
    ("\"level\":\"fatal\"", Anywhere, Panic),
    ("[signal SIG", Before(" code="), Crash),
    ("SIGSEGV: segmentation violation", Message, Crash),
    ("SIGABRT: abort", Message, Crash),
    ("SIGBUS: bus error", Message, Crash),
    ("SIGILL: illegal instruction", Message, Crash),
    // C and C++, and what their libraries and sanitizers print.
    ("Assertion ", Before("failed"), Assertion),
    ("ERROR: AddressSanitizer: stack-overflow", Anywhere, StackOverflow),
    ("ERROR: AddressSanitizer", Anywhere, Memory),
    ("ERROR: LeakSanitizer", Anywhere, Memory),
    ("WARNING: MemorySanitizer", Anywhere, Memory),
    ("WARNING: ThreadSanitizer: data race", Anywhere, DataRace),
    ("WARNING: ThreadSanitizer", Anywhere, DataRace),
    (": runtime error: ", Anywhere, Memory),
    ("terminate called after throwing", Anywhere, Panic),
    ("terminate called without an active exception", Anywhere, Panic),
    ("terminate called recursively", Anywhere, Panic),
    ("libc++abi: terminating", Anywhere, Panic),
    ("std::bad_alloc", Cause, OutOfMemory),
    ("*** stack smashing detected", Anywhere, Memory),
    ("double free or corruption", Anywhere, Memory),
    ("free(): invalid", Anywhere, Memory),
    ("malloc(): ", Anywhere, Memory),
    // The system and its shells.
    ("Segmentation fault", Cause, Crash),
    ("segmentation fault", Cause, Crash),
    ("(Segmentation fault)", Anywhere, Crash),
    ("signal Segmentation fault", Anywhere, Crash),
    ("signal: aborted", Anywhere, Crash),
    ("signal: 11 (SIGSEGV)", Anywhere, Crash),
    ("signal: 6 (SIGABRT)", Anywhere, Crash),
    ("signal: 7 (SIGBUS)", Anywhere, Crash),
    ("signal: 4 (SIGILL)", Anywhere, Crash),
    ("*** SIGSEGV ", Anywhere, Crash),
    ("*** SIGABRT ", Anywhere, Crash),
    ("*** SIGBUS ", Anywhere, Crash),
    ("*** SIGILL ", Anywhere, Crash),
    ("(core dumped)", Anywhere, Crash),
    ("Out of memory: Kill", Anywhere, OutOfMemory),
    ("out of memory: Kill", Anywhere, OutOfMemory),
    ("Out of memory", Cause, OutOfMemory),
    ("out of memory", Cause, OutOfMemory),
    ("Cannot allocate memory", Cause, OutOfMemory),
    ("cannot allocate memory", Cause, OutOfMemory),
    // Java.
    ("OutOfMemoryError", Thrown, OutOfMemory),
    ("StackOverflowError", Thrown, StackOverflow),
    ("Exception in thread \"", Anywhere, Panic),
    ("A fatal error has been detected by the Java Runtime", Anywhere, Crash),
    ("SIGSEGV (0x", Anywhere, Crash),
    ("SIGBUS (0x", Anywhere, Crash),
    ("SIGILL (0x", Anywhere, Crash),
    // Python; assertions are called so by Java and Node.js, too.
    ("Traceback (most recent call last)", Anywhere, Panic),
    ("Exception in thread ", Message, Panic),
    ("Fatal Python error:", Anywhere, Crash),
    ("MemoryError", Thrown, OutOfMemory),
    ("RecursionError", Thrown, StackOverflow),
    ("AssertionError", Thrown, Assertion),
    // Node.js.
    ("JavaScript heap out of memory", Anywhere, OutOfMemory),
    ("FATAL ERROR: ", Anywhere, Crash),
    ("UnhandledPromiseRejection: ", Anywhere, Panic),
    ("UnhandledPromiseRejectionWarning: ", Anywhere, Panic),
    ("Uncaught ", Start, Panic),
    ("uncaughtException: ", Anywhere, Panic),
    ("Maximum call stack size exceeded", Cause, StackOverflow),
];

/// The spellings, made ready to be looked for together.
pub(super) struct Patterns {
    spellings: AhoCorasick,
}

impl Patterns {
    pub(super) fn new() -> Self {
        let texts = SPELLINGS.iter().map(|(text, ..)| text);
        let spellings =
            AhoCorasick::builder().build(texts).expect("a few short words make a small automaton");
        Self { spellings }
    }

    /// The first spelling in `line` that means what it seems to, and where it stands.
    pub(super) fn find(&self, line: &[u8]) -> Option<(Trouble, Range<usize>)> {
        // Overlapping, so that a spelling that is only mentioned hides no other.
        let found = self.spellings.find_overlapping_iter(line);
        let meant = found.filter(|found| {
            let (_, place, _) = SPELLINGS[found.pattern().as_usize()];
            place.is_met(line, &found.range())
        });
        let first = meant.min_by_key(|found| (found.start(), found.pattern()))?;
        let (_, _, trouble) = SPELLINGS[first.pattern().as_usize()];
        Some((trouble, first.range()))
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
            ("(node:12) UnhandledPromiseRejectionWarning: Error: boom", Panic),
            ("[UnhandledPromiseRejection: This error originated]", Panic),
            ("Uncaught Error: boom", Panic),
            ("RangeError: Maximum call stack size exceeded", StackOverflow),
        ];
        for (line, trouble) in lines {
            assert_eq!(told(line), Some(trouble), "{line}");
        }
    }

    #[test]
    fn crashes_are_told_by_how_they_are_reported() {
        let lines = [
            ("SIGABRT: abort", Crash),
            ("[signal SIGBUS: bus error code=0x2 addr=0x7f pc=0x45]", Crash),
            ("signal: aborted (core dumped)", Crash),
            ("the child ended with signal: 6 (SIGABRT)", Crash),
            (
                "*** SIGABRT (@0x1) received by PID 12 (TID 0x7f) from PID 1; stack trace: ***",
                Crash,
            ),
            ("#  SIGSEGV (0xb) at pc=0x00007f, pid=12, tid=13", Crash),
            ("*** Caught signal (Segmentation fault) **", Crash),
            ("Segmentation fault", Crash),
            ("./run.sh: line 3:    12 Segmentation fault      ./node", Crash),
            ("2026-01-02T03:04:05.678Z ERROR Segmentation fault", Crash),
        ];
        for (line, trouble) in lines {
            assert_eq!(told(line), Some(trouble), "{line}");
        }
    }

    #[test]
    fn no_memory_is_told_by_how_it_is_reported() {
        let lines = [
            "Out of memory: Killed process 12 (node) total-vm:8kB",
            "[ 4711.042] Memory cgroup out of memory: Killed process 12 (node)",
            "Jan  2 03:04:05 host kernel: Out of memory: Kill process 12 (node) score 9",
            "Out of memory!",
            "out of memory",
            "out of memory\r",
            "2026-01-02 03:04:05.678 UTC [12] ERROR:  out of memory",
            "2026/01/02 03:04:05 out of memory, exiting",
            "[2026-01-02 03:04:05,678] [n1] Out of memory (needed 8 bytes)",
            "E0102 03:04:05.678901 12 store.cc:7] Out of memory",
            "12:M 02 Jan 2026 03:04:05.678 # Out of memory.",
            "\x1b[2m2026-01-02T03:04:05.678Z\x1b[0m \x1b[31mERROR\x1b[0m out of memory",
            r#"{"level":"error","msg":"out of memory"}"#,
            r#"time=2026-01-02 level=error msg="out of memory""#,
            "sh: fork: Cannot allocate memory",
            "failed to map the log: Cannot allocate memory (os error 12)",
            "runtime: out of memory: cannot allocate 8388608-byte block (12 in use)",
            "java.lang.OutOfMemoryError: Java heap space",
            "java.lang.OutOfMemoryError",
            "Terminating due to java.lang.OutOfMemoryError: Java heap space",
            "2026-01-02 03:04:05 ERROR java.lang.OutOfMemoryError: Java heap space",
            "java.util.concurrent.ExecutionException: java.lang.OutOfMemoryError: Metaspace",
            "Caused by: java.lang.OutOfMemoryError",
            "MemoryError: cannot hold that",
        ];
        for line in lines {
            assert_eq!(told(line), Some(OutOfMemory), "{line}");
        }
        let uncaught = r#"Exception in thread "main" java.lang.OutOfMemoryError"#;
        assert_eq!(told(uncaught), Some(Panic));
        assert_eq!(told("Exception in thread Thread-1 (work):"), Some(Panic));
    }

    #[test]
    fn assertions_are_told_by_how_they_are_thrown() {
        let lines = [
            "AssertionError",
            "AssertionError [ERR_ASSERTION]: 1 == 2",
            "java.lang.AssertionError: no leader",
            "Caused by: java.lang.AssertionError",
            "  java.lang.AssertionError\r",
            "ERROR the worker failed: AssertionError: no leader",
        ];
        for line in lines {
            assert_eq!(told(line), Some(Assertion), "{line}");
        }
    }

    #[test]
    fn what_is_only_mentioned_is_no_trouble() {
        let lines = [
            "JVM Arguments: [-XX:+HeapDumpOnOutOfMemoryError, -Xss256k]",
            "-XX:+ExitOnOutOfMemoryError",
            "[-XX:+CrashOnOutOfMemoryError]",
            "JVM arguments: -XX:+HeapDumpOnOutOfMemoryError: set",
            "-XX:OnOutOfMemoryError=kill",
            "-XX:AbortVMOnException=java.lang.OutOfMemoryError",
            "MyOutOfMemoryError: of somebody else",
            "ready; will exit on out of memory",
            "2026-01-02T03:04:05Z INFO will exit on out of memory",
            "INFO out of memory handler installed",
            "the killer is told: on out of memory, restart",
            "retries where it cannot allocate memory",
            "std::bad_alloc is handled",
            "a memory allocation of 8 bytes that failed is tried again",
            "handler for SIGABRT installed",
            "SIGABRT handler installed",
            "[signal SIGTERM received]",
            "[signal SIGBUS handler installed]",
            "SIGBUS is blocked, SIGILL and SIGSEGV are not",
            "prints a trace on segmentation fault",
            "Segmentation fault handler installed",
            "configured to ignore AssertionError",
            "INFO configured to ignore AssertionError",
            "configured to ignore java.lang.AssertionError",
            "configured to ignore AssertionError: see the manual",
            "AssertionError is ignored",
            "ignored: [AssertionError, MemoryError]",
            "    raise AssertionError(\"no leader\")",
            "    except MemoryError:",
            "uncaughtException handler installed",
            "listening for UnhandledPromiseRejection",
            "will log what is told of an Exception in thread pools",
            "the supervisor will terminate called processes",
        ];
        for line in lines {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn a_mention_hides_no_report() {
        let line = "handler for SIGABRT: Out of memory: Killed process 12 (node)";
        assert_eq!(told(line), Some(OutOfMemory));
        // The spelling before it overlaps with it, and is not met.
        assert_eq!(told("x fatal error: out of memory"), Some(OutOfMemory));
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
