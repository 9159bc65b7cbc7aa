//! How nodes of a defined system are run: commands, files and what they are made of.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    super::protocol::Options,
    command::{self, Ended},
    definition::{Definition, DefinitionError, ListWords, NodeWords, Of, Place, Source, Text},
    request::template,
    template::Template,
};
use crate::system::NodeSetup;

/// How long each command of the initialization may take.
const INIT_WITHIN: Duration = Duration::from_secs(60);
/// Lines of a command's output quoted when it fails.
const QUOTED_LINES: usize = 8;

/// Everything that is needed to run a node.
pub(super) struct Recipe {
    command: Vec<Template>,
    env: Vec<(String, Template)>,
    files: Vec<File>,
    copies: Vec<(PathBuf, Vec<u8>)>,
    init: Vec<Vec<Template>>,
    version: Vec<Template>,
    lists: BTreeMap<String, List>,
}

struct File {
    path: PathBuf,
    text: Template,
    once: bool,
}

struct List {
    /// One text, or the words, for each node.
    each: Vec<Template>,
    /// None between words.
    between: Option<String>,
    of: Of,
}

/// A node as templates see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) name: &'a str,
    pub(super) number: usize,
    pub(super) listen: SocketAddr,
}

/// What every text about a node may name.
const OF_NODE: [&str; 5] = ["name", "number", "ip", "port", "listen"];
/// What texts of the node's own definition may name beside.
const OF_OWN: [&str; 5] = ["data", "binary", "first.name", "first.ip", "first.listen"];

impl Recipe {
    /// How nodes of `definition` are run. `beside` are built-in files it may copy, by name.
    ///
    /// # Errors
    /// Names the field that makes no sense, or the file that is not there.
    pub(super) fn of(
        definition: &Definition,
        beside: &[(&str, &str)],
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let options: Vec<_> = option_names(definition);
        let list = |(name, words): (&String, &ListWords)| {
            let known = names(&[&OF_NODE], &options);
            Ok((name.clone(), List::parse(name, words, &known, definition, source)?))
        };
        let lists: BTreeMap<_, _> =
            definition.lists.iter().map(list).collect::<Result<_, DefinitionError>>()?;
        let mut known = names(&[&OF_NODE, &OF_OWN], &options);
        known.extend(lists.keys().cloned());
        let node = &definition.node;
        let all = |texts: &[Text], field: &str| {
            texts
                .iter()
                .map(|text| template(text, field, &known, source))
                .collect::<Result<Vec<_>, _>>()
        };
        let command = all(node.command.get_ref(), "node.command")?;
        if command.is_empty() {
            let why = "say at least the program, such as [\"{binary}\"]";
            return Err(source.place("node.command", &node.command).wrong(why));
        }
        let init = node.init.iter().map(|command| all(command.get_ref(), "node.init"));
        let init = init.collect::<Result<Vec<_>, _>>()?;
        if let Some(empty) = node.init.iter().find(|command| command.get_ref().is_empty()) {
            return Err(source.place("node.init", empty).wrong("a command is at least a program"));
        }
        let env = node.env.iter().map(|(name, text)| {
            Ok((name.clone(), template(text, &format!("node.env.{name}"), &known, source)?))
        });
        let of_binary = ["binary".to_owned()];
        let version =
            node.version.iter().map(|text| template(text, "node.version", &of_binary, source));
        Ok(Self {
            command,
            env: env.collect::<Result<_, DefinitionError>>()?,
            files: files(node, &known, source)?,
            copies: copies(node, beside, source)?,
            init,
            version: version.collect::<Result<_, _>>()?,
            lists,
        })
    }

    /// The command that prints the version, if there is one.
    pub(super) fn version(&self, binary: &Path) -> Option<Command> {
        let words = self.version.iter().map(|word| word.fill(|_| binary.display().to_string()));
        command_of(words.collect())
    }

