//! Writes `history.jsonl` while the run goes on.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::{Event, Header};

/// Bytes gathered before the sink is written to without being asked.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes a header and events, one whole line each.
///
/// Lines gather in memory; [`flush`](Self::flush) hands over what is there, and so does
/// dropping the writer, which however cannot report an error. If the sink takes only part
/// of a line, the rest of that line comes first when it takes bytes again: a full disk may
/// tear the last line of the file, never one in the middle.
#[derive(Debug)]
pub struct EventWriter<W: Write> {
    sink: W,
    buffer: Vec<u8>,
}

impl<W: Write> EventWriter<W> {
    /// Writes the header through to `sink`.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn new(sink: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self::without_header(sink);
        writer.line(header)?;
        writer.flush()?;
        Ok(writer)
    }

    /// A writer of events only, as of a history that other tools recorded.
    pub fn without_header(sink: W) -> Self {
        Self { sink, buffer: Vec::with_capacity(BUFFER_BYTES + 1024) }
    }

    /// Appends a line.
    ///
    /// # Errors
    /// Those of the sink, when enough lines have gathered; the event is not lost, call
    /// [`flush`](Self::flush) to try again.
    pub fn append(&mut self, event: &Event) -> io::Result<()> {
        self.line(event)?;
        if self.buffer.len() >= BUFFER_BYTES { self.hand_over() } else { Ok(()) }
    }

    /// Hands all lines to the sink and flushes it.
    ///
    /// # Errors
    /// Those of the sink; what it did not take is kept.
    pub fn flush(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.sink.flush()
    }

    /// The sink, which may lack the lines not yet flushed.
    pub fn sink(&self) -> &W {
        &self.sink
    }

    fn line(&mut self, content: &impl Serialize) -> io::Result<()> {
        let whole = self.buffer.len();
        if let Err(error) = serde_json::to_writer(&mut self.buffer, content) {
            self.buffer.truncate(whole);
            return Err(error.into());
        }
        self.buffer.push(b'\n');
        Ok(())
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let mut taken = 0;
        let outcome = loop {
            if taken == self.buffer.len() {
                break Ok(());
            }
            match self.sink.write(&self.buffer[taken..]) {
                Ok(0) => break Err(ErrorKind::WriteZero.into()),
                Ok(count) => taken += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.buffer.drain(..taken);
        outcome
    }
}

impl<W: Write> Drop for EventWriter<W> {
    fn drop(&mut self) {
        // A caller who needs to know flushes first.
        let _ = self.flush();
    }
}
