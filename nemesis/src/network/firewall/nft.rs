//! nf_tables by netlink: a table of family `bridge`, the cut pairs in a set, one rule.
//!
//! As `nft` would print it:
//! ```text
//! table bridge squall {
//!     set cut { type ipv4_addr . ipv4_addr; }
//!     chain forward {
//!         type filter hook forward priority 0; policy accept;
//!         ip saddr . ip daddr @cut drop
//!     }
//! }
//! ```
//! The kernel commits a batch as a whole, so the cuts of all nodes change in one instant.
//! Names and numbers: `linux/netfilter/nf_tables.h`, given with each constant.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use nix::sys::socket::SockProtocol;

use crate::netlink::{Attributes, Batch, Message, Socket};

const TABLE: &str = "squall";
const CHAIN: &str = "forward";
const SET: &str = "cut";

/// `NFPROTO_BRIDGE`.
const BRIDGE_FAMILY: u8 = 7;
/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;
/// `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END`.
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
/// `NFT_MSG_*`.
const NEW_TABLE: u16 = 0;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const NEW_SET: u16 = 9;
const NEW_ELEMENTS: u16 = 12;
const DELETE_ELEMENTS: u16 = 14;
/// `NLM_F_CREATE` and `NLM_F_APPEND`.
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;
/// `NFTA_LIST_ELEM`, of which every list of attributes is made.
const LIST_ELEMENT: u16 = 1;
/// `NFT_REG32_00`: the first of the 4-byte registers.
const REGISTER: u32 = 8;
/// Names the set within the batch that creates it, for the rule in the same batch.
const SET_ID: u32 = 1;
/// One attribute may hold 64 KiB, an element of ours takes 20 bytes.
const ELEMENTS_PER_MESSAGE: usize = 2_000;

/// The table in the kernel, and the socket to change it by.
pub(in crate::network) struct Table {
    socket: Mutex<Socket>,
}

impl Table {
    /// Creates the table, with nothing cut, in the network namespace of this process.
    pub(super) fn install() -> io::Result<Self> {
        let mut socket = Socket::open(SockProtocol::NetlinkNetFilter)?;
        socket.transact(transaction([
            request(
                NEW_TABLE,
                CREATE,
                // NFTA_TABLE_NAME
                &Attributes::default().text(1, TABLE),
            ),
            new_set(),
            new_chain(),
            new_rule(),
        ]))?;
        Ok(Self { socket: Mutex::new(socket) })
    }

    /// Drops the packets of exactly these (source, destination) pairs from now on.
    pub(super) fn replace(&self, pairs: &[(Ipv4Addr, Ipv4Addr)]) -> io::Result<()> {
        // Without elements to delete, all are.
        let flush = request(DELETE_ELEMENTS, 0, &elements_of_set());
        let added = pairs.chunks(ELEMENTS_PER_MESSAGE).map(new_elements);
        let batch = transaction(std::iter::once(flush).chain(added));
        // A socket is as good after a panic as before: it only counts.
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.transact(batch)
    }
}

/// The requests between the markers that make the kernel commit all of them or none.
fn transaction(requests: impl IntoIterator<Item = Message>) -> Batch {
    let mut batch = Batch::default();
    batch.push(Message::marker(BATCH_BEGIN, &fixed(0, SUBSYSTEM)));
    for request in requests {
        batch.push(request);
    }
    batch.push(Message::marker(BATCH_END, &fixed(0, SUBSYSTEM)));
    batch
}

fn request(kind: u16, flags: u16, attributes: &Attributes) -> Message {
    let kind = (SUBSYSTEM << 8) | kind;
    Message::new(kind, flags, &fixed(BRIDGE_FAMILY, 0), attributes)
}

/// `struct nfgenmsg`: family, version 0, resource.
fn fixed(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}

fn new_set() -> Message {
    // As `nft` numbers its types: ipv4_addr is 7, six bits to each part of a concatenation.
    const PAIR_OF_ADDRESSES: u32 = (7 << 6) | 7;
    const PAIR_BYTES: u32 = 8;
    let set = Attributes::default()
        .text(1, TABLE) // NFTA_SET_TABLE
        .text(2, SET) // NFTA_SET_NAME
        .number(3, 0) // NFTA_SET_FLAGS
        .number(4, PAIR_OF_ADDRESSES) // NFTA_SET_KEY_TYPE
        .number(5, PAIR_BYTES) // NFTA_SET_KEY_LEN
        .number(10, SET_ID); // NFTA_SET_ID
    request(NEW_SET, CREATE, &set)
}

