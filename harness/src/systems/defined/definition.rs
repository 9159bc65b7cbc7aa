//! The file that describes a system: its words, as they are written.
//!
//! What the words mean is decided where they are used; here they are read, and places in the
//! file are found for what is wrong with them.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

/// The longest that anything is waited for, in seconds.
const SECONDS_MAX: u64 = 3_600;

/// The version of the format.
const VERSION: u32 = 1;

/// A text of the file that knows where it stands.
pub(super) type Text = Spanned<String>;

/// A definition that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The file cannot be read.
    #[error("read the system {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or has words a definition does not have.
    #[error("use {file}: {source}")]
    Toml {
        /// The file.
        file: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// One of its fields makes no sense.
    #[error("use {file}, line {line}, `{field}`: {why}")]
    Field {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The field.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// An option or a value of one that there is not.
    #[error("set `{given}` of `{system}`: {why}")]
    Option {
        /// The system.
        system: String,
        /// What was asked for.
        given: String,
        /// What there is.
        why: String,
    },
}

/// The text of a definition and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The file, or what stands for one.
    pub(super) file: String,
    pub(super) text: String,
    /// The folder that files it names are relative to; none for a built-in one.
    pub(super) folder: Option<PathBuf>,
}

impl Source {
    /// Reads `path`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, DefinitionError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| DefinitionError::Unreadable { file: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { file: path.display().to_string(), text, folder: Some(folder) })
    }

    /// The place of `field` in the file, for errors and for replies that do not fit.
    pub(super) fn place<T>(&self, field: impl Into<String>, at: &Spanned<T>) -> Place {
        let before = self.text.get(..at.span().start).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Place { file: self.file.clone(), line, field: field.into() }
    }
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    file: String,
    line: usize,
    field: String,
}

impl Place {
    /// The error that what stands there is wrong.
    pub(super) fn wrong(self, why: impl Into<String>) -> DefinitionError {
        let Self { file, line, field } = self;
        DefinitionError::Field { file, line, field, why: why.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}, `{}`", self.file, self.line, self.field)
    }
}

/// A definition as it is written; `docs/system-toml.md` says what each word means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) squall: Spanned<u32>,
    pub(super) name: Text,
    pub(super) about: String,
    #[serde(default)]
    pub(super) install: String,
    pub(super) nodes: Option<Spanned<u64>>,
    pub(super) workload: Option<Text>,
    pub(super) faults: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) revisions_are_of_values: bool,
    #[serde(default = "yes")]
    pub(super) every_node_serves: bool,
    #[serde(default)]
    pub(super) options: BTreeMap<String, OptionWords>,
    #[serde(default)]
    pub(super) lists: BTreeMap<String, ListWords>,
    pub(super) node: NodeWords,
    #[serde(default)]
    pub(super) client: ClientWords,
    pub(super) ready: Option<ProbeWords>,
    pub(super) probe: Option<ProbeWords>,
    #[serde(default)]
    pub(super) setup: Vec<SetupWords>,
    #[serde(default)]
    pub(super) reply: Vec<ReplyWords>,
    #[serde(default)]
    pub(super) operation: BTreeMap<Text, OperationWords>,
    #[serde(default)]
    pub(super) order: BTreeMap<Text, OrderWords>,
}

/// What may be chosen for a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionWords {
    pub(super) about: String,
    pub(super) default: String,
    /// All there are; anything goes where there is none.
    #[serde(default)]
    pub(super) values: Vec<String>,
}

/// A text for each node, joined, or words for each node, which a command takes as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListWords {
    pub(super) each: Option<Text>,
    #[serde(default)]
    pub(super) words: Vec<Text>,
    #[serde(default = "comma")]
    pub(super) between: String,
    #[serde(default)]
    pub(super) of: Of,
}

fn yes() -> bool {
    true
}

fn comma() -> String {
    ",".to_owned()
}

/// Whom a list names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Of {
    #[default]
    All,
    Others,
}

/// How a node is run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeWords {
    pub(super) binary: OneOrMore,
    pub(super) command: Spanned<Vec<Text>>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, Text>,
    /// Port of the clients, in the sandbox.
    pub(super) port: Option<Spanned<u64>>,
    /// Whether nodes reach each other at `{listen}` alone.
    #[serde(default)]
    pub(super) proxies: bool,
    /// Written into the node's directory before each start.
    #[serde(default)]
    pub(super) files: BTreeMap<String, Text>,
    /// The same where they are not there yet.
    #[serde(default)]
    pub(super) files_once: BTreeMap<String, Text>,
    /// Copied as they are, from beside the definition.
    #[serde(default)]
    pub(super) copies: BTreeMap<String, Text>,
    /// Commands run to their end before the first start.
    #[serde(default)]
    pub(super) init: Vec<Spanned<Vec<Text>>>,
    #[serde(default)]
    pub(super) version: Vec<Text>,
    pub(super) ready_s: Option<Spanned<u64>>,
    pub(super) recover_s: Option<Spanned<u64>>,
}

