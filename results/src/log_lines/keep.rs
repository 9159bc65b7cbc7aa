//! Which lines are kept, of logs that may have billions: in bounded memory, decided while a
//! log is read.
//!
//! Every node gets its share of [`LINES_MAX`], and within it lines of trouble come first, then
//! those near moments that matter, then the others, thinned evenly over stretches of time. What
//! is held of one node until the shares are known is bounded too; of short logs it is everything.

use std::collections::BTreeMap;

use super::LogLine;
use crate::checks::logs::Trouble;

/// Lines kept in all.
pub const LINES_MAX: usize = 2_500;
/// How near a moment a line has to be to count as near.
pub const NEAR_NS: u64 = 2_000_000_000;

/// Lines of one kind of trouble that are kept of one node.
const OF_A_KIND_MAX: usize = 10;
/// Lines of one node held near all moments together, where these are few, and near each, where
/// they are many.
const NEAR_HELD: usize = 2_048;
const NEAR_ONE_HELD_MIN: usize = 16;
/// Moments that are told apart; of more, so many that are spread evenly.
const MOMENTS_MAX: usize = 512;
/// Stretches that a run is divided into, and the other lines held of each.
const STRETCHES: usize = 128;
const OF_STRETCH_HELD_MAX: usize = 16;

/// How the lines of a run are told apart, and those kept so far.
pub(super) struct Keeping {
    stretch_ns: u64,
    moments: Vec<u64>,
    nodes: Vec<OfNode>,
}

impl Keeping {
    /// Of a run that takes `duration_ns` and in which something happened at `moments`.
    pub(super) fn new(duration_ns: u64, moments: &[u64]) -> Self {
        let mut moments = moments.to_vec();
        moments.sort_unstable();
        moments.dedup();
        let moments = evenly(moments, MOMENTS_MAX);
        Self { stretch_ns: duration_ns / STRETCHES as u64 + 1, moments, nodes: Vec::new() }
    }

    /// Begins with the log of another node.
    pub(super) fn begin(&mut self) {
        self.nodes.push(OfNode {
            whole: Some(Vec::new()),
            trouble: Vec::new(),
            of_kind: BTreeMap::new(),
            near: BTreeMap::new(),
            others: (0..STRETCHES).map(|_| Thinned::new(OF_STRETCH_HELD_MAX)).collect(),
            trouble_ns: None,
        });
    }

    /// Considers a line at `time_ns`, which `make` makes if it is to be held.
    pub(super) fn offer(
        &mut self,
        time_ns: u64,
        trouble: Option<Trouble>,
        make: impl FnOnce() -> LogLine,
    ) {
        let nearest = self.nearest(time_ns);
        let of_moment = (NEAR_HELD / self.moments.len().max(1)).max(NEAR_ONE_HELD_MIN) & !1;
        let Some(node) = self.nodes.last_mut() else { return };
        if let Some(trouble) = trouble {
            node.trouble_ns = Some(time_ns);
            let of_kind = node.of_kind.entry(trouble).or_insert(0);
            if *of_kind < OF_A_KIND_MAX {
                *of_kind += 1;
                node.hold(Class::Trouble, of_moment, make);
                return;
            }
        }
        let follows_trouble =
            node.trouble_ns.is_some_and(|trouble_ns| time_ns.abs_diff(trouble_ns) <= NEAR_NS);
        // What follows trouble is held together, apart from the moments of the run.
        let near = nearest.or_else(|| follows_trouble.then_some(self.moments.len()));
        let class = near.map_or_else(
            || {
                let stretch = usize::try_from(time_ns / self.stretch_ns).unwrap_or(usize::MAX);
                Class::Other(stretch.min(STRETCHES - 1))
            },
            Class::Near,
        );
        node.hold(class, of_moment, make);
    }

    /// The moment nearest to `time_ns`, if it is near.
    fn nearest(&self, time_ns: u64) -> Option<usize> {
        let after = self.moments.partition_point(|moment| *moment < time_ns);
        (after.saturating_sub(1)..=after)
            .filter_map(|at| Some((self.moments.get(at)?.abs_diff(time_ns), at)))
            .min()
            .and_then(|(away_ns, at)| (away_ns <= NEAR_NS).then_some(at))
    }

