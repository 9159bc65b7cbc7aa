//! The summary a terminal shows after a run.
//!
//! Whoever asks knows how wide the terminal is; nothing here looks.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::checks::{CheckName, CheckReport, CheckStatus};
use crate::junit::operation_line;
use crate::summary::{Results, RunVerdict};
use crate::wording::{Millis, Nanos, count, percent, plural, rate, shorten};
use textwrap::core::display_width;

/// Whether to write colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// With ANSI escape sequences, for a terminal.
    Ansi,
    /// Plain text, for files and pipes.
    Plain,
}

impl Colour {
    /// `text` as a headline in the colour of `verdict`; `None` is a run that could not be set up.
    pub(crate) fn paint(self, verdict: Option<RunVerdict>, text: &str) -> String {
        let code = match (self, verdict) {
            (Self::Plain, _) => return text.to_owned(),
            (Self::Ansi, Some(RunVerdict::Linearizable)) => "1;32",
            (Self::Ansi, Some(RunVerdict::Violation)) => "1;31",
            (
                Self::Ansi,
                Some(
                    RunVerdict::Unknown
                    | RunVerdict::Inconclusive
                    | RunVerdict::Unavailable
                    | RunVerdict::Failed,
                )
                | None,
            ) => "1;33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// How wide what is written may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One line for each thing, however long: for files and pipes.
    Unlimited,
    /// Wrapped at spaces to so many columns, for a terminal, and kept to one screen.
    Columns(u16),
}

/// Lines of a screen that a summary may fill, so that what is written after it fits too.
const SCREEN_LINES_MAX: usize = 22;

/// Operations and caveats listed before the rest is only counted, so that it stays one screen.
const LIST_MAX: usize = 8;

/// What is told of a check or in a note.
const NOTE_CHARS_MAX: usize = 240;

/// What is told of the reason, which counts the values of a contradiction one by one.
const REASON_CHARS_MAX: usize = 500;

/// Narrower terminals are written to as if they were so wide.
const COLUMNS_MIN: u16 = 40;

/// Before the text of a line and of those it goes on in: two spaces, a name, a space.
const INDENT: &str = "              ";

/// Renders a run for a terminal, on one screen and ending with a newline.
///
/// Control characters that nodes or clients put into values are shown escaped, so that
/// nothing they answer can drive the terminal. The command that runs it again is never wrapped,
/// so that it can be copied.
pub fn one_screen(results: &Results, colour: Colour, width: Width) -> String {
    let headline = printable(&shorten(&results.headline, NOTE_CHARS_MAX));
    let headline = width.wrap(&headline, "", "").join("\n");
    let reason = printable(&shorten(&results.reason, REASON_CHARS_MAX));
    let mut screen = vec![colour.paint(Some(results.verdict), &headline)];
    screen.extend(width.wrap(&reason, "  ", "  "));
    screen.push(String::new());
    screen.extend(rows(width, figures(results)));
    let last = closing(results, width);
    let taken = lines(&screen) + last.len();
    screen.extend(remarks(results, width, SCREEN_LINES_MAX.saturating_sub(taken)));
    screen.extend(last);
    screen.join("\n") + "\n"
}

fn lines(screen: &[String]) -> usize {
    screen.iter().map(|line| line.split('\n').count()).sum()
}

impl Width {
    /// `text` in lines, the first after `first` and the others after `others`.
    fn wrap(self, text: &str, first: &str, others: &str) -> Vec<String> {
        let Self::Columns(columns) = self else {
            return vec![format!("{first}{text}")];
        };
        let options = textwrap::Options::new(usize::from(columns.max(COLUMNS_MIN)))
            .initial_indent(first)
            .subsequent_indent(others)
            // A hyphen is part of a word here: `stale-read` is one.
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let text = glued(text);
        let lines = textwrap::wrap(&text, options);
        lines.iter().map(|line| line.replace(GLUE, " ")).collect()
    }

    /// `text` on one line after so many columns that are taken, cut if need be.
    pub(crate) fn cut(self, text: &str, taken: u16) -> Cow<'_, str> {
        let Self::Columns(columns) = self else {
            return Cow::Borrowed(text);
        };
        let columns = usize::from(columns.max(COLUMNS_MIN) - taken);
        if display_width(text) <= columns {
            return Cow::Borrowed(text);
        }
        let mut left = columns - 1;
        let mut cut = String::new();
        for c in text.chars() {
            match left.checked_sub(display_width(c.encode_utf8(&mut [0; 4]))) {
                Some(rest) => left = rest,
                None => break,
            }
            cut.push(c);
        }
        cut.push('…');
        Cow::Owned(cut)
    }
}

/// Stands for a space at which no line ends.
const GLUE: char = '\u{a0}';

/// `text` with its figures glued to their units, so that no line begins with one.
fn glued(text: &str) -> String {
    let mut words = text.split(' ').peekable();
    let mut glued = String::with_capacity(text.len());
    while let Some(word) = words.next() {
        glued.push_str(word);
        let figure = word.ends_with(|c: char| c.is_ascii_digit());
        let is_unit = |next: &&str| {
            let unit = next.trim_end_matches(|c: char| c != '%' && !c.is_alphanumeric());
            matches!(unit, "ns" | "µs" | "ms" | "s" | "min" | "%")
        };
        match words.peek() {
            Some(next) if figure && is_unit(next) => glued.push(GLUE),
            Some(_) => glued.push(' '),
            None => {}
        }
    }
    glued
}

/// A name, which is empty where the one before goes on, and a text.
type Row = (&'static str, String);

fn rows(width: Width, rows: impl IntoIterator<Item = Row>) -> Vec<String> {
    rows.into_iter().flat_map(|row| row_lines(width, &row)).collect()
}

fn row_lines(width: Width, (name, text): &Row) -> Vec<String> {
    width.wrap(&printable(text), &format!("  {name:<11} "), INDENT)
}

/// What is told of every run, and the contradiction if there is one.
fn figures(results: &Results) -> Vec<Row> {
    let mut rows = vec![
        ("run", run(results)),
        ("operations", operations(results)),
        ("faults", faults(results)),
        ("recovery", recovery(results)),
        ("checked", checked(results)),
    ];
    if let Some(first) = results.contradictions.first() {
        let shown = first.operations.iter().take(LIST_MAX).enumerate();
        let name = |index| if index == 0 { "conflict" } else { "" };
        rows.extend(shown.map(|(index, op)| (name(index), operation_line(op))));
        let more = first.operations.len().saturating_sub(LIST_MAX) as u64;
        if more > 0 {
            rows.push(("", format!("and {}", plural(more, "more operation", "more operations"))));
        }
    }
    rows
}

/// What checks found and what a reader should bear in mind: as many as fit into `lines_max`
/// lines of a terminal, and how many more there are.
fn remarks(results: &Results, width: Width, lines_max: usize) -> Vec<String> {
    // Recovery has a line of its own already.
    let bad = |check: &&CheckReport| {
        check.name != CheckName::Recovery
            && matches!(check.status, CheckStatus::Warned | CheckStatus::Failed)
    };
    let checks = results.checks.iter().filter(bad).map(|check| {
        ("checks", format!("{} {}: {}", check.name, check.status.as_str(), check.sentence))
    });
    let notes = results.caveats.iter().map(|caveat| ("note", caveat.clone()));
    let all: Vec<Row> = checks.chain(notes).collect();
    let mut lines: Vec<String> = Vec::new();
    let mut told = 0;
    let mut before = "";
    for (name, text) in &all {
        let shown = if *name == before { "" } else { name };
        let next = row_lines(width, &(shown, shorten(text, NOTE_CHARS_MAX)));
        let is_last = told + 1 == all.len();
        let fits = match width {
            Width::Unlimited => told < 2 * LIST_MAX,
            // A line is kept for how many more there are.
            Width::Columns(_) => lines.len() + next.len() + usize::from(!is_last) <= lines_max,
        };
        if !fits {
            break;
        }
        lines.extend(next);
        (told, before) = (told + 1, name);
    }
    let more = (all.len() - told) as u64;
    if more > 0 {
        let more = format!("{} in the report", plural(more, "more remark", "more remarks"));
        lines.extend(row_lines(width, &("", more)));
    }
    lines
}

/// What finds the run again.
fn closing(results: &Results, width: Width) -> Vec<String> {
    let fingerprint = results.fingerprint.as_ref();
    let fingerprint = fingerprint.map(|it| ("fingerprint", format!("{} {}", it.id, it.label)));
    let mut lines = rows(width, fingerprint);
    if !results.facts.command.is_empty() {
        let command = results.facts.command.clone();
        lines.extend(row_lines(Width::Unlimited, &("run again", command)));
    }
    lines
}

fn run(results: &Results) -> String {
    let facts = &results.facts;
    let bug = facts.bug.as_ref().map_or_else(String::new, |bug| format!(" with bug {bug}"));
    format!(
        "{} on {}{bug}, {}, {}, seed {}",
        facts.workload,
        facts.system,
        plural(facts.nodes.len() as u64, "node", "nodes"),
        Nanos(results.duration_ns),
        facts.seed,
    )
}

fn operations(results: &Results) -> String {
    let total = &results.whole.total;
    let mut text = format!(
        "{}: {} ok, {} failed, {} indeterminate; {} ok/s",
        count(total.invoked),
        count(total.ok),
        count(total.fail),
        count(total.info),
        rate(total.ok_per_s),
    );
    if let Some(latency) = total.latency {
        let _ = write!(text, ", p50 {}, p99 {}", Nanos(latency.p50_ns), Nanos(latency.p99_ns));
    }
    text
}

fn faults(results: &Results) -> String {
    let held = results.faults.iter().filter(|fault| fault.took_hold).count();
    let planned = (results.facts.faults_planned as usize).max(results.faults.len());
    if planned == 0 {
        return "none planned".to_owned();
    }
    let mut text = format!("{held} of {planned} took hold");
    if let Some(share) = results.stormy.total.ok_share {
        let _ = write!(
            text,
            "; {} ok and {} ok/s while in force",
            percent(share),
            rate(results.stormy.total.ok_per_s)
        );
    }
    text
}

fn recovery(results: &Results) -> String {
    let recovered = &results.facts.recovered;
    let served = match recovered.served_again_ms {
        Some(ms) => format!("served again {} after the last heal", Millis(ms)),
        None if !recovered.was_looked_for() => "not looked for: the run ended before".to_owned(),
        None => results.availability.sentence(&results.facts),
    };
    format!(
        "{served}; {} of {} answered",
        count(recovered.final_reads_ok),
        plural(recovered.final_reads_expected, "final read", "final reads")
    )
}

fn checked(results: &Results) -> String {
    let proof = match results.facts.proof_verified {
        Some(true) => "proof verified",
        Some(false) => "proof rejected",
        None => "proof not verified",
    };
    format!(
        "{} on {} as {} in {}; {proof}",
        plural(results.check.operations, "operation", "operations"),
        plural(results.check.keys.len() as u64, "key", "keys"),
        results.check.model,
        Millis(results.facts.timings.check_ms),
    )
}

/// Whether a terminal would obey a character instead of showing it, or show those around it in
/// another order: control characters, and those that turn the direction of writing.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one line, without characters that a terminal obeys.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = is_obeyed(c).then(|| c.escape_default());
            let plain = (!is_obeyed(c)).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}
