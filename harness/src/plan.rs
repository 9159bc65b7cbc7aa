//! The plan of one run: everything a person may choose, and the seed that fixes the rest.
//!
//! A plan is complete and serialisable: what `plan.toml` in a run directory says is what
//! ran, and `squall test --plan` runs it again. Deliberately absent: anything about where
//! results go or how they are shown.

use std::{collections::BTreeMap, fmt, path::Path, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use squall_nemesis::{
    fault::{FaultKind, FaultSet},
    schedule::{Schedule, ScheduleError},
};
use squall_results::checks::{CheckName, Severity};

use crate::system::System;

/// What to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// Name of the run in the store; made of system, workload and bug when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The system under test: the name of a built-in one, or the path of a file that defines one.
    pub system: String,
    /// The program of its nodes, in the place of the one its definition names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// Options of the system, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// A planted bug of the built-in node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bug: Option<String>,
    /// Further flags for the command of every node, such as `--election-ms 150`; each may hold
    /// several words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_flags: Vec<String>,
    /// Size of the cluster, 1 to [`Plan::NODES_MAX`].
    pub nodes: usize,
    /// What the clients do.
    pub workload: String,
    /// Number of keys the workload spreads over, at least 1.
    pub keys: usize,
    /// How much hotter some keys are than others, as Zipf's exponent from 0 to 5; 0 makes all
    /// alike. Without one the workload decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew: Option<f64>,
    /// Which faults happen, as a comma-separated list.
    pub nemesis: String,
    /// How long the clients run.
    #[serde(with = "duration")]
    pub time: Duration,
    /// Operations a second over all clients.
    pub rate: Rate,
    /// How operations come in at the rate.
    pub arrivals: Arrivals,
    /// Where clients send operations that are not meant for one node.
    pub address: ClientAddress,
    /// Clients working at once; 0 means four for every node.
    pub concurrency: usize,
    /// How long a client waits for a reply before it gives the operation up.
    #[serde(with = "duration")]
    pub operation_timeout: Duration,
    /// How the nodes are connected.
    pub net: Net,
    /// Determines values, choices and the fault schedule.
    #[serde(deserialize_with = "seed::deserialize", serialize_with = "seed::serialize")]
    pub seed: u64,
    /// Whether the run stops at the first violation seen while it goes on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fail_fast: bool,
    /// What becomes of the checks beside linearizability, where it is not their default.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<CheckName, Severity>,
    /// The fault schedule; drawn from the seed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            name: None,
            system: "node".to_owned(),
            binary: None,
            options: BTreeMap::new(),
            bug: None,
            node_flags: Vec::new(),
            nodes: 5,
            workload: "mixed".to_owned(),
            keys: 20,
            skew: None,
            nemesis: "kill,pause,partition".to_owned(),
            time: Duration::from_secs(30),
            rate: Rate::PerSecond(2000),
            arrivals: Arrivals::Closed,
            address: ClientAddress::Own,
            concurrency: 0,
            operation_timeout: Duration::from_secs(1),
            net: Net::Auto,
            seed: 0,
            fail_fast: false,
            checks: BTreeMap::new(),
            schedule: None,
        }
    }
}