    /// The lines kept, in order of time; of one time by log and number.
    pub(super) fn finish(self) -> Vec<LogLine> {
        let held: Vec<usize> = self.nodes.iter().map(OfNode::held).collect();
        let shares = shares(&held, LINES_MAX);
        let nodes = self.nodes.into_iter().zip(shares);
        let mut kept: Vec<LogLine> = nodes.flat_map(|(node, share)| node.kept(share)).collect();
        kept.sort_by_key(|line| line.time_ns);
        kept
    }
}

/// What makes a line worth keeping.
#[derive(Clone, Copy)]
enum Class {
    Trouble,
    /// Of which moment.
    Near(usize),
    /// In which stretch of time.
    Other(usize),
}

/// What is held of the log of one node.
struct OfNode {
    /// Everything, as long as it is no more than may be kept; then what follows.
    whole: Option<Vec<(Class, LogLine)>>,
    trouble: Vec<LogLine>,
    of_kind: BTreeMap<Trouble, usize>,
    /// By moment; behind the last one what follows trouble.
    near: BTreeMap<usize, Thinned<LogLine>>,
    others: Vec<Thinned<LogLine>>,
    /// When the last line that told of trouble was written.
    trouble_ns: Option<u64>,
}

impl OfNode {
    fn hold(&mut self, class: Class, of_moment: usize, make: impl FnOnce() -> LogLine) {
        match &mut self.whole {
            Some(whole) if whole.len() < LINES_MAX => whole.push((class, make())),
            whole => {
                for (class, line) in whole.take().unwrap_or_default() {
                    self.thin(class, of_moment, || line);
                }
                self.thin(class, of_moment, make);
            }
        }
    }

    fn thin(&mut self, class: Class, of_moment: usize, make: impl FnOnce() -> LogLine) {
        match class {
            Class::Trouble => self.trouble.push(make()),
            Class::Near(moment) => {
                self.near.entry(moment).or_insert_with(|| Thinned::new(of_moment)).offer(make);
            }
            Class::Other(stretch) => self.others[stretch].offer(make),
        }
    }

    fn held(&self) -> usize {
        if let Some(whole) = &self.whole {
            return whole.len();
        }
        let near: usize = self.near.values().map(|near| near.kept.len()).sum();
        let others: usize = self.others.iter().map(|others| others.kept.len()).sum();
        self.trouble.len() + near + others
    }

    /// At most `share` lines, in the order of the log.
    fn kept(self, share: usize) -> Vec<LogLine> {
        let mut kept = self.trouble;
        let mut near: Vec<LogLine> = self.near.into_values().flat_map(|near| near.kept).collect();
        let mut others: Vec<LogLine> =
            self.others.into_iter().flat_map(|others| others.kept).collect();
        for (class, line) in self.whole.unwrap_or_default() {
            match class {
                Class::Trouble => kept.push(line),
                Class::Near(_) => near.push(line),
                Class::Other(_) => others.push(line),
            }
        }
        near.sort_by_key(|line| (line.time_ns, line.line));
        others.sort_by_key(|line| (line.time_ns, line.line));
        kept.truncate(share);
        let left = share - kept.len();
        // A third is for the others, as far as they need it.
        let of_near = near.len().min((left - left / 3).max(left.saturating_sub(others.len())));
        kept.extend(evenly(near, of_near));
        kept.extend(evenly(others, left - of_near));
        kept.sort_by_key(|line| line.line);
        kept
    }
}

/// Every so manieth of what comes, so that never more than a fixed number is held.
struct Thinned<T> {
    /// Even, so that what is kept stays spread evenly.
    max: usize,
    stride: u64,
    seen: u64,
    kept: Vec<T>,
}

impl<T> Thinned<T> {
    fn new(max: usize) -> Self {
        Self { max, stride: 1, seen: 0, kept: Vec::new() }
    }

