//! Hot and cold keys.

use std::sync::Arc;

use rand::{
    RngExt,
    distr::{Distribution, weighted::WeightedIndex},
    rngs::ChaCha8Rng,
};

/// How often each key is chosen.
#[derive(Clone, Debug)]
pub enum KeyChoice {
    /// All alike.
    Uniform {
        /// How many there are, at least 1.
        keys: usize,
    },
    /// Some more often than others.
    Weighted(Arc<WeightedIndex<f64>>),
}

impl KeyChoice {
    /// Keys `0..keys`, at least 1, of which key `k` is chosen in proportion to
    /// `1 / (k + 1)^exponent` (Zipf's law); an exponent of 0 makes all alike, 1 makes the
    /// first of 20 keys 28 % of all.
    pub fn zipf(keys: usize, exponent: f64) -> Self {
        let keys = keys.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a weight need not be exact")]
        let weights = (1..=keys).map(|rank| (rank as f64).powf(-exponent));
        match WeightedIndex::new(weights) {
            Ok(weighted) if exponent != 0.0 => Self::Weighted(Arc::new(weighted)),
            // An exponent beyond all bounds leaves no weights to go by.
            _ => Self::Uniform { keys },
        }
    }

    /// The next key.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        match self {
            Self::Uniform { keys } => rng.random_range(0..*keys),
            Self::Weighted(weighted) => weighted.sample(rng),
        }
    }
}