/// A plan that cannot be run as it stands.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A number is outside its bounds.
    #[error("use {field} = {given}: it must be {bounds}")]
    OutOfBounds {
        /// The field of the plan.
        field: &'static str,
        /// What the plan says.
        given: String,
        /// What it may say.
        bounds: String,
    },
    /// A run that would pass without any of the faults asked for.
    #[error(
        "fit any of the faults `{nemesis}` into this run: give it more time or nodes, or ask \
         for none with --nemesis none"
    )]
    NoFault {
        /// What was asked for.
        nemesis: String,
    },
    /// A fault means nothing to the system.
    #[error("strike `{system}` with `{fault}`: that fits it not; what fits is {fit}")]
    Unfit {
        /// The system.
        system: String,
        /// The fault.
        fault: FaultKind,
        /// What fits, as a list.
        fit: String,
    },
    /// The fault schedule does not fit the cluster.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The faults are not understood.
    #[error("read the faults: {0}")]
    Faults(String),
    /// The workload is not known.
    #[error(transparent)]
    Workload(#[from] squall_workloads::UnknownWorkload),
    /// The plan file is not a plan.
    #[error("read the plan")]
    Toml(#[from] toml::de::Error),
}

impl Plan {
    /// Largest cluster the network is made for.
    pub const NODES_MAX: usize = 64;
    /// The most counts that all clients together may keep, one for each client and key.
    pub const COUNTS_MAX: usize = 20_000_000;
    /// The greatest skew: the second key is then asked for once in 32 times the first.
    pub const SKEW_MAX: f64 = 5.0;
    /// Most clients at once.
    pub const CONCURRENCY_MAX: usize = 10_000;

    /// Reads a plan from TOML; absent fields take their defaults.
    ///
    /// # Errors
    /// When the text is not TOML, or names a field a plan does not have.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        Ok(toml::from_str(text)?)
    }

    /// The plan as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a plan has only keys and values TOML can hold")
    }

    /// Checks the bounds and resolves what was left open: concurrency and schedule.
    ///
    /// # Errors
    /// Names the field, what it says and what it may say.
    pub fn resolve(self) -> Result<Self, PlanError> {
        // Why there is no such system is told by whoever makes it to run it; a system of somebody's
        // own has no name here. Which program runs it is of no concern.
        let system = crate::systems::by_plan(&self, Path::new("squall")).ok();
        self.resolve_for(system.as_deref())
    }

    /// The same for this system, whatever the plan calls it: `all` are the faults that fit it, and
    /// `mixed` what it offers of that.
    ///
    /// # Errors
    /// As [`Plan::resolve`].
    pub fn resolve_for(mut self, system: Option<&dyn System>) -> Result<Self, PlanError> {
        bounded("nodes", self.nodes, 1, Self::NODES_MAX)?;
        bounded("keys", self.keys, 1, 1_000_000)?;
        if self.concurrency == 0 {
            self.concurrency = 4 * self.nodes;
        }
        bounded("concurrency", self.concurrency, 1, Self::CONCURRENCY_MAX)?;
        if let Some(skew) = self.skew.filter(|skew| !(0.0..=Self::SKEW_MAX).contains(skew)) {
            let bounds = format!("from 0 to {}", Self::SKEW_MAX);
            let given = skew.to_string();
            return Err(PlanError::OutOfBounds { field: "skew", given, bounds });
        }
        bounded_time("time", self.time, "1s", "1day")?;
        bounded_time("operation_timeout", self.operation_timeout, "1ms", "1h")?;
        if let Some(name) = self.name.as_ref().filter(|name| !is_plain_name(name)) {
            return Err(PlanError::OutOfBounds {
                field: "name",
                given: format!("{name:?}"),
                bounds: "letters, digits, `-`, `_` and `.`, not beginning with `.`, and not \
                         `latest`"
                    .to_owned(),
            });
        }
        self.workload = squall_workloads::canonical(&self.workload)?;
        if let Some(system) = system.filter(|_| self.workload == "mixed") {
            self.workload = crate::systems::mix_for(system);
        }
        bounded("keys times concurrency", self.keys * self.concurrency, 1, Self::COUNTS_MAX)?;
        if let Some(system) = system.filter(|_| self.schedule.is_none()) {
            self.nemesis = self.fitting(&system.faults())?;
        }
        let faults = self.faults()?;
        if self.schedule.is_none() {
            let schedule = Schedule::random(self.seed, &faults, self.nodes, self.time);
            if schedule.is_empty() && !faults.is_empty() {
                return Err(PlanError::NoFault { nemesis: self.nemesis });
            }
            self.schedule = Some(schedule);
        }
        self.schedule.iter().try_for_each(|schedule| schedule.check(&self.node_names()))?;
        Ok(self)
    }

    /// The faults asked for, if all of them are in `fit`; for `all`, those that are.
    fn fitting(&self, fit: &FaultSet) -> Result<String, PlanError> {
        let faults = self.faults()?;
        match faults.kinds().find(|kind| !fit.contains(*kind)) {
            None => Ok(self.nemesis.clone()),
            Some(_) if self.nemesis.trim() == "all" => Ok(fit.clone().into()),
            Some(fault) => {
                let (system, fit) = (self.system_name(), fit.clone().into());
                Err(PlanError::Unfit { system, fault, fit })
            }
        }
    }

    /// The names of the nodes, `n1` and up.
    pub fn node_names(&self) -> Vec<String> {
        (1..=self.nodes).map(|number| format!("n{number}")).collect()
    }

    /// The same plan for another seed: a schedule its seed drew is drawn anew, a directed one
    /// keeps its faults and their times and makes its choices anew.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        let drawn = self.has_drawn_schedule();
        self.schedule = self.schedule.filter(|_| !drawn).map(|directed| directed.reseeded(seed));
        self.seed = seed;
        self
    }

    /// The faults by name.
    ///
    /// # Errors
    /// When the list holds a name that is not a fault.
    pub fn faults(&self) -> Result<FaultSet, PlanError> {
        self.nemesis.parse::<FaultSet>().map_err(|error| PlanError::Faults(error.to_string()))
    }

    /// The name of the run in the store.
    pub fn run_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let workload = match self.workload.contains([',', '=']) {
                true => "mixed",
                false => self.workload.as_str(),
            };
            let system = self.system_name();
            let parts = [Some(system.as_str()), Some(workload), self.bug.as_deref()];
            parts.into_iter().flatten().collect::<Vec<_>>().join("-")
        })
    }

    /// The system as a folder may be called: of a file, what it is called without its ending.
    pub fn system_name(&self) -> String {
        let stem = Path::new(&self.system).file_stem().unwrap_or_default().to_string_lossy();
        let plain = stem.replace(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)), "_");
        if is_plain_name(&plain) { plain } else { "system".to_owned() }
    }

    fn has_drawn_schedule(&self) -> bool {
        let draw = |faults| Schedule::random(self.seed, &faults, self.nodes, self.time);
        let drawn = self.faults().ok().map(draw);
        self.schedule.is_none() || self.schedule == drawn
    }

    /// What the workload needs to know.
    pub fn workload_settings(&self) -> squall_workloads::Settings {
        squall_workloads::Settings { seed: self.seed, keys: self.keys, skew: self.skew }
    }

    /// The command line that runs this plan again: by flags where they say all of it, and by
    /// `file`, which holds the plan, where its schedule is not the one its seed draws.
    pub fn command(&self, file: &Path) -> String {
        if !self.has_drawn_schedule() {
            return format!("squall test --plan {}", file.display());
        }
        let default = Self::default();
        let mut words = vec!["squall test".to_owned()];
        let mut flag = |differs: bool, flag: &str, value: String| {
            if differs {
                words.push(format!("--{flag} {value}"));
            }
        };
        let plain = self.system.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        let system = if plain { self.system.clone() } else { quoted(&self.system) };
        flag(self.system != default.system, "system", system);
        flag(self.binary.is_some(), "binary", quoted(self.binary.as_deref().unwrap_or_default()));
        for (name, value) in &self.options {
            flag(true, "set", quoted(&format!("{name}={value}")));
        }
        flag(self.bug.is_some(), "bug", self.bug.clone().unwrap_or_default());
        for words in &self.node_flags {
            flag(true, "node-flag", quoted(words));
        }
        flag(self.nodes != default.nodes, "nodes", self.nodes.to_string());
        flag(self.workload != default.workload, "workload", self.workload.clone());
        flag(self.keys != default.keys, "keys", self.keys.to_string());
        flag(self.skew.is_some(), "skew", self.skew.unwrap_or_default().to_string());
        flag(self.nemesis != default.nemesis, "nemesis", self.nemesis.clone());
        flag(self.time != default.time, "time", duration::show(self.time));
        flag(self.rate != default.rate, "rate", self.rate.to_string());
        flag(self.arrivals != default.arrivals, "arrivals", self.arrivals.to_string());
        flag(self.address != default.address, "address", self.address.to_string());
        flag(self.concurrency != 4 * self.nodes, "concurrency", self.concurrency.to_string());
        let timeout = duration::show(self.operation_timeout);
        flag(self.operation_timeout != default.operation_timeout, "operation-timeout", timeout);
        flag(self.net != default.net, "net", self.net.to_string());
        for (name, severity) in &self.checks {
            flag(*severity != name.default_severity(), "check", format!("{name}={severity}"));
        }
        flag(true, "seed", self.seed.to_string());
        words.extend(self.fail_fast.then(|| "--fail-fast".to_owned()));
        words.join(" ")
    }
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether `name` is one folder's name, on every file system, and free to use.
pub fn is_plain_name(name: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    // `latest` is the link to the newest run.
    !name.is_empty() && !name.starts_with('.') && name != "latest" && name.chars().all(safe)
}