/// One text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::More(texts) => texts.clone(),
        }
    }
}

/// What clients speak.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientWords {
    pub(super) protocol: Option<Text>,
}

/// A request that tells how a node is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbeWords {
    pub(super) request: Text,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Text>,
    pub(super) body: Option<Text>,
    /// Statuses that count as an answer; any success where there is none.
    pub(super) status: Option<Spanned<StatusWords>>,
    /// Whether what was answered counts.
    pub(super) when: Option<Text>,
    pub(super) role: Option<Text>,
    pub(super) term: Option<Text>,
    pub(super) leader: Option<Text>,
    pub(super) commit: Option<Text>,
    pub(super) applied: Option<Text>,
}

/// A call that makes a fresh cluster ready.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupWords {
    pub(super) request: Text,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Text>,
    pub(super) body: Option<Text>,
    #[serde(default)]
    pub(super) on: On,
    pub(super) status: Option<Spanned<StatusWords>>,
    pub(super) when: Option<Text>,
}

/// Which nodes a call goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum On {
    #[default]
    First,
    Others,
    Each,
}

/// How an operation is asked for, and what replies mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperationWords {
    pub(super) request: Text,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Text>,
    pub(super) body: Option<Text>,
    /// A jq program that makes the body.
    pub(super) jq_body: Option<Text>,
    #[serde(default)]
    pub(super) reply: Vec<ReplyWords>,
}

/// How an order of an administrator is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderWords {
    /// What is asked first; its reply is the input of `jq_body`.
    pub(super) look: Option<LookWords>,
    pub(super) request: Text,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Text>,
    pub(super) body: Option<Text>,
    pub(super) jq_body: Option<Text>,
    pub(super) status: Option<Spanned<StatusWords>>,
    pub(super) when: Option<Text>,
}

/// What is asked before an order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookWords {
    pub(super) request: Text,
    pub(super) body: Option<Text>,
}

/// What a reply means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyWords {
    pub(super) is: Spanned<Is>,
    pub(super) status: Option<Spanned<StatusWords>>,
    pub(super) when: Option<Text>,
    pub(super) value: Option<Text>,
    pub(super) revision: Option<Text>,
    pub(super) why: Option<Text>,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Is {
    Ok,
    Mismatch,
    Fail,
    Info,
}

/// Statuses: `200`, `"4xx"` or a list of both.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum StatusWords {
    Number(u16),
    Class(String),
    List(Vec<StatusWords>),
}

impl Definition {
    /// Reads the words of `source`.
    ///
    /// # Errors
    /// It is not TOML, has words that a definition does not have, or lacks some.
    pub(super) fn parse(source: &Source) -> Result<Self, DefinitionError> {
        let definition: Self = toml::from_str(&source.text).map_err(|error| {
            DefinitionError::Toml { file: source.file.clone(), source: Box::new(error) }
        })?;
        if *definition.squall.get_ref() != VERSION {
            let why = format!("this is Squall's format {VERSION}; say `squall = {VERSION}`");
            return Err(source.place("squall", &definition.squall).wrong(why));
        }
        if !crate::plan::is_plain_name(definition.name.get_ref()) {
            let why = "use letters, digits, `-`, `_` and `.`, not beginning with `.`";
            return Err(source.place("name", &definition.name).wrong(why));
        }
        definition.bounded(source)?;
        Ok(definition)
    }

    fn bounded(&self, source: &Source) -> Result<(), DefinitionError> {
        let node = &self.node;
        let fields = [
            ("nodes", &self.nodes, crate::plan::Plan::NODES_MAX as u64),
            ("node.port", &node.port, u64::from(u16::MAX)),
            ("node.ready_s", &node.ready_s, SECONDS_MAX),
            ("node.recover_s", &node.recover_s, SECONDS_MAX),
        ];
        for (field, number, most) in fields {
            if let Some(number) = number
                && !(1..=most).contains(number.get_ref())
            {
                let why = format!("it must be from 1 to {most}");
                return Err(source.place(field, number).wrong(why));
            }
        }
        Ok(())
    }
}
