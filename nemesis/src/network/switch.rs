//! The sandboxed network: one namespace, one veth and one address per node, joined by a bridge.
//!
//! The bridge lives in the harness's own namespace and carries the harness's address, so clients
//! talk to nodes without crossing the bridge's forward path, where the cuts are. Neighbour entries
//! are permanent, so that no cut, whatever it drops, can become two-way for want of an ARP reply.
//! IPv6 is left without addresses, since the cuts name IPv4 pairs.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;

use futures_util::future::try_join_all;
use nix::sched::{CloneFlags, unshare};
use rtnetlink::packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoVeth, LinkAttribute,
};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth};

use super::{NetworkError, kernel, link};

/// Every node has an address of its own, so all can listen on the same port.
const NODE_PORT: u16 = 8000;
const HARNESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 254);
const PREFIX_BITS: u8 = 24;
const BRIDGE: &str = "squall";
/// Links are made with numbers of our choice, so that none has to be looked up; small ones may
/// be taken by tunnel devices some kernels put into every namespace.
const BRIDGE_INDEX: u32 = 1_000;
const NODE_INDEX: u32 = 1_000;
const LOOPBACK_INDEX: u32 = 1;

/// The address of `node`.
pub(super) fn address(node: usize) -> Ipv4Addr {
    let host = u8::try_from(node + 1).expect("the number of nodes is limited");
    Ipv4Addr::new(10, 77, 0, host)
}

/// Where `node` listens.
pub(super) fn listen(node: usize) -> SocketAddr {
    SocketAddr::from((address(node), NODE_PORT))
}

/// Locally administered, and as easy to tell apart in a capture as the addresses are.
fn hardware(address: Ipv4Addr) -> [u8; 6] {
    let [_, _, _, host] = address.octets();
    [0x02, 0x53, 0x51, 0x4c, 0x00, host]
}

/// The bridge and the nodes' namespaces; all are gone when the last descriptor and process are.
pub(super) struct Switch {
    namespaces: Vec<Arc<OwnedFd>>,
}

/// A namespace as its maker hands it over.
struct Plot {
    namespace: OwnedFd,
    netlink: Handle,
    socket: UdpSocket,
}

impl Switch {
    /// Builds all of it in the network namespace of this process.
    ///
    /// Also returns one UDP socket per node, in the node's namespace, for probes.
    pub(super) async fn build(nodes: usize) -> Result<(Self, Vec<UdpSocket>), NetworkError> {
        let (connection, netlink, _) =
            rtnetlink::new_connection().map_err(kernel("open a netlink socket"))?;
        tokio::spawn(connection);
        add_bridge(&netlink).await.map_err(link("make the bridge"))?;
        let harness = (BRIDGE_INDEX, HARNESS);
        add_address(&netlink, harness, nodes).await.map_err(link("give the bridge an address"))?;

        let mut plots = Vec::new();
        for _ in 0..nodes {
            plots.push(claim().map_err(kernel("make a network namespace"))?);
        }
        let settled = plots.iter().enumerate().map(|(node, plot)| {
            let netlink = &netlink;
            async move {
                add_veth(netlink, node, &plot.namespace).await?;
                settle(&plot.netlink, node, nodes).await
            }
        });
        try_join_all(settled).await.map_err(link("connect a node to the bridge"))?;

        let (namespaces, sockets) =
            plots.into_iter().map(|plot| (Arc::new(plot.namespace), plot.socket)).unzip();
        Ok((Self { namespaces }, sockets))
    }

    /// The network namespace of each node.
    pub(super) fn namespaces(&self) -> &[Arc<OwnedFd>] {
        &self.namespaces
    }
}

/// Makes a network namespace, and opens what must be opened inside it.
fn claim() -> io::Result<Plot> {
    let runtime = tokio::runtime::Handle::current();
    // Only a thread can be moved to another namespace, and this one is not needed any more after.
    std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let namespace = std::fs::File::open("/proc/thread-self/ns/net")?.into();
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, super::sounding::PORT))?;
            socket.set_nonblocking(true)?;
            let _entered = runtime.enter();
            let (connection, netlink, _) = rtnetlink::new_connection()?;
            runtime.spawn(connection);
            Ok(Plot { namespace, netlink, socket })
        });
        inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

async fn add_bridge(netlink: &Handle) -> Result<(), rtnetlink::Error> {
    let bridge = LinkBridge::new(BRIDGE)
        .index(BRIDGE_INDEX)
        .address(hardware(HARNESS).to_vec())
        // Ports must forward from the first packet on.
        .forward_delay(0)
        .mcast_snooping(false)
        .build();
    netlink.link().add(bridge).execute().await
}

async fn add_veth(
    netlink: &Handle,
    node: usize,
    namespace: &OwnedFd,
) -> Result<(), rtnetlink::Error> {
    let far_end = LinkUnspec::new_with_index(NODE_INDEX)
        .name("eth0")
        .address(hardware(address(node)).to_vec())
        .setns_by_fd(namespace.as_raw_fd())
        .build();
    // The kernel heeds the number chosen for one end only if one is chosen for both.
    let near_index = BRIDGE_INDEX + u32::from(address(node).octets()[3]);
    let near_end = LinkVeth::new(&format!("node{}", node + 1), "eth0")
        .index(near_index)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(far_end)))
        .controller(BRIDGE_INDEX)
        .up()
        .build();
    netlink.link().add(near_end).execute().await
}

/// Brings a node's end of the network up, from inside its namespace.
async fn settle(netlink: &Handle, node: usize, nodes: usize) -> Result<(), rtnetlink::Error> {
    let up = |index| LinkUnspec::new_with_index(index).up();
    netlink.link().set(up(LOOPBACK_INDEX).build()).execute().await?;
    let no_address = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)]);
    let without_ipv6 = LinkUnspec::new_with_index(NODE_INDEX)
        .append_extra_attribute(LinkAttribute::AfSpecUnspec(vec![no_address]))
        .build();
    // Refused by a kernel without IPv6, which is just as well.
    let _ = netlink.link().set(without_ipv6).execute().await;
    netlink.link().set(up(NODE_INDEX).build()).execute().await?;
    add_address(netlink, (NODE_INDEX, address(node)), nodes).await
}

/// Gives the link its address, and a permanent neighbour entry for everybody else's.
async fn add_address(
    netlink: &Handle,
    (index, own): (u32, Ipv4Addr),
    nodes: usize,
) -> Result<(), rtnetlink::Error> {
    netlink.address().add(index, IpAddr::V4(own), PREFIX_BITS).execute().await?;
    let others = (0..nodes).map(address).chain([HARNESS]);
    for other in others.filter(|other| *other != own) {
        netlink
            .neighbours()
            .add(index, IpAddr::V4(other))
            .link_layer_address(&hardware(other))
            .execute()
            .await?;
    }
    Ok(())
}
