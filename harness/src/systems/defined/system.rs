//! A system by its definition.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use squall_nemesis::fault::{FaultKind, FaultSet};
use squall_workloads::Function;

use super::{
    super::protocol::{self, Options, Protocol},
    command::{self, Ended},
    definition::{Definition, DefinitionError, Source},
    http::Http,
    nodes::Recipe,
};
use crate::system::{BoxFuture, Client, NodeSetup, Order, Status, System};

/// How long a node may take from its start to its first answer, where its definition is silent.
const READY: Duration = Duration::from_secs(20);
/// How long a program may take to say its version.
const VERSION_WITHIN: Duration = Duration::from_secs(5);
/// How long a cluster may take to serve again after faults, where its definition is silent.
const RECOVER: Duration = Duration::from_secs(15);

/// A system described by a TOML file.
pub struct Defined {
    source: Source,
    definition: Definition,
    binary: PathBuf,
    options: Options,
    flags: Vec<String>,
    faults: FaultSet,
    recipe: Recipe,
    protocol: Box<dyn Protocol>,
}

/// What a person may choose of a defined system for one run.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The program of its nodes, in the place of the one defined.
    pub binary: Option<String>,
    /// Values of options.
    pub options: Options,
    /// Further flags at the end of each node's command line; each may hold several words.
    pub flags: Vec<String>,
}

impl Defined {
    /// The system that the file at `path` defines.
    ///
    /// # Errors
    /// The file cannot be read, something in it makes no sense, or the choice is none.
    pub fn from_file(path: &Path, choice: &Choice) -> Result<Self, DefinitionError> {
        Self::of(Source::read(path)?, &[], choice)
    }

    /// The system that `text` defines, which is built in and may copy the files `beside` it.
    ///
    /// # Errors
    /// As [`Defined::from_file`].
    pub(in crate::systems) fn built_in(
        name: &str,
        text: &str,
        beside: &[(&str, &str)],
        choice: &Choice,
    ) -> Result<Self, DefinitionError> {
        let file = format!("the built-in definition of `{name}`");
        Self::of(Source { file, text: text.to_owned(), folder: None }, beside, choice)
    }

    fn of(
        source: Source,
        beside: &[(&str, &str)],
        choice: &Choice,
    ) -> Result<Self, DefinitionError> {
        let definition = Definition::parse(&source)?;
        let options = chosen(&definition, &choice.options)?;
        let recipe = Recipe::of(&definition, beside, &source)?;
        let faults = faults(&definition, &source)?;
        let protocol = speak(&definition, &options, &source)?;
        if let Some(workload) = &definition.workload {
            squall_workloads::canonical(workload.get_ref())
                .map_err(|error| source.place("workload", workload).wrong(error.to_string()))?;
        }
        // What a file names lies beside it; what a person names, where that person is.
        let (candidates, beside) = match &choice.binary {
            Some(binary) => (vec![binary.clone()], None),
            None => (definition.node.binary.texts(), source.folder.as_deref()),
        };
        let binary =
            found(&candidates, beside).unwrap_or_else(|| PathBuf::from(candidates.join(", ")));
        let flags = choice.flags.iter().flat_map(|words| words.split_whitespace());
        let flags = flags.map(str::to_owned).collect();
        Ok(Self { source, definition, binary, options, flags, faults, recipe, protocol })
    }

    /// What it is, in one sentence.
    pub fn about(&self) -> &str {
        &self.definition.about
    }

    /// How to get its program, in words.
    pub fn install(&self) -> &str {
        &self.definition.install
    }