fn bounded(field: &'static str, given: usize, least: usize, most: usize) -> Result<(), PlanError> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let bounds = format!("from {least} to {most}");
    Err(PlanError::OutOfBounds { field, given: given.to_string(), bounds })
}

fn bounded_time(
    field: &'static str,
    given: Duration,
    least: &str,
    most: &str,
) -> Result<(), PlanError> {
    let limit = |text| humantime::parse_duration(text).expect("a literal duration");
    if (limit(least)..=limit(most)).contains(&given) {
        return Ok(());
    }
    let bounds = format!("from {least} to {most}");
    Err(PlanError::OutOfBounds { field, given: duration::show(given), bounds })
}

/// How fast the clients go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// As fast as replies come back.
    Unlimited,
    /// At most so many operations a second over all clients, at least 1.
    PerSecond(u32),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        match text.parse() {
            Ok(rate) if rate > 0 => Ok(Self::PerSecond(rate)),
            _ => Err(format!(
                "`{text}` is not a rate: give operations a second, at least 1, or `unlimited`"
            )),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::PerSecond(rate) => write!(f, "{rate}"),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unlimited => serializer.serialize_str("unlimited"),
            Self::PerSecond(rate) => serializer.serialize_u32(*rate),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "a number of operations a second, at least 1, or `unlimited`"
        )]
        enum Raw {
            Number(u32),
            Text(String),
        }
        let text = match Raw::deserialize(deserializer)? {
            Raw::Number(number) => number.to_string(),
            Raw::Text(text) => text,
        };
        text.parse().map_err(de::Error::custom)
    }
}

