//! Brute force: every order of every choice of indeterminate operations.

/// What an operation of a small history does; 0 is the initial value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Read(u32),
    Write(u32),
    Cas(u32, u32),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Ok(u64),
    Fail(u64),
    Never,
}

/// An operation of a small history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Small {
    pub(crate) deed: Deed,
    pub(crate) begin: u64,
    pub(crate) ending: Ending,
}

impl Small {
    /// Whether it may take part in a linearization.
    pub(crate) fn counts(&self) -> bool {
        match self.ending {
            Ending::Ok(_) => true,
            Ending::Fail(_) => false,
            Ending::Never => !matches!(self.deed, Deed::Read(_)),
        }
    }

    /// Whether it ended before another began.
    pub(crate) fn before(&self, other: &Self) -> bool {
        matches!(self.ending, Ending::Ok(end) if end < other.begin)
    }

    /// The state after it, if it is legal.
    pub(crate) fn apply(&self, state: u32) -> Option<u32> {
        match self.deed {
            Deed::Read(value) => (value == state).then_some(state),
            Deed::Write(value) => Some(value),
            Deed::Cas(expected, new) => (expected == state).then_some(new),
        }
    }
}

/// Whether any order is legal.
pub(crate) fn linearizable(operations: &[Small]) -> bool {
    let rest: Vec<Small> = operations.iter().copied().filter(Small::counts).collect();
    extend(&rest, 0)
}

fn extend(rest: &[Small], state: u32) -> bool {
    if rest.iter().all(|operation| operation.ending == Ending::Never) {
        return true;
    }
    (0..rest.len()).any(|index| {
        let next = rest[index];
        let may_be_first = !rest.iter().any(|other| other.before(&next));
        let Some(state) = next.apply(state).filter(|_| may_be_first) else { return false };
        let mut rest = rest.to_vec();
        rest.remove(index);
        extend(&rest, state)
    })
}

/// Whether an order, by positions, is a linearization: the definition, pair by pair.
pub(crate) fn is_linearization(operations: &[Small], order: &[usize]) -> bool {
    let known = order.iter().all(|&index| index < operations.len());
    if !known || !order.iter().all(|&index| operations[index].counts()) {
        return false;
    }
    let once = (0..order.len()).all(|at| !order[..at].contains(&order[at]));
    let complete = (0..operations.len())
        .all(|index| !matches!(operations[index].ending, Ending::Ok(_)) || order.contains(&index));
    let in_time = (0..order.len()).all(|later| {
        (0..later).all(|earlier| !operations[order[later]].before(&operations[order[earlier]]))
    });
    let legal = order.iter().try_fold(0, |state, &index| operations[index].apply(state));
    once && complete && in_time && legal.is_some()
}
