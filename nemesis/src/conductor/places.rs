//! Finds the nodes that take the places a fault names.

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom as _;

use crate::fault::Member;

/// Who may take a place.
pub(super) struct Candidates<'a> {
    /// All nodes, by number.
    pub(super) names: &'a [String],
    /// The node that leads, if one is known to.
    pub(super) leader: Option<usize>,
    /// Whether a node may be chosen by chance.
    pub(super) eligible: &'a dyn Fn(usize) -> bool,
}

/// The nodes of each group, none twice, in ascending order.
///
/// A place that nobody is left for stays empty. Without a leader its place is another's.
pub(super) fn fill(
    groups: &[&[Member]],
    candidates: &Candidates<'_>,
    rng: &mut ChaCha8Rng,
) -> Vec<Vec<usize>> {
    let all = candidates.names.len();
    let mut home: Vec<Option<usize>> = vec![None; all];
    let take = |home: &mut Vec<Option<usize>>, node: usize, group: usize| {
        home[node].get_or_insert(group);
    };
    for (group, members) in groups.iter().enumerate() {
        for member in *members {
            let named = |name: &String| *member == Member::Node(name.clone());
            if let Some(node) = candidates.names.iter().position(named) {
                take(&mut home, node, group);
            }
        }
    }
    let place_of = |member: Member| groups.iter().position(|group| group.contains(&member));
    let leader = candidates.leader.filter(|leader| *leader < all);
    if let (Some(group), Some(leader)) = (place_of(Member::Leader), leader) {
        take(&mut home, leader, group);
    }
    let mut others: Vec<usize> =
        (0..all).filter(|&node| home[node].is_none() && (candidates.eligible)(node)).collect();
    others.shuffle(rng);
    for (group, members) in groups.iter().enumerate() {
        let by_chance = |member: &&Member| match member {
            Member::Other => true,
            Member::Leader => leader.is_none(),
            Member::Rest | Member::Node(_) => false,
        };
        for _ in members.iter().filter(by_chance) {
            if let Some(node) = others.pop() {
                take(&mut home, node, group);
            }
        }
    }
    if let Some(group) = place_of(Member::Rest) {
        (0..all).for_each(|node| take(&mut home, node, group));
    }
    let of_group = |group| (0..all).filter(|&node| home[node] == Some(group)).collect();
    (0..groups.len()).map(of_group).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn filled(groups: &[&[&str]], leader: Option<usize>, seed: u64) -> Vec<Vec<usize>> {
        let names: Vec<String> = (1..=5).map(|number| format!("n{number}")).collect();
        let groups: Vec<Vec<Member>> =
            groups.iter().map(|group| group.iter().copied().map(Member::from).collect()).collect();
        let groups: Vec<&[Member]> = groups.iter().map(Vec::as_slice).collect();
        let candidates = Candidates { names: &names, leader, eligible: &|_| true };
        fill(&groups, &candidates, &mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn names_are_met_exactly() {
        assert_eq!(filled(&[&["n2"], &["n4", "n1"]], Some(0), 1), [vec![1], vec![0, 3]]);
    }

    #[test]
    fn the_leader_and_another_against_the_rest() {
        for seed in 0..20 {
            let groups = filled(&[&["leader", "other"], &["rest"]], Some(2), seed);
            assert!(groups[0].contains(&2) && groups[0].len() == 2, "{groups:?}");
            assert_eq!(groups[1].len(), 3, "{groups:?}");
        }
    }

    #[test]
    fn without_a_leader_another_takes_its_place() {
        let groups = filled(&[&["leader"], &["rest"]], None, 1);
        assert_eq!((groups[0].len(), groups[1].len()), (1, 4));
    }

    #[test]
    fn nobody_takes_two_places() {
        assert_eq!(filled(&[&["n3"], &["leader"]], Some(2), 1), [vec![2], vec![]]);
        let groups = filled(&[&["other", "other", "other"], &["n1", "other"]], Some(2), 3);
        assert_eq!((groups[0].len(), groups[1].len()), (3, 2));
    }
}
