//! The same agreement on histories that proptest draws, so that a failure shrinks.

use proptest::prelude::*;

use crate::agreement::disagreement;
use crate::oracle::{Deed, Ending, Small};

/// The last operation of a drawn history is made unlike the others by its position.
fn small() -> impl Strategy<Value = Small> {
    let deed = prop_oneof![
        3 => (0_u32..4).prop_map(Deed::Read),
        3 => (0_u32..4).prop_map(Deed::Write),
        1 => (0_u32..4, 0_u32..4).prop_map(|(expected, new)| Deed::Cas(expected, new)),
    ];
    (deed, 1_u64..12, 0_u64..6, 0_u8..10).prop_map(|(deed, begin, length, ending)| Small {
        deed,
        begin,
        ending: match ending {
            0..2 => Ending::Never,
            2 => Ending::Fail(begin + length),
            _ => Ending::Ok(begin + length),
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn drawn_histories_agree_with_brute_force(
        mut operations in prop::collection::vec(small(), 1..7),
    ) {
        operations.sort_by_key(|operation| operation.begin);
        if let Err(what) = disagreement(&operations) {
            prop_assert!(false, "{what}");
        }
    }
}
