//! The history that a command is given, in whatever format it is.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read, stdin},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use clap::ValueEnum;
use squall::analysis::AnalysisError;
use squall_checker::{
    formats::{Format, Keys, ReadOptions, read},
    history::History,
};

use crate::{
    exit::Failure,
    work::{Doing, Work},
};

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// A history and how to read it.
#[derive(clap::Args)]
pub(crate) struct Input {
    /// The history: a file, a run directory, or - for standard input
    pub(crate) history: PathBuf,
    /// The format of the history [default: told by its beginning]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatName>,
    /// Where a history of Jepsen keeps its keys
    #[arg(long, value_enum, default_value = "detect")]
    keys: KeysName,
}

/// The formats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// One JSON object a line: Squall's own
    Jsonl,
    /// EDN maps, as Jepsen's history.edn
    JepsenEdn,
    /// The columns that Jepsen prints: jepsen.log, history.txt
    JepsenLog,
    /// EDN maps with a :key, as in Porcupine's tests
    PorcupineKv,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Jsonl => Self::Jsonl,
            FormatName::JepsenEdn => Self::JepsenEdn,
            FormatName::JepsenLog => Self::JepsenLog,
            FormatName::PorcupineKv => Self::PorcupineKv,
        }
    }
}

/// Where keys are, by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeysName {
    /// Whatever the events leave no doubt about; refused if they do
    Detect,
    /// Every value is [key value], as jepsen.independent makes it
    Tuples,
    /// Values are values, and there is one object
    Plain,
}

impl From<KeysName> for Keys {
    fn from(name: KeysName) -> Self {
        match name {
            KeysName::Detect => Self::Detect,
            KeysName::Tuples => Self::Tuples,
            KeysName::Plain => Self::Plain,
        }
    }
}

impl Input {
    /// Whether the history comes by standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        self.history.as_os_str() == "-"
    }

    /// What people call it.
    pub(crate) fn shown(&self) -> String {
        if self.is_stdin() {
            "standard input".to_owned()
        } else {
            self.history.display().to_string()
        }
    }

    /// Reads the history; tells on stderr what it lacks.
    pub(crate) fn read(&self) -> Result<History, Failure> {
        let history = self.read_source()?;
        if history.torn {
            tell!(
                "squall: {} ends inside a line; that line was dropped, the rest is checked",
                self.shown()
            );
        }
        if history.missing > 0 {
            tell!(
                "squall: {} lacks {} events: the verdict is on what is left",
                self.shown(),
                history.missing
            );
        }
        Ok(history)
    }

    fn read_source(&self) -> Result<History, Failure> {
        let options = ReadOptions { format: self.format.map(Format::from), keys: self.keys.into() };
        if self.is_stdin() {
            if stdin().is_terminal() {
                tell!("squall: reading a history from the terminal; Ctrl-D ends it");
            }
            let path = PathBuf::from(self.shown());
            return counted(&path, BufReader::with_capacity(BLOCK_BYTES, stdin()), 0, options);
        }
        let inside = self.history.join("history.jsonl");
        let path = if inside.is_file() { &inside } else { &self.history };
        let failed = |source| Failure::asked(&AnalysisError::Read { path: path.clone(), source });
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        counted(path, BufReader::with_capacity(BLOCK_BYTES, file), bytes, options)
    }
}

/// Reads a history of `bytes` bytes, 0 if nobody knows, and shows how far it is.
fn counted(
    path: &Path,
    source: impl BufRead,
    bytes: u64,
    options: ReadOptions,
) -> Result<History, Failure> {
    let read_bytes = Arc::new(AtomicU64::new(0));
    let _work = Work::begin(Doing::Reading { read_bytes: Arc::clone(&read_bytes), bytes });
    read(Counted { source, read_bytes }, options)
        .map_err(|source| Failure::asked(&AnalysisError::History { path: path.to_owned(), source }))
}

/// A source that counts what is taken from it.
struct Counted<R> {
    source: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.read_bytes.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.source.consume(length);
        self.read_bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
}
