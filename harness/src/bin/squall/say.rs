//! Words on stdout and stderr that survive whoever stops listening.
//!
//! The standard macros panic when a pipe is closed or a disk is full. A verdict must not be
//! lost to `| head`, so what cannot be said is left unsaid.

use std::{
    fmt::{Arguments, Write as _},
    io::{ErrorKind, Write, stderr, stdout},
};

use squall_results::text::is_obeyed;

/// What this command itself tells a terminal: colours, and their end.
const OWN_SEQUENCES: [&str; 7] =
    ["\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[1;33m"];

/// `text` without what a terminal would obey, but for our own colours: errors quote what nodes
/// answered and what strangers wrote into files. Escapes are those of JSON, so that JSON stays
/// what it was.
fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(own) = OWN_SEQUENCES.iter().find(|own| rest.starts_with(**own)) {
            safe.push_str(own);
            rest = &rest[own.len()..];
            continue;
        }
        if is_obeyed(c) && !matches!(c, '\n' | '\t') {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    safe
}

/// Writes a line to stdout; says so on stderr when that fails for another reason than that
/// nobody reads it.
pub(crate) fn line(text: Arguments<'_>) {
    let mut out = stdout().lock();
    let text = harmless(&text.to_string());
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => remark(format_args!("squall: cannot write to stdout: {error}")),
    }
}

/// Writes a line to stderr, if anybody listens.
pub(crate) fn remark(text: Arguments<'_>) {
    let mut err = stderr().lock();
    // There is nowhere left to complain.
    let text = harmless(&text.to_string());
    drop(err.write_all(text.as_bytes()).and_then(|()| err.write_all(b"\n")));
}

/// Like `println!`, without its panic.
macro_rules! say {
    ($($words:tt)*) => { $crate::say::line(format_args!($($words)*)) };
}

/// Like `eprintln!`, without its panic.
macro_rules! tell {
    ($($words:tt)*) => { $crate::say::remark(format_args!($($words)*)) };
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_terminal_obeys_nobody_but_us() {
        let hostile = "\x1b[1;31mred\x1b[0m \x1b[2J\x1b]2;PWNED\x07 \u{202e}back\u{9b}31m\ttab\n";
        let safe = harmless(hostile);
        assert_eq!(
            safe,
            "\x1b[1;31mred\x1b[0m \\u001b[2J\\u001b]2;PWNED\\u0007 \\u202eback\\u009b31m\ttab\n"
        );
    }

    #[test]
    fn json_stays_what_it_was() {
        let value = serde_json::json!({ "a": "\u{202e}\u{7f}\u{1b}x" });
        let shown = harmless(&value.to_string());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }
}
