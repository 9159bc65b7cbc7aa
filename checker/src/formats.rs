//! Histories of other tools, and telling formats apart.
//!
//! | format | what it looks like |
//! |---|---|
//! | [`Format::Jsonl`] | `{"index":0,"process":3,"type":"invoke","f":"write","value":31}` |
//! | [`Format::JepsenEdn`] | `{:index 0, :process 3, :type :invoke, :f :write, :value 31}` |
//! | [`Format::JepsenLog`] | `INFO  jepsen.util - 3 :invoke :write 31`, with tabs between |
//! | [`Format::PorcupineKv`] | `{:process 3, :type :invoke, :f :put, :key "0", :value "x"}` |
//!
//! All of them become the same [`Event`](crate::history::Event)s and are paired and validated
//! in the same place. What JSON has no word for is spelled as a string or an array, and a
//! history in which two different values would be spelled alike is refused (see
//! `edn/spelling.rs`): a value that nobody wrote must never look like one that somebody did.
//!
//! Jepsen's formats are totally ordered by position: without `:index` the order of the file
//! is the order of events, since Jepsen appends to the history under one lock. Jepsen's
//! binary `.jepsen` files and Knossos' models are deliberately absent.

mod assemble;
mod detect;
mod edn;
mod framing;
mod jepsen_edn;
mod jepsen_log;
mod keys;
mod lives;
mod porcupine_kv;
mod write;

use std::io::{BufRead, Cursor, Read};
use std::{fmt, str};

use thiserror::Error;

pub use detect::{DETECTION_BYTES, detect};
pub use edn::write::{EdnWriteError, EdnWriter};
pub use write::{WriteError, Written, write};

use crate::history::{History, HistoryError, read_jsonl};
use assemble::{Assembler, Processes};
use framing::{Forms, Lines};

/// The longest line, or form over several lines, that is read of another tool's history.
pub const FORM_BYTES_MAX: usize = 64 << 20;

/// How deep collections and tags may be nested in another tool's history.
pub const NESTING_MAX: usize = 128;

/// What a history is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `history.jsonl`, one JSON object a line: ours.
    Jsonl,
    /// `history.edn` of Jepsen: maps, one after the other or in one vector.
    JepsenEdn,
    /// What Jepsen prints: columns of a log or of `history.txt`.
    JepsenLog,
    /// The key-value histories of Porcupine: EDN maps with a `:key`.
    PorcupineKv,
}

impl Format {
    /// Every format, in the order they are listed to people.
    pub const ALL: &'static [Self] =
        &[Self::Jsonl, Self::JepsenEdn, Self::JepsenLog, Self::PorcupineKv];

    /// The name as a command line spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::JepsenEdn => "jepsen-edn",
            Self::JepsenLog => "jepsen-log",
            Self::PorcupineKv => "porcupine-kv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let named = |format: &&Self| format.as_str() == name;
        Self::ALL.iter().find(named).copied().ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// A name that is no format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no format is called `{0}`; known formats: jsonl, jepsen-edn, jepsen-log, porcupine-kv")]
pub struct UnknownFormat(
    /// The name given.
    pub String,
);

/// Where a Jepsen history keeps the keys of its objects.
///
/// `jepsen.independent` makes the value of an operation a tuple of key and value. Old and new
/// Jepsen alike print it as the vector `[key value]`, which nothing tells from a value that
/// happens to be a vector of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Keys {
    /// Decide by the first invocation that leaves no doubt, and refuse the history if there is
    /// none, or if a later one speaks against it.
    ///
    /// In no doubt are: the invocation of a function without an argument, such as `:read`,
    /// whose value is nil (no keys) or `[key nil]` (keys); a value that is no vector of two (no
    /// keys); a `:cas` whose second element is no vector of two (no keys); a `:txn` (keys iff
    /// its first element is no vector); a tagged map entry (keys). In doubt is everything else,
    /// such as a `:write` of `[3 4]`.
    #[default]
    Detect,
    /// Every value of a client is `[key value]`.
    Tuples,
    /// Values are values, and there is one object only, unless events have a `:key`.
    Plain,
}

/// How a history is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Its format; detected if absent.
    pub format: Option<Format>,
    /// Where its keys are, if it is one of Jepsen.
    pub keys: Keys,
}

/// Reads a history, one line or form in memory at a time.
///
/// A last line or form that breaks off is dropped and sets [`History::torn`]. Linear in the
/// length of the source; memory is that of the operations, and of [`FORM_BYTES_MAX`] at most
/// for one line or form.
///
/// ```
/// use squall_checker::formats::{ReadOptions, read};
///
/// let text = "{:process 0, :type :invoke, :f :write, :value 3}
///             {:process 0, :type :ok, :f :write, :value 3}";
/// let history = read(text.as_bytes(), ReadOptions::default())?;
/// assert_eq!(history.operations.len(), 1);
/// # Ok::<(), squall_checker::history::HistoryError>(())
/// ```
///
/// # Errors
/// The first line or form that is no event, and the first event that does not fit the ones
/// before it; [`HistoryError::UnknownFormat`] if the beginning looks like no format.
pub fn read(mut source: impl BufRead, options: ReadOptions) -> Result<History, HistoryError> {
    let mut beginning = Vec::new();
    source
        .by_ref()
        .take(DETECTION_BYTES as u64)
        .read_to_end(&mut beginning)
        .map_err(|source| HistoryError::Read { line: 0, source })?;
    let format = match options.format {
        Some(format) => format,
        None => detect(&beginning).ok_or(HistoryError::UnknownFormat)?,
    };
    let source = Cursor::new(beginning).chain(source);
    match format {
        Format::Jsonl => read_jsonl(source),
        Format::JepsenEdn => {
            let assembler = Assembler::new(jepsen_edn::fields, options.keys, Processes::Retire);
            assembler.read(Forms::new(source))
        }
        Format::JepsenLog => {
            let assembler = Assembler::new(jepsen_log::fields, options.keys, Processes::GoOn);
            assembler.read(Lines::new(source))
        }
        Format::PorcupineKv => {
            let assembler = Assembler::new(porcupine_kv::fields, Keys::Plain, Processes::GoOn);
            assembler.read(Forms::new(source))
        }
    }
}
