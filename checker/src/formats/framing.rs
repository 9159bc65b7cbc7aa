//! Cutting a source into lines and into EDN forms, without understanding them.
//!
//! Forms may span lines and may stand in one vector around all of them. What is cut is
//! bounded by [`FORM_BYTES_MAX`] and [`NESTING_MAX`], so that neither a source without line
//! ends nor one of opening brackets takes memory beyond it.

use std::io::{BufRead, Read};

use super::edn::cursor::{Cursor, Fault};
use super::{FORM_BYTES_MAX, NESTING_MAX};
use crate::history::HistoryError;

/// Takes a piece and its first line.
pub(super) type Take<'a> = dyn FnMut(usize, &[u8]) -> Result<(), HistoryError> + 'a;

/// What a source was cut into.
pub(super) trait Framing {
    /// Hands the next piece and its first line to `take`; false at the end.
    fn next(&mut self, take: &mut Take<'_>) -> Result<bool, HistoryError>;

    /// Whether the source ended inside what was its last piece, which was not handed on.
    fn torn(&self) -> bool;
}

/// Appends the next line to `buffer`; false at the end of the source.
fn append_line(
    source: &mut impl BufRead,
    line: usize,
    first_line: usize,
    buffer: &mut Vec<u8>,
) -> Result<bool, HistoryError> {
    let room = FORM_BYTES_MAX.saturating_sub(buffer.len()) as u64 + 1;
    let length = source
        .by_ref()
        .take(room)
        .read_until(b'\n', buffer)
        .map_err(|source| HistoryError::Read { line, source })?;
    if buffer.len() > FORM_BYTES_MAX {
        return Err(HistoryError::TooLong { line: first_line, bytes_max: FORM_BYTES_MAX });
    }
    Ok(length > 0)
}

/// Lines, without their ends.
pub(super) struct Lines<S> {
    source: S,
    buffer: Vec<u8>,
    line: usize,
    torn: bool,
}

impl<S: BufRead> Lines<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, buffer: Vec::new(), line: 0, torn: false }
    }
}

impl<S: BufRead> Framing for Lines<S> {
    fn next(&mut self, take: &mut Take<'_>) -> Result<bool, HistoryError> {
        self.buffer.clear();
        if !append_line(&mut self.source, self.line, self.line + 1, &mut self.buffer)? {
            return Ok(false);
        }
        self.line += 1;
        let ended = self.buffer.ends_with(b"\n");
        match take(self.line, self.buffer.trim_ascii_end()) {
            // A line that does not end may be the beginning of a good one.
            Err(HistoryError::Unreadable { .. }) if !ended => {
                self.torn = true;
                Ok(false)
            }
            taken => taken.map(|()| true),
        }
    }

    fn torn(&self) -> bool {
        self.torn
    }
}

/// Forms of EDN, or the elements of the one vector that is the whole source.
pub(super) struct Forms<S> {
    source: S,
    /// Whole lines that end outside all forms.
    buffer: Vec<u8>,
    /// What of the buffer was handed on.
    taken: usize,
    /// The line on which `taken` stands.
    line: usize,
    /// Lines read in all.
    lines: usize,
    scan: Scan,
    around: Around,
    torn: bool,
}

/// The vector around all forms.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    /// Nothing was read yet.
    Unknown,
    /// There is none, or it was closed.
    Nothing,
    /// It is open.
    Vector,
}

/// Where a scan for the ends of forms is.
#[derive(Clone, Copy)]
struct Scan {
    depth: usize,
    within: Within,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Text,
    TextEscape,
    Character,
    Comment,
}

impl Scan {
    fn over(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.within = match (self.within, byte) {
                (Within::Code, b'"') => Within::Text,
                (Within::Code, b'\\') => Within::Character,
                (Within::Code, b';') => Within::Comment,
                (Within::Code, b'{' | b'[' | b'(') => {
                    self.depth += 1;
                    Within::Code
                }
                (Within::Code, b'}' | b']' | b')') => {
                    self.depth = self.depth.saturating_sub(1);
                    Within::Code
                }
                (Within::Code | Within::Character, _)
                | (Within::Text, b'"')
                | (Within::Comment, b'\n') => Within::Code,
                (Within::Text, b'\\') => Within::TextEscape,
                (Within::Text | Within::TextEscape, _) => Within::Text,
                (Within::Comment, _) => Within::Comment,
            };
        }
    }

    fn is_outside(self) -> bool {
        self.depth == 0 && matches!(self.within, Within::Code | Within::Comment)
    }
}

impl<S: BufRead> Forms<S> {
    pub(super) fn new(source: S) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            taken: 0,
            line: 1,
            lines: 0,
            scan: Scan { depth: 0, within: Within::Code },
            around: Around::Unknown,
            torn: false,
        }
    }

    /// Reads lines until they end outside all forms; false at the end of the source.
    fn fill(&mut self) -> Result<bool, HistoryError> {
        self.buffer.clear();
        self.taken = 0;
        self.line = self.lines + 1;
        loop {
            let before = self.buffer.len();
            if !append_line(&mut self.source, self.lines, self.line, &mut self.buffer)? {
                if before == 0 {
                    self.torn |= self.around == Around::Vector;
                    return Ok(false);
                }
                // Whole forms may stand before the one that breaks off.
                self.torn = true;
                return Ok(true);
            }
            self.lines += 1;
            let mut fresh = &self.buffer[before..];
            if self.around == Around::Unknown {
                let blank = fresh.len() - fresh.trim_ascii_start().len();
                match fresh.get(blank) {
                    None => {}
                    Some(b'[') => {
                        self.around = Around::Vector;
                        self.taken = before + blank + 1;
                        fresh = &self.buffer[self.taken..];
                    }
                    Some(b';') => {}
                    Some(_) => self.around = Around::Nothing,
                }
            }
            self.scan.over(fresh);
            if self.scan.depth > NESTING_MAX {
                return Err(self.fault(Fault::nested()));
            }
            if self.scan.is_outside() {
                return Ok(true);
            }
        }
    }

    fn fault(&self, fault: Fault) -> HistoryError {
        fault.on(self.line)
    }
}

impl<S: BufRead> Framing for Forms<S> {
    fn next(&mut self, take: &mut Take<'_>) -> Result<bool, HistoryError> {
        loop {
            let mut cursor = Cursor::new(&self.buffer, self.taken);
            if let Err(fault) = cursor.skip_blank() {
                return if self.torn { Ok(false) } else { Err(self.fault(fault)) };
            }
            let begin = cursor.at();
            self.line += newlines(&self.buffer[self.taken..begin]);
            self.taken = begin;
            let Some(first) = self.buffer.get(begin).copied() else {
                if self.torn || !self.fill()? {
                    return Ok(false);
                }
                continue;
            };
            if first == b']' && self.around == Around::Vector {
                self.around = Around::Nothing;
                self.taken += 1;
                continue;
            }
            let mut cursor = Cursor::new(&self.buffer, begin);
            if let Err(fault) = cursor.skip_form() {
                // What breaks off is the beginning of an event, or something else.
                let is_event = matches!(first, b'{' | b'#');
                return if self.torn && is_event { Ok(false) } else { Err(self.fault(fault)) };
            }
            let end = cursor.at();
            take(self.line, &self.buffer[begin..end])?;
            self.line += newlines(&self.buffer[begin..end]);
            self.taken = end;
            return Ok(true);
        }
    }

    fn torn(&self) -> bool {
        self.torn
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}