/// How operations come in at a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Each client by turns of its own; what it misses while it waits for a reply is gone.
    #[default]
    Closed,
    /// On one schedule that goes on whatever becomes of replies; what is late is made up for.
    Open,
    /// As `open`, at random times.
    Random,
}

impl Arrivals {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Closed, "closed"), (Self::Open, "open"), (Self::Random, "random")];
}

/// Where clients send operations that are not meant for one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAddress {
    /// Each client to the node it belongs to.
    #[default]
    Own,
    /// Each client to one node after the other, a few operations each.
    Moving,
    /// Everybody to whoever was last seen to lead.
    Leader,
    /// Each client to the node that last answered it.
    Any,
}

impl ClientAddress {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Own, "own"),
        (Self::Moving, "moving"),
        (Self::Leader, "leader"),
        (Self::Any, "any"),
    ];
}

/// Reads one of a few words.
fn one_of<T: Copy>(what: &str, text: &str, all: &[(T, &str)]) -> Result<T, String> {
    let words = || all.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ");
    let found = all.iter().find(|(_, word)| *word == text).map(|(value, _)| *value);
    found.ok_or_else(|| format!("there is no {what} `{text}`; there is: {}", words()))
}

fn word_of<T: PartialEq>(value: &T, all: &[(T, &'static str)]) -> &'static str {
    all.iter().find(|(other, _)| other == value).map_or("", |(_, word)| word)
}

impl FromStr for Arrivals {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of("way to arrive", text, &Self::ALL)
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(self, &Self::ALL))
    }
}

impl FromStr for ClientAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of("address", text, &Self::ALL)
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(self, &Self::ALL))
    }
}

/// How the nodes are connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Net {
    /// The sandbox where this machine allows one, otherwise proxies.
    #[default]
    Auto,
    /// A disposable world of Linux namespaces.
    Sandbox,
    /// One TCP proxy per directed pair of nodes.
    Proxy,
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "sandbox" => Ok(Self::Sandbox),
            "proxy" => Ok(Self::Proxy),
            _ => Err(format!("there is no network `{text}`; there is: auto, sandbox, proxy")),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Sandbox => "sandbox",
            Self::Proxy => "proxy",
        })
    }
}

/// Durations as people write them: `30s`, `500ms`, `1h 30m`.
mod duration {
    use super::{Deserialize, Deserializer, Duration, Serializer, de};

    pub(super) fn show(duration: Duration) -> String {
        humantime::format_duration(duration).to_string().replace(' ', "")
    }

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map_err(|error| de::Error::custom(format!("`{text}` is not a duration: {error}")))
    }
}