    fn offer(&mut self, make: impl FnOnce() -> T) {
        if self.seen.is_multiple_of(self.stride) && self.kept.len() == self.max {
            let mut place = 0_usize;
            self.kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
        if self.seen.is_multiple_of(self.stride) {
            self.kept.push(make());
        }
        self.seen += 1;
    }
}

/// At most `max` of `all`, spread evenly.
fn evenly<T>(all: Vec<T>, max: usize) -> Vec<T> {
    let count = all.len();
    if count <= max {
        return all;
    }
    // The place at which the number of those wanted before it grows.
    let wanted = |place: usize| (place + 1) * max / count > place * max / count;
    all.into_iter().enumerate().filter(|(place, _)| wanted(*place)).map(|(_, one)| one).collect()
}

/// `total` divided among those who want `wanted`: equally, except that nobody gets more than
/// that, and what one leaves goes to the others.
fn shares(wanted: &[usize], total: usize) -> Vec<usize> {
    let mut by_need: Vec<usize> = (0..wanted.len()).collect();
    by_need.sort_by_key(|one| wanted[*one]);
    let mut shares = vec![0; wanted.len()];
    let mut left = total;
    for (place, one) in by_need.iter().enumerate() {
        shares[*one] = wanted[*one].min(left / (wanted.len() - place));
        left -= shares[*one];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_thinned_stays_evenly_spread() {
        for seen in [0_u64, 1, 7, 8, 9, 16, 17, 1_000] {
            let mut thinned = Thinned::new(8);
            (0..seen).for_each(|number| thinned.offer(|| number));
            let Thinned { stride, kept, .. } = thinned;
            assert!(kept.len() <= 8 && kept.len() as u64 >= seen.min(5), "{seen}: {kept:?}");
            assert!(kept.iter().zip(0..).all(|(one, place)| *one == place * stride), "{kept:?}");
        }
    }

    #[test]
    fn shares_are_fair() {
        assert_eq!(shares(&[5, 100, 200], 105), [5, 50, 50]);
        assert_eq!(shares(&[1, 2, 3], 100), [1, 2, 3]);
        assert_eq!(shares(&[], 100), [0; 0]);
    }

    #[test]
    fn what_is_picked_is_spread_evenly() {
        assert_eq!(evenly((0..10).collect(), 5), [1, 3, 5, 7, 9]);
        assert_eq!(evenly((0..3).collect(), 5), [0, 1, 2]);
        assert_eq!(evenly((0..3).collect(), 0), [0; 0]);
    }

    fn line(node: usize, number: u64, time_ns: u64, trouble: Option<Trouble>) -> LogLine {
        LogLine { node: format!("n{node}"), time_ns, line: number, text: String::new(), trouble }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_kept_is_bounded_in_order_and_was_offered(
            logs in prop::collection::vec(
                (prop_oneof![1_u64..600, 1_u64..6_000], 1_u64..50_000_000, prop::collection::vec(0_u64..6_000, 0..40)),
                0..6,
            ),
            moments in prop::collection::vec(0_u64..100_000_000_000, 0..700),
        ) {
            let mut keeping = Keeping::new(60_000_000_000, &moments);
            for (node, (lines, step_ns, troubled)) in logs.iter().enumerate() {
                keeping.begin();
                for number in 1..=*lines {
                    let trouble = troubled.contains(&number).then_some(Trouble::Panic);
                    let time_ns = number * step_ns;
                    keeping.offer(time_ns, trouble, || line(node, number, time_ns, trouble));
                }
                let held = keeping.nodes.last().map_or(0, OfNode::held);
                prop_assert!(held <= 9 << 10, "{held} held");
            }
            let kept = keeping.finish();
            prop_assert!(kept.len() <= LINES_MAX);
            prop_assert!(kept.is_sorted_by_key(|line| line.time_ns));
            let offered: u64 = logs.iter().map(|(lines, ..)| *lines).sum();
            if offered <= LINES_MAX as u64 {
                prop_assert_eq!(kept.len() as u64, offered);
            }
            for (node, (lines, step_ns, troubled)) in logs.iter().enumerate() {
                let name = format!("n{node}");
                let of_node: Vec<&LogLine> = kept.iter().filter(|line| line.node == name).collect();
                prop_assert!(of_node.is_sorted_by(|one, next| one.line < next.line));
                for kept in &of_node {
                    prop_assert!(kept.line <= *lines && kept.time_ns == kept.line * step_ns);
                    prop_assert_eq!(kept.trouble.is_some(), troubled.contains(&kept.line));
                }
                // However many lie together.
                let few = NEAR_ONE_HELD_MIN.min(usize::try_from(*lines).unwrap()) / 2;
                prop_assert!(of_node.len() >= few, "{} of {lines}", of_node.len());
                let first: Vec<u64> = (1..=*lines).filter(|line| troubled.contains(line)).collect();
                for number in first.iter().take(OF_A_KIND_MAX) {
                    prop_assert!(of_node.iter().any(|line| line.line == *number), "{number}");
                }
            }
        }
    }
}