    /// Its options: name, what it is about, default and all values, of which anything goes where
    /// there is none.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str, &str, &[String])> {
        self.definition
            .options
            .iter()
            .map(|(name, words)| (&**name, &*words.about, &*words.default, &*words.values))
    }

    /// The program of its nodes; none where there is no such file.
    pub fn binary(&self) -> Option<&Path> {
        self.binary.is_file().then_some(&*self.binary)
    }

    /// The definition as it is written.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The size of a cluster where nobody says.
    pub fn nodes(&self) -> Option<usize> {
        let nodes = self.definition.nodes.as_ref()?;
        usize::try_from(*nodes.get_ref()).ok()
    }

    /// The workload where nobody says.
    pub fn workload(&self) -> Option<&str> {
        self.definition.workload.as_ref().map(|workload| &**workload.get_ref())
    }

    fn missing(&self) -> Option<String> {
        if self.binary().is_some() {
            return None;
        }
        let install = match self.definition.install.trim() {
            "" => String::new(),
            how => format!("; get it by `{how}`"),
        };
        let binary = self.binary.display();
        Some(format!("there is no program `{binary}`{install}, or name it with --binary PATH"))
    }
}

/// The value of every option.
fn chosen(definition: &Definition, given: &Options) -> Result<Options, DefinitionError> {
    let wrong = |given: String, why: String| DefinitionError::Option {
        system: definition.name.get_ref().clone(),
        given,
        why,
    };
    if let Some(name) = given.keys().find(|name| !definition.options.contains_key(*name)) {
        let known: Vec<_> = definition.options.keys().map(String::as_str).collect();
        let why = match known.is_empty() {
            true => "it has no options".to_owned(),
            false => format!("there is no such option; there is: {}", known.join(", ")),
        };
        return Err(wrong(name.clone(), why));
    }
    let choose = |(name, words): (&String, &super::definition::OptionWords)| {
        let value = given.get(name).unwrap_or(&words.default);
        if words.values.is_empty() || words.values.contains(value) {
            return Ok((name.clone(), value.clone()));
        }
        let why = format!("it is one of: {}", words.values.join(", "));
        Err(wrong(format!("{name}={value}"), why))
    };
    definition.options.iter().map(choose).collect()
}

fn faults(definition: &Definition, source: &Source) -> Result<FaultSet, DefinitionError> {
    let Some(words) = &definition.faults else {
        return Ok([FaultKind::Kill, FaultKind::Pause, FaultKind::Partition].into_iter().collect());
    };
    let parsed = words.get_ref().iter().map(|name| name.parse::<FaultKind>());
    let set = parsed
        .collect::<Result<FaultSet, _>>()
        .map_err(|error| source.place("faults", words).wrong(error.to_string()))?;
    let unfit = |kind: &FaultKind| *kind == FaultKind::Membership;
    let found = set.kinds().find(unfit);
    match found {
        Some(kind) => {
            let why = format!(
                "`{kind}` takes members out and in again, which a definition cannot describe"
            );
            Err(source.place("faults", words).wrong(why))
        }
        None => Ok(set),
    }
}

fn speak(
    definition: &Definition,
    options: &Options,
    source: &Source,
) -> Result<Box<dyn Protocol>, DefinitionError> {
    let protocol = definition.client.protocol.as_ref();
    let Some(name) = protocol.filter(|name| name.get_ref() != "http") else {
        return Ok(Box::new(Http::of(definition, options, source)?));
    };
    let place = source.place("client.protocol", name);
    if let Some(operation) = definition.operation.keys().chain(definition.order.keys()).next() {
        let why = format!("`{}` has operations of its own; leave them out", name.get_ref());
        return Err(source.place("operation", operation).wrong(why));
    }
    match protocol::by_name(name.get_ref(), options) {
        Some(Ok(protocol)) => Ok(protocol),
        Some(Err(why)) => Err(place.wrong(why)),
        None => {
            let known = protocol::NAMES.join(", ");
            Err(place.wrong(format!("there is no such protocol; there is: http, {known}")))
        }
    }
}