/// Seeds as TOML can hold them: its integers end at 2^63 - 1, so larger ones are text.
mod seed {
    use super::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(seed: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*seed) {
            Ok(seed) => serializer.serialize_i64(seed),
            Err(_) => serializer.serialize_str(&seed.to_string()),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a seed from 0 to 2^64 - 1")]
        enum Raw {
            Number(u64),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Number(seed) => Ok(seed),
            Raw::Text(text) => text
                .parse()
                .map_err(|_| de::Error::custom(format!("`{text}` is not a seed: 0 to 2^64 - 1"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(change: impl FnOnce(&mut Plan)) -> Plan {
        let mut plan = Plan::default();
        change(&mut plan);
        plan.resolve().expect("a good plan")
    }

    #[test]
    fn a_plan_survives_its_file() {
        let plan = resolved(|plan| plan.seed = u64::MAX);
        assert_eq!(Plan::from_toml(&plan.to_toml()).expect("a plan"), plan);
    }

    #[test]
    fn the_command_says_the_flags_or_else_the_file() {
        let file = Path::new("store/x/plan.toml");
        let drawn = resolved(|plan| (plan.seed, plan.nodes) = (7, 3));
        assert_eq!(drawn.command(file), "squall test --nodes 3 --seed 7");
        let hasty = Plan { fail_fast: true, ..drawn.clone() };
        assert_eq!(hasty.command(file), "squall test --nodes 3 --seed 7 --fail-fast");
        let checks = [(CheckName::Logs, Severity::Warn), (CheckName::Pace, Severity::Warn)];
        let lenient = Plan { checks: checks.into(), ..drawn.clone() };
        assert_eq!(
            lenient.command(file),
            "squall test --nodes 3 --check logs=warn --seed 7",
            "a default need not be said"
        );
        let slow = ["--election-ms 150".to_owned(), "--x=it's".to_owned()].to_vec();
        let flagged = Plan { node_flags: slow, ..drawn.clone() };
        assert_eq!(
            flagged.command(file),
            r"squall test --node-flag '--election-ms 150' --node-flag '--x=it'\''s' --nodes 3 --seed 7"
        );
        let mut own = drawn;
        own.schedule.as_mut().expect("resolved").steps.truncate(1);
        assert_eq!(own.command(file), "squall test --plan store/x/plan.toml");
    }

    #[test]
    fn checks_are_kept_and_unknown_ones_refused_by_name() {
        let plan =
            Plan::from_toml("[checks]\nlogs = \"warn\"\nset-full = \"off\"").expect("a plan");
        let asked = [(CheckName::SetFull, Severity::Off), (CheckName::Logs, Severity::Warn)];
        assert_eq!(plan.checks, asked.into());
        let plan = plan.resolve().expect("a good plan");
        assert_eq!(Plan::from_toml(&plan.to_toml()).expect("a plan"), plan);
        for (text, given, known) in
            [("log = \"warn\"", "`log`", "`set-full`"), ("logs = \"error\"", "`error`", "`fail`")]
        {
            let refused = Plan::from_toml(&format!("[checks]\n{text}")).expect_err("no such");
            let refused = crate::run::chain(&refused);
            assert!(refused.contains(given) && refused.contains(known), "{refused}");
        }
    }

    #[test]
    fn a_directed_schedule_must_fit_the_cluster() {
        let plan = |name| {
            let fault = format!(r#"{{ kind = "kill", target = {{ nodes = ["{name}"] }} }}"#);
            let step = format!("{{ at_ms = 9, lasts_ms = 20, fault = {fault} }}");
            let text = format!("nodes = 3\nschedule = {{ steps = [{step}] }}");
            Plan::from_toml(&text).expect("a plan").resolve()
        };
        assert!(plan("n3").is_ok());
        let refused = plan("n4").expect_err("there is none").to_string();
        assert_eq!(refused, "carry out `kill-n4`: there is no node `n4`");
    }

    #[test]
    fn a_run_without_room_for_its_faults_is_refused() {
        let short = Plan { time: Duration::from_secs(1), ..Plan::default() };
        assert!(matches!(short.resolve(), Err(PlanError::NoFault { .. })));
        let calm =
            Plan { time: Duration::from_secs(1), nemesis: "none".to_owned(), ..Plan::default() };
        assert!(calm.resolve().is_ok());
    }
}
