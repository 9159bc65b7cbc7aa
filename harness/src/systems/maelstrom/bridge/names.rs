//! Who is who: the nodes of a cluster, and the clients that each of their bridges speaks for.
//!
//! A client's name says which bridge speaks for it, so that a node may answer a client whose
//! operation another node passed on to it. The number after the `c` is that of the node, counted
//! from 0, plus a multiple of the number of nodes.

/// The nodes of a cluster, seen from one of them.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// In the order of their numbers.
    nodes: Vec<String>,
    own: usize,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// A node, by its place in the order.
    Node(usize),
    /// A client of the bridge in front of this node.
    ClientOf(usize),
    /// A service that Maelstrom offers.
    Service,
    /// Nobody there is.
    Nobody,
}

impl Names {
    /// `own` among its `peers`.
    pub(super) fn new<'a>(own: &'a str, peers: impl IntoIterator<Item = &'a str>) -> Self {
        let mut nodes: Vec<&str> = peers.into_iter().chain([own]).collect();
        // n2 comes before n10.
        nodes.sort_unstable_by_key(|name| (name.len(), *name));
        nodes.dedup();
        let place = nodes.iter().position(|name| *name == own).expect("it was put in");
        Self { nodes: nodes.into_iter().map(str::to_owned).collect(), own: place }
    }

    /// All nodes, `n1` first.
    pub(super) fn all(&self) -> &[String] {
        &self.nodes
    }

    /// The node itself.
    pub(super) fn own(&self) -> &str {
        &self.nodes[self.own]
    }

    /// Where the node itself stands in the order.
    pub(super) fn own_place(&self) -> usize {
        self.own
    }

    /// The name of a client of this bridge; a different one for each `number`.
    pub(super) fn client(&self, number: u64) -> String {
        format!("c{}", number * self.nodes.len() as u64 + self.own as u64)
    }

    /// Who is called `name`.
    pub(super) fn whom(&self, name: &str) -> Whom {
        if let Some(place) = self.nodes.iter().position(|node| node == name) {
            return Whom::Node(place);
        }
        if matches!(name, "lin-kv" | "seq-kv" | "lww-kv" | "lin-tso") {
            return Whom::Service;
        }
        match name.strip_prefix('c').and_then(|number| number.parse::<u64>().ok()) {
            Some(number) => {
                let place = number % self.nodes.len() as u64;
                Whom::ClientOf(usize::try_from(place).expect("less than there are nodes"))
            }
            None => Whom::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bridge_knows_whose_a_client_is() {
        let all: Vec<String> = (1..=11).map(|number| format!("n{number}")).collect();
        for (place, own) in all.iter().enumerate() {
            let names = Names::new(own, all.iter().map(String::as_str).filter(|name| name != own));
            assert_eq!((names.all(), names.own(), names.own_place()), (&all[..], &**own, place));
            for (other, name) in all.iter().enumerate() {
                assert_eq!(names.whom(name), Whom::Node(other));
            }
            let first = Names::new("n1", all.iter().map(String::as_str));
            for number in [0, 1, 1 << 44] {
                assert_eq!(first.whom(&names.client(number)), Whom::ClientOf(place));
            }
        }
        let names = Names::new("n1", []);
        assert_eq!(names.whom("lin-kv"), Whom::Service);
        for nobody in ["n2", "", "c", "cx", "client", "c-1"] {
            assert_eq!(names.whom(nobody), Whom::Nobody, "{nobody}");
        }
    }
}