    /// The command that runs `node`.
    pub(super) fn command(&self, node: &NodeSetup, binary: &Path, options: &Options) -> Command {
        let value = |name: &str| self.value(name, node, binary, options);
        let words = self.command.iter().flat_map(|word| {
            let list = word.sole_variable().and_then(|name| self.lists.get(name));
            match list.filter(|list| list.between.is_none()) {
                Some(list) => list.texts(node, options),
                None => vec![word.fill(value)],
            }
        });
        let mut command = command_of(words.collect()).expect("a command without words is refused");
        command.envs(self.env.iter().map(|(name, text)| (name, text.fill(value))));
        command.current_dir(&node.data);
        command
    }

    /// Makes the files of `node`, and runs what is to be run before its first start.
    ///
    /// # Errors
    /// What could not be made or run, in words.
    pub(super) fn prepare(
        &self,
        node: &NodeSetup,
        binary: &Path,
        options: &Options,
    ) -> Result<(), String> {
        let value = |name: &str| self.value(name, node, binary, options);
        for file in &self.files {
            let path = node.data.join(&file.path);
            if !(file.once && path.exists()) {
                write(&path, file.text.fill(value).as_bytes())?;
            }
        }
        for (path, content) in &self.copies {
            write(&node.data.join(path), content)?;
        }
        let done = node.data.join(".squall-initialized");
        if self.init.is_empty() || done.exists() {
            return Ok(());
        }
        for words in &self.init {
            let words = words.iter().map(|word| word.fill(value)).collect();
            let mut command = command_of(words).expect("a command without words is refused");
            run(command.current_dir(&node.data))?;
        }
        write(&done, b"")
    }

    /// The text of the variable `name` for `node`.
    fn value(&self, name: &str, node: &NodeSetup, binary: &Path, options: &Options) -> String {
        let all = seen_by(node);
        let first = all[0];
        match name {
            "data" => node.data.display().to_string(),
            "binary" => binary.display().to_string(),
            "first.name" => first.name.to_owned(),
            "first.ip" => first.listen.ip().to_string(),
            "first.listen" => first.listen.to_string(),
            list if self.lists.contains_key(list) => {
                let list = &self.lists[list];
                list.texts(node, options).join(list.between.as_deref().unwrap_or(" "))
            }
            other => {
                let own = Seen { name: &node.name, number: node.number, listen: node.listen };
                own.value(other, options)
            }
        }
    }
}

impl List {
    fn parse(
        name: &str,
        words: &ListWords,
        known: &[String],
        definition: &Definition,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let texts: Vec<_> = words.each.iter().chain(&words.words).collect();
        let (Some(first), true) = (texts.first(), words.each.is_none() || words.words.is_empty())
        else {
            let why = format!("[lists.{name}] says either `each` or `words`");
            return Err(source.place("lists", &definition.name).wrong(why));
        };
        if OF_NODE.contains(&name) || OF_OWN.contains(&name) {
            let why = "there is a variable of that name already";
            return Err(source.place(format!("lists.{name}"), first).wrong(why));
        }
        let field = format!("lists.{name}");
        let each = texts.iter().map(|text| template(text, &field, known, source));
        let each = each.collect::<Result<_, _>>()?;
        let between = words.each.is_some().then(|| words.between.clone());
        Ok(Self { each, between, of: words.of })
    }

    /// The texts or words for all nodes it names, as `node` sees them.
    fn texts(&self, node: &NodeSetup, options: &Options) -> Vec<String> {
        seen_by(node)
            .iter()
            .filter(|of| self.of == Of::All || of.name != node.name)
            .flat_map(|of| {
                self.each.iter().map(move |text| text.fill(|name| of.value(name, options)))
            })
            .collect()
    }
}

impl Seen<'_> {
    /// The text of the variable `name` for this node.
    pub(super) fn value(&self, name: &str, options: &Options) -> String {
        match name {
            "name" => self.name.to_owned(),
            "number" => self.number.to_string(),
            "ip" => self.listen.ip().to_string(),
            "port" => self.listen.port().to_string(),
            "listen" => self.listen.to_string(),
            other => other
                .strip_prefix("options.")
                .and_then(|option| options.get(option))
                .cloned()
                .unwrap_or_default(),
        }
    }
}

/// The names of variables that hold options.
pub(super) fn option_names(definition: &Definition) -> Vec<String> {
    definition.options.keys().map(|name| format!("options.{name}")).collect()
}

