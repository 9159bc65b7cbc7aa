//! What probes observed: which node's packets reached which.

use serde::Serialize;

use crate::grudge::Grudge;

/// Who reached whom in one round of probes over every ordered pair of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Reachability {
    /// Row `from`, column `to`.
    reached: Vec<Vec<bool>>,
}

impl Reachability {
    /// The matrix of `nodes` nodes before any probe has arrived; each node has itself.
    pub(super) fn nobody(nodes: usize) -> Self {
        let row = |from| (0..nodes).map(|to| from == to).collect();
        Self { reached: (0..nodes).map(row).collect() }
    }

    /// Takes down that what `from` sent reached `to`; numbers out of range are ignored.
    pub(super) fn arrived(&mut self, from: usize, to: usize) {
        if let Some(cell) = self.reached.get_mut(from).and_then(|row| row.get_mut(to)) {
            *cell = true;
        }
    }

    /// True when the probe that `from` sent reached `to`.
    #[must_use]
    pub fn reaches(&self, from: usize, to: usize) -> bool {
        self.reached.get(from).and_then(|row| row.get(to)).is_some_and(|reached| *reached)
    }

    /// True when every probe arrived.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.reached.iter().flatten().all(|reached| *reached)
    }

    /// The ordered pairs that behave otherwise than `grudge` demands: cut, yet something came
    /// through, or open, yet nothing did. Empty exactly when the grudge holds.
    #[must_use]
    pub fn deviations(&self, grudge: &Grudge) -> Vec<(usize, usize)> {
        let nodes = self.reached.len();
        (0..nodes)
            .flat_map(|from| (0..nodes).map(move |to| (from, to)))
            .filter(|&(from, to)| from != to)
            .filter(|&(from, to)| self.reaches(from, to) == grudge.cuts(from, to))
            .collect()
    }
}