fn new_chain() -> Message {
    // NF_BR_FORWARD, before any other chain of the bridge.
    const FORWARD_HOOK: u32 = 2;
    const ACCEPT: u32 = 1;
    let hook = Attributes::default()
        .number(1, FORWARD_HOOK) // NFTA_HOOK_HOOKNUM
        .number(2, 0); // NFTA_HOOK_PRIORITY
    let chain = Attributes::default()
        .text(1, TABLE) // NFTA_CHAIN_TABLE
        .text(3, CHAIN) // NFTA_CHAIN_NAME
        .nested(4, &hook) // NFTA_CHAIN_HOOK
        .number(5, ACCEPT) // NFTA_CHAIN_POLICY
        .text(7, "filter"); // NFTA_CHAIN_TYPE
    request(NEW_CHAIN, CREATE, &chain)
}

fn new_rule() -> Message {
    let expressions = [load_protocol(), require_ipv4(), load_addresses(), look_up(), drop_packet()]
        .into_iter()
        .fold(Attributes::default(), |list, (name, data)| {
            let expression = Attributes::default()
                .text(1, name) // NFTA_EXPR_NAME
                .nested(2, &data); // NFTA_EXPR_DATA
            list.nested(LIST_ELEMENT, &expression)
        });
    let rule = Attributes::default()
        .text(1, TABLE) // NFTA_RULE_TABLE
        .text(2, CHAIN) // NFTA_RULE_CHAIN
        .nested(4, &expressions); // NFTA_RULE_EXPRESSIONS
    request(NEW_RULE, CREATE | APPEND, &rule)
}

type Expression = (&'static str, Attributes);

fn load_protocol() -> Expression {
    const META_PROTOCOL: u32 = 1;
    let data = Attributes::default()
        .number(1, REGISTER) // NFTA_META_DREG
        .number(2, META_PROTOCOL); // NFTA_META_KEY
    ("meta", data)
}

fn require_ipv4() -> Expression {
    const EQUAL: u32 = 0;
    const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
    let value = Attributes::default().bytes(1, &ETHERTYPE_IPV4); // NFTA_DATA_VALUE
    let data = Attributes::default()
        .number(1, REGISTER) // NFTA_CMP_SREG
        .number(2, EQUAL) // NFTA_CMP_OP
        .nested(3, &value); // NFTA_CMP_DATA
    ("cmp", data)
}

/// Source and destination lie next to each other in the header: one load fills both halves.
fn load_addresses() -> Expression {
    const NETWORK_HEADER: u32 = 1;
    const SOURCE_OFFSET_BYTES: u32 = 12;
    const PAIR_BYTES: u32 = 8;
    let data = Attributes::default()
        .number(1, REGISTER) // NFTA_PAYLOAD_DREG
        .number(2, NETWORK_HEADER) // NFTA_PAYLOAD_BASE
        .number(3, SOURCE_OFFSET_BYTES) // NFTA_PAYLOAD_OFFSET
        .number(4, PAIR_BYTES); // NFTA_PAYLOAD_LEN
    ("payload", data)
}

fn look_up() -> Expression {
    let data = Attributes::default()
        .text(1, SET) // NFTA_LOOKUP_SET
        .number(2, REGISTER) // NFTA_LOOKUP_SREG
        .number(4, SET_ID); // NFTA_LOOKUP_SET_ID
    ("lookup", data)
}

fn drop_packet() -> Expression {
    const VERDICT_REGISTER: u32 = 0;
    const DROP: u32 = 0;
    let code = Attributes::default().number(1, DROP); // NFTA_VERDICT_CODE
    let verdict = Attributes::default().nested(2, &code); // NFTA_DATA_VERDICT
    let data = Attributes::default()
        .number(1, VERDICT_REGISTER) // NFTA_IMMEDIATE_DREG
        .nested(2, &verdict); // NFTA_IMMEDIATE_DATA
    ("immediate", data)
}

fn elements_of_set() -> Attributes {
    Attributes::default()
        .text(1, TABLE) // NFTA_SET_ELEM_LIST_TABLE
        .text(2, SET) // NFTA_SET_ELEM_LIST_SET
}

fn new_elements(pairs: &[(Ipv4Addr, Ipv4Addr)]) -> Message {
    let elements = pairs.iter().fold(Attributes::default(), |list, (source, destination)| {
        let key = [source.octets(), destination.octets()].concat();
        let value = Attributes::default().bytes(1, &key); // NFTA_DATA_VALUE
        let element = Attributes::default().nested(1, &value); // NFTA_SET_ELEM_KEY
        list.nested(LIST_ELEMENT, &element)
    });
    // NFTA_SET_ELEM_LIST_ELEMENTS
    request(NEW_ELEMENTS, CREATE, &elements_of_set().nested(3, &elements))
}
