//! Where the other nodes are reached.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::args::Peer;
use crate::raft::{Membership, NodeId};

/// Addresses by node.
pub(crate) type Addresses = BTreeMap<NodeId, SocketAddr>;

/// What the command line says of addresses, which comes before what the
/// membership says: only this node knows how it reaches another, through a proxy
/// for example.
#[derive(Clone, Debug)]
pub(crate) struct AddressBook {
    own: NodeId,
    given: Addresses,
}

impl AddressBook {
    pub(crate) fn new(own: NodeId, peers: &[Peer]) -> Self {
        Self { own, given: peers.iter().map(|peer| (peer.id, peer.address)).collect() }
    }

    /// Returns the addresses of everyone this node may have to talk to: those
    /// given, and those of members whose address the membership tells.
    pub(crate) fn of(&self, membership: &Membership) -> Addresses {
        let told = membership.members().filter_map(|(id, member)| {
            let address = member.address.parse().ok()?;
            (id != self.own).then_some((id, address))
        });
        let mut addresses: Addresses = told.collect();
        addresses.extend(&self.given);
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::{Member, Part};

    #[test]
    fn the_command_line_comes_before_the_membership_and_nobody_reaches_himself() {
        let id = |name: &str| name.parse::<NodeId>().unwrap();
        let member = |address: &str| Member { part: Part::Voter, address: address.to_owned() };
        let membership = Membership::default()
            .with(id("n1"), member("127.0.0.1:1"))
            .with(id("n2"), member("127.0.0.1:2"))
            .with(id("n3"), member("127.0.0.1:3"))
            .with(id("n4"), member(""));
        let peers = ["n2=127.0.0.1:22".parse().unwrap(), "n5=127.0.0.1:5".parse().unwrap()];
        let found = AddressBook::new(id("n1"), &peers).of(&membership);
        let ports: Vec<_> =
            found.iter().map(|(id, address)| (id.as_str(), address.port())).collect();
        assert_eq!(ports, [("n2", 22), ("n3", 3), ("n5", 5)]);
    }
}
