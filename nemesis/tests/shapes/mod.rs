//! One grudge of each shape over five nodes, and the demand that a network shows exactly it.

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use squall_nemesis::grudge::Grudge;
use squall_nemesis::network::Network;

/// How long probes that should get through may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a probe that should not is given.
const SILENCE: Duration = Duration::from_millis(60);

/// Every shape once.
pub(crate) fn every_shape() -> Vec<(&'static str, Grudge)> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    vec![
        ("isolate", Grudge::isolate(2, 5)),
        ("halves", Grudge::random_halves(&mut rng, 5)),
        ("bridge", Grudge::bridge(5, &mut rng)),
        ("ring", Grudge::majorities_ring(5, &mut rng)),
        ("mute", Grudge::one_way(&[0], &[1, 2, 3, 4], 5)),
        ("deaf", Grudge::one_way(&[1, 2, 3, 4], &[0], 5)),
        ("one pair one way", Grudge::one_way(&[3], &[1], 5)),
    ]
}

/// Cuts every shape in turn, without a heal in between, and then heals.
pub(crate) async fn every_shape_is_what_probes_see(network: &Network) {
    for (shape, grudge) in every_shape() {
        network.apply(&grudge).await.expect(shape);
        shows(network, shape, &grudge).await;
    }
    network.heal().await.expect("heal");
    shows(network, "heal", &Grudge::none(5)).await;
}

/// Demands that probes get lost exactly where `grudge` says.
pub(crate) async fn shows(network: &Network, shape: &str, grudge: &Grudge) {
    let patience = if grudge.is_empty() { PATIENCE } else { SILENCE };
    let mut seen = network.probe(patience).await.expect("probe");
    let late = |&(from, to): &(usize, usize)| !grudge.cuts(from, to);
    if seen.deviations(grudge).iter().any(late) {
        seen = network.probe(PATIENCE).await.expect("probe");
    }
    assert_eq!(seen.deviations(grudge), [], "{shape}: {seen:?}");
}