/// The first of `candidates` that is a program: a path, from `beside` or from here, or a name on
/// the PATH, or that of a file that is here.
fn found(candidates: &[String], beside: Option<&Path>) -> Option<PathBuf> {
    let of_path = std::env::var_os("PATH").unwrap_or_default();
    let file = |path: PathBuf| std::path::absolute(path).ok().filter(|path| path.is_file());
    candidates.iter().find_map(|candidate| {
        let path = match candidate.strip_prefix("~/").zip(std::env::home_dir()) {
            Some((rest, home)) => home.join(rest),
            None => PathBuf::from(candidate),
        };
        let named = path.components().count() == 1 && !candidate.starts_with("./");
        let on_path = || {
            std::env::split_paths(&of_path)
                .map(|folder| folder.join(&path))
                .find(|path| path.is_file())
        };
        let on_path = if named { on_path() } else { None };
        on_path
            .or_else(|| beside.and_then(|folder| file(folder.join(&path))))
            .or_else(|| file(path.clone()))
    })
}

impl System for Defined {
    fn name(&self) -> &str {
        self.definition.name.get_ref()
    }

    fn version(&self) -> String {
        let Some(mut command) = self.recipe.version(&self.binary) else {
            return self.binary.display().to_string();
        };
        match command::run(&mut command, VERSION_WITHIN) {
            Ok(Ended { said, .. }) => {
                let line = said.lines().map(str::trim).find(|line| !line.is_empty());
                line.unwrap_or("it does not say").to_owned()
            }
            Err(why) => format!("unknown: {why}"),
        }
    }

    fn offers(&self, function: Function) -> bool {
        self.protocol.offers(function)
    }

    fn revisions_are_of_values(&self) -> bool {
        self.definition.revisions_are_of_values || self.protocol.revisions_are_of_values()
    }

    fn every_node_serves(&self) -> bool {
        self.definition.every_node_serves
    }

    fn faults(&self) -> FaultSet {
        self.faults.clone()
    }

    fn port(&self) -> Option<u16> {
        let port = self.definition.node.port.as_ref()?;
        u16::try_from(*port.get_ref()).ok()
    }

    fn sandboxed(&self) -> Option<String> {
        (!self.definition.node.proxies).then(|| {
            "its nodes use ports beside the one that a proxy could stand before (say \
             `proxies = true` under [node] where `{listen}` is the only one)"
                .to_owned()
        })
    }

    fn ready_within(&self) -> Duration {
        let seconds = self.definition.node.ready_s.as_ref();
        seconds.map_or(READY, |seconds| Duration::from_secs(*seconds.get_ref()))
    }

    fn recovers_within(&self) -> Duration {
        let seconds = self.definition.node.recover_s.as_ref();
        seconds.map_or(RECOVER, |seconds| Duration::from_secs(*seconds.get_ref()))
    }

    fn prepare(&self, node: &NodeSetup) -> Result<(), String> {
        if let Some(why) = self.missing() {
            return Err(why);
        }
        let node = at_home(node).map_err(|error| error.to_string())?;
        self.recipe.prepare(&node, &self.binary, &self.options)
    }

    fn command(&self, node: &NodeSetup) -> Command {
        let node = at_home(node).unwrap_or_else(|_| node.clone());
        let mut command = self.recipe.command(&node, &self.binary, &self.options);
        command.args(&self.flags);
        command
    }

    fn order<'a>(
        &'a self,
        via: SocketAddr,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, String>> {
        self.protocol.order(via, order)
    }

    fn set_up<'a>(&'a self, nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        self.protocol.set_up(nodes)
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        self.protocol.client(nodes)
    }

    fn ready<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        self.protocol.ready(node)
    }

    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        self.protocol.probe(node)
    }

    fn definition(&self) -> Option<&str> {
        Some(self.text())
    }
}

/// The same node with its directory by its whole path, since it runs there.
fn at_home(node: &NodeSetup) -> io::Result<NodeSetup> {
    Ok(NodeSetup { data: std::path::absolute(&node.data)?, ..node.clone() })
}

/// Options as jq programs see them.
pub(super) fn as_json(options: &Options) -> Value {
    options.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}
