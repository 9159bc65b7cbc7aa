//! The algebra of cuts: what each shape promises, for clusters of every size.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use squall_nemesis::grudge::Grudge;

const NODES_MAX: usize = 12;

fn names(nodes: usize) -> Vec<String> {
    (1..=nodes).map(|node| format!("n{node}")).collect()
}

fn is_symmetric(grudge: &Grudge) -> bool {
    grudge.pairs().all(|(from, to)| grudge.cuts(to, from))
}

/// Whom `node` exchanges packets with both ways, itself included.
fn sees(grudge: &Grudge, node: usize) -> Vec<usize> {
    (0..grudge.nodes())
        .filter(|&other| !grudge.cuts(node, other) && !grudge.cuts(other, node))
        .collect()
}

proptest! {
    #[test]
    fn isolation_cuts_both_ways_and_nothing_else(nodes in 1..NODES_MAX, pick in 0..NODES_MAX) {
        let alone = pick % nodes;
        let grudge = Grudge::isolate(alone, nodes);
        for from in 0..nodes {
            for to in 0..nodes {
                let expected = from != to && (from == alone || to == alone);
                prop_assert_eq!(grudge.cuts(from, to), expected);
            }
        }
    }

    #[test]
    fn halves_are_a_majority_and_a_minority_that_never_meet(nodes in 2..NODES_MAX, seed: u64) {
        let grudge = Grudge::random_halves(&mut ChaCha8Rng::seed_from_u64(seed), nodes);
        prop_assert!(is_symmetric(&grudge));
        let mut sizes: Vec<usize> = (0..nodes).map(|node| sees(&grudge, node).len()).collect();
        sizes.sort_unstable();
        prop_assert_eq!(sizes[0], nodes / 2);
        prop_assert_eq!(sizes[nodes - 1], nodes - nodes / 2);
        for node in 0..nodes {
            for friend in sees(&grudge, node) {
                prop_assert_eq!(sees(&grudge, friend), sees(&grudge, node));
            }
        }
    }

    #[test]
    fn only_the_bridge_sees_everybody(nodes in 3..NODES_MAX, seed: u64) {
        let grudge = Grudge::bridge(nodes, &mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert!(is_symmetric(&grudge));
        let bridges = (0..nodes).filter(|&node| sees(&grudge, node).len() == nodes).count();
        prop_assert_eq!(bridges, 1);
        // Each side has the bridge and its own half.
        let rest = nodes - 1;
        for node in 0..nodes {
            let seen = sees(&grudge, node).len();
            prop_assert!([nodes, rest / 2 + 1, rest - rest / 2 + 1].contains(&seen));
        }
    }

    #[test]
    fn on_the_ring_each_sees_a_majority_of_its_own(nodes in 4..NODES_MAX, seed: u64) {
        let grudge = Grudge::majorities_ring(nodes, &mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert!(is_symmetric(&grudge));
        let mut majorities: Vec<Vec<usize>> = (0..nodes).map(|node| sees(&grudge, node)).collect();
        prop_assert!(majorities.iter().all(|seen| 2 * seen.len() > nodes));
        majorities.sort();
        majorities.dedup();
        prop_assert_eq!(majorities.len(), nodes);
    }

    #[test]
    fn one_way_leaves_the_way_back_open(nodes in 2..NODES_MAX, pick in 0..NODES_MAX) {
        let deaf = pick % nodes;
        let all: Vec<usize> = (0..nodes).collect();
        let grudge = Grudge::one_way(&all, &[deaf], nodes);
        prop_assert_eq!(grudge.pairs().count(), nodes - 1);
        prop_assert!(grudge.pairs().all(|(from, to)| to == deaf && !grudge.cuts(to, from)));
    }

    #[test]
    fn no_shape_cuts_a_node_off_from_itself_or_names_one_that_is_not(
        nodes in 0..NODES_MAX,
        seed: u64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let strangers: Vec<usize> = (0..2 * NODES_MAX).collect();
        for grudge in [
            Grudge::isolate(3, nodes),
            Grudge::random_halves(&mut rng, nodes),
            Grudge::bridge(nodes, &mut rng),
            Grudge::majorities_ring(nodes, &mut rng),
            Grudge::one_way(&strangers, &strangers, nodes),
        ] {
            prop_assert!(grudge.pairs().all(|(a, b)| a != b && a < nodes && b < nodes));
        }
    }

    #[test]
    fn the_same_seed_cuts_the_same(nodes in 0..NODES_MAX, seed: u64) {
        let draw = || Grudge::majorities_ring(nodes, &mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert_eq!(draw(), draw());
    }
}

#[test]
fn descriptions_name_the_smaller_side_first() {
    let cases = [
        (Grudge::none(5), "nothing cut"),
        (Grudge::isolate(0, 5), "n1 cut off from n2, n3, n4, n5"),
        (Grudge::halves(&[1, 3], 5), "n2, n4 cut off from n1, n3, n5"),
        (Grudge::one_way(&[2], &[0, 1, 3, 4], 5), "n3 cannot reach n1, n2, n4, n5"),
        (Grudge::one_way(&[0, 1], &[2], 3), "n1, n2 cannot reach n3"),
    ];
    for (grudge, expected) in cases {
        assert_eq!(grudge.describe(&names(grudge.nodes())), expected);
    }
}

#[test]
fn a_partition_is_aimed_at_those_it_hits_hardest() {
    assert_eq!(Grudge::isolate(3, 5).hardest_hit(), [3]);
    assert_eq!(Grudge::halves(&[1, 4], 5).hardest_hit(), [1, 4]);
    assert_eq!(Grudge::one_way(&[0, 1, 2], &[3], 4).hardest_hit(), [3]);
    assert!(Grudge::none(3).hardest_hit().is_empty());
}

#[test]
fn every_cut_is_told_in_the_description() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let ring = Grudge::majorities_ring(5, &mut rng);
    let told = ring.describe(&names(5));
    let pairs: usize = told
        .split("; ")
        .map(|sentence| {
            let (from, to) = sentence.split_once(" cut off from ").expect("symmetric");
            from.split(", ").count() * to.split(", ").count()
        })
        .sum();
    assert_eq!(2 * pairs, ring.pairs().count(), "{told}");
}
