//! Which sender's bytes may reach which receiver.

use tokio::sync::watch;

use crate::grudge::Grudge;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Shut,
}

/// One gate for each ordered pair of nodes.
pub(super) struct Gates {
    /// Row `from`, column `to`.
    states: Vec<Vec<watch::Sender<State>>>,
}

impl Gates {
    /// Gates between `nodes` nodes, all open.
    pub(super) fn open(nodes: usize) -> Self {
        let gate = |_| watch::Sender::new(State::Open);
        Self { states: (0..nodes).map(|_| (0..nodes).map(gate).collect()).collect() }
    }

    /// Shuts exactly the gates that `grudge` names.
    pub(super) fn apply(&self, grudge: &Grudge) {
        for (from, row) in self.states.iter().enumerate() {
            for (to, gate) in row.iter().enumerate() {
                gate.send_replace(if grudge.cuts(from, to) { State::Shut } else { State::Open });
            }
        }
    }

    /// What a connection that `from` opened to `to` has to pass.
    pub(super) fn passage(&self, from: usize, to: usize) -> Passage {
        Passage {
            there: Gate(self.states[from][to].subscribe()),
            back: Gate(self.states[to][from].subscribe()),
        }
    }
}

/// One gate, as seen by those who want to pass it.
#[derive(Clone)]
pub(super) struct Gate(watch::Receiver<State>);

impl Gate {
    /// Resolves when the gate is open; at once when it is.
    pub(super) async fn opened(&mut self) {
        self.until(State::Open).await;
    }

    /// Resolves when the gate is shut; at once when it is.
    pub(super) async fn shut(&mut self) {
        self.until(State::Shut).await;
    }

    async fn until(&mut self, state: State) {
        if self.0.wait_for(|now| *now == state).await.is_err() {
            // The gates are gone and the proxies with them: nothing is to be done any more.
            std::future::pending::<()>().await;
        }
    }
}

/// The two gates between who opened a connection and who accepted it.
#[derive(Clone)]
pub(super) struct Passage {
    /// For the bytes of who opened it.
    pub(super) there: Gate,
    /// For the replies.
    pub(super) back: Gate,
}

impl Passage {
    /// Resolves at a moment when both directions are open.
    pub(super) async fn both_open(&mut self) {
        loop {
            self.there.opened().await;
            self.back.opened().await;
            if *self.there.0.borrow() == State::Open {
                return;
            }
        }
    }
}
