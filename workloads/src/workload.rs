//! What the clients of a run do, and who judges it.

use std::time::Duration;

use squall_checker::model::ModelName;

use crate::{
    generator::Generator,
    keys::KeyChoice,
    operation::{Function, Invocation},
    roles::seed_of_part,
};

/// The client a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its number, counted from 0.
    pub number: usize,
    /// How many there are, at least 1.
    pub of: usize,
    /// How many nodes there are, at least 1. The client belongs to node `number % nodes`.
    pub nodes: usize,
}

impl Client {
    /// Client `number` of `of` on `nodes` nodes.
    pub fn new(number: usize, of: usize, nodes: usize) -> Self {
        Self { number, of, nodes }
    }

    /// The node it belongs to, counted from 0.
    pub fn node(self) -> usize {
        self.number % self.nodes.max(1)
    }
}

/// A promise about a history that its model says nothing of, checked beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// What all these accounts hold together, in every transaction that reads them all.
    ConstantTotal {
        /// The accounts; each holds `[balance, id]`.
        keys: Vec<String>,
        /// What they hold together.
        total: i64,
    },
    /// The tokens that acquired locks return rise in the order of time, lock by lock.
    FencingTokens,
    /// Revisions told agree with values, and never go back for one client.
    Revisions {
        /// Of keys that begin so; of all where it is empty.
        keys_prefix: String,
    },
}

/// What the clients of a run do, how the end is read back, and which model judges it.
pub trait Workload: Send + Sync {
    /// The name on the command line.
    fn name(&self) -> &'static str;

    /// The model that judges the history.
    fn model(&self) -> ModelName;

    /// The functions a system must offer.
    fn functions(&self) -> Vec<Function>;

    /// The stream of one client.
    ///
    /// Values written by different clients never collide on one key.
    fn generator(&self, client: Client) -> Box<dyn Generator>;

    /// What to read on every node, twice, once the faults are over.
    ///
    /// Asked for when the clients have ended, so that it may depend on what they did.
    fn final_reads(&self) -> Vec<Invocation>;

    /// What to take out at the end, each again and again until it returns null: on one node,
    /// since what is taken is gone.
    fn final_drains(&self) -> Vec<Invocation> {
        Vec::new()
    }

    /// The `number`th change that the harness itself makes, counted from 1, to see whether a
    /// node serves.
    ///
    /// One that the model knows and that succeeds whatever happened before, on a key that no
    /// client uses: [`SERVICE_KEY`].
    fn service_check(&self, number: u64) -> Invocation {
        Invocation::write(SERVICE_KEY, number)
    }

    /// What else must hold.
    fn promises(&self) -> Vec<Promise> {
        Vec::new()
    }
}

/// The key the harness itself changes, to see whether changes are served.
pub const SERVICE_KEY: &str = "squall";

/// What a run says of itself to those who make streams.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Determines every stream.
    pub seed: u64,
    /// Number of keys in use at a time, at least 1.
    pub keys: usize,
    /// How much hotter some keys are than others, as Zipf's exponent: 0 for all alike. Without
    /// one the workload decides, which mostly means all alike.
    pub skew: Option<f64>,
}

impl Settings {
    /// Twenty keys for this seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, keys: 20, skew: None }
    }

    /// How often each key is chosen.
    pub fn choice(self) -> KeyChoice {
        KeyChoice::zipf(self.keys, self.skew.unwrap_or(0.0))
    }

    /// The settings of one part of the workload, whose streams have nothing in common with
    /// those of other parts.
    #[must_use]
    pub fn part(self, part: u64) -> Self {
        Self { seed: seed_of_part(self.seed, part), ..self }
    }
}

/// Time since the clients began.
pub type Elapsed = Duration;