/// The names that texts about any node may use.
pub(super) fn node_names(definition: &Definition) -> Vec<String> {
    names(&[&OF_NODE], &option_names(definition))
}

/// The names that texts about an address may use, where the node behind it is not known.
pub(super) fn address_names(definition: &Definition) -> Vec<String> {
    names(&[&["ip", "port", "listen"]], &option_names(definition))
}

fn names(fixed: &[&[&str]], options: &[String]) -> Vec<String> {
    let fixed = fixed.iter().copied().flatten().map(|name| (*name).to_owned());
    fixed.chain(options.iter().cloned()).collect()
}

/// Every node as `node` sees it, itself too, by number.
fn seen_by(node: &NodeSetup) -> Vec<Seen<'_>> {
    let own = Seen { name: &node.name, number: node.number, listen: node.listen };
    let mut all: Vec<Seen<'_>> = node
        .peers
        .iter()
        .enumerate()
        .map(|(place, (name, listen))| {
            // Peers are in order, and the node itself is not among them.
            let number = if place + 1 < node.number { place + 1 } else { place + 2 };
            Seen { name, number, listen: *listen }
        })
        .collect();
    all.insert((node.number - 1).min(all.len()), own);
    all
}

fn command_of(words: Vec<String>) -> Option<Command> {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next()?);
    command.args(words);
    Some(command)
}

fn files(
    node: &NodeWords,
    known: &[String],
    source: &Source,
) -> Result<Vec<File>, DefinitionError> {
    let each = [("node.files", &node.files, false), ("node.files_once", &node.files_once, true)];
    let mut files = Vec::new();
    for (field, texts, once) in each {
        for (path, text) in texts {
            let at = format!("{field}.{path}");
            let text_of = template(text, &at, known, source)?;
            let path = below(path, || source.place(&at, text))?;
            files.push(File { path, text: text_of, once });
        }
    }
    Ok(files)
}

fn copies(
    node: &NodeWords,
    beside: &[(&str, &str)],
    source: &Source,
) -> Result<Vec<(PathBuf, Vec<u8>)>, DefinitionError> {
    let copy = |(path, from): (&String, &Text)| {
        let place = || source.place(format!("node.copies.{path}"), from);
        let from = from.get_ref();
        let content = match &source.folder {
            Some(folder) => fs::read(folder.join(from))
                .map_err(|error| place().wrong(format!("cannot read `{from}`: {error}")))?,
            None => {
                let built_in = beside.iter().find(|(name, _)| name == from);
                let (_, text) = built_in.ok_or_else(|| place().wrong("there is no such file"))?;
                text.as_bytes().to_vec()
            }
        };
        Ok((below(path, place)?, content))
    };
    node.copies.iter().map(copy).collect()
}

/// `path`, which must lead down from the node's directory.
fn below(path: &str, place: impl Fn() -> Place) -> Result<PathBuf, DefinitionError> {
    let normal = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    let path = Path::new(path);
    if path.components().next().is_none() || !path.components().all(normal) {
        return Err(place().wrong("name a file below the node's own directory"));
    }
    Ok(path.to_owned())
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Runs one command of the initialization.
fn run(command: &mut Command) -> Result<(), String> {
    let Ended { status, said } = command::run(command, INIT_WITHIN)?;
    if status.success() {
        return Ok(());
    }
    let lines: Vec<_> = said.lines().collect();
    let last = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
    Err(format!("a command of `node.init` failed ({status}):\n{}", last.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_sees_all_in_the_order_of_their_numbers() {
        let address = |n: u8| SocketAddr::from(([10, 0, 0, n], 80));
        for number in 1..=3_u8 {
            let others = (1..=3_u8).filter(|other| *other != number);
            let node = NodeSetup {
                name: format!("n{number}"),
                number: number.into(),
                listen: address(number),
                peers: others.map(|other| (format!("n{other}"), address(other))).collect(),
                data: PathBuf::new(),
            };
            let seen: Vec<_> = seen_by(&node).iter().map(|of| (of.number, of.listen)).collect();
            assert_eq!(seen, [(1, address(1)), (2, address(2)), (3, address(3))]);
        }
    }
}
