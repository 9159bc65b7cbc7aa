//! Just enough netlink to send a batch of messages and learn that the kernel took all of it.
//!
//! For the two places where a crate does not fit: the init of a sandbox, which has no runtime, and
//! nf_tables, whose crates are GPL or call a program. Replies other than acknowledgements are not
//! parsed; nothing here ever asks for any.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

const HEADER_BYTES: usize = 16;
const ERROR: u16 = 2;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
/// The kernel answers within microseconds or not at all; without a bound a lost answer hangs us.
const ANSWER_MS_MAX: i64 = 2_000;

const NEW_LINK: u16 = 16;
const LOOPBACK_INDEX: i32 = 1;
const INTERFACE_UP: u32 = 1;

/// One netlink message without its sequence number.
pub(crate) struct Message {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Message {
    /// A request of type `kind` whose body starts with the protocol's own fixed header.
    pub(crate) fn new(kind: u16, flags: u16, fixed: &[u8], attributes: &Attributes) -> Self {
        let mut body = fixed.to_vec();
        body.extend(&attributes.0);
        Self { kind, flags: flags | REQUEST | ACKNOWLEDGE, body }
    }

    /// A marker the kernel does not acknowledge, such as the ends of an nf_tables transaction.
    pub(crate) fn marker(kind: u16, fixed: &[u8]) -> Self {
        Self { kind, flags: REQUEST, body: fixed.to_vec() }
    }
}

/// The request that brings the loopback interface of this network namespace up.
pub(crate) fn raise_loopback() -> Message {
    let mut fixed = vec![0; 4];
    fixed.extend(LOOPBACK_INDEX.to_ne_bytes());
    fixed.extend(INTERFACE_UP.to_ne_bytes());
    fixed.extend(INTERFACE_UP.to_ne_bytes());
    Message::new(NEW_LINK, 0, &fixed, &Attributes::default())
}

/// A list of netlink attributes, built in order.
#[derive(Clone, Default)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    const NESTED: u16 = 0x8000;

    /// Appends raw bytes.
    pub(crate) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len() + 4).expect("callers split what exceeds 64 KiB");
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        pad(&mut self.0);
        self
    }

    /// Appends a string with the terminating zero the kernel expects.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        self.bytes(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// Appends a number in network order.
    pub(crate) fn number(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// Appends a nested list.
    pub(crate) fn nested(self, kind: u16, inner: &Attributes) -> Self {
        self.bytes(kind | Self::NESTED, &inner.0)
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Messages that are sent as one datagram.
#[derive(Default)]
pub(crate) struct Batch(Vec<Message>);

impl Batch {
    /// Appends a message.
    pub(crate) fn push(&mut self, message: Message) {
        self.0.push(message);
    }
}

/// A netlink socket of the network namespace it was opened in.
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// Opens a socket for `protocol`.
    pub(crate) fn open(protocol: SockProtocol) -> io::Result<Self> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        let patience = TimeVal::milliseconds(ANSWER_MS_MAX);
        setsockopt(&fd, sockopt::ReceiveTimeout, &patience)?;
        Ok(Self { fd, sequence: 1 })
    }

    /// Sends `batch` and waits until the kernel has acknowledged every request in it.
    ///
    /// # Errors
    /// The first refusal the kernel reports, or `TimedOut` when it does not answer.
    pub(crate) fn transact(&mut self, batch: Batch) -> io::Result<()> {
        let first = self.sequence;
        let mut unanswered = 0;
        let mut datagram = Vec::new();
        for message in batch.0 {
            unanswered += usize::from(message.flags & ACKNOWLEDGE != 0);
            self.encode(&message, &mut datagram);
        }
        send(self.fd.as_raw_fd(), &datagram, MsgFlags::empty())?;
        while unanswered > 0 {
            let answer = self.receive_answer()?;
            // Answers to an earlier batch that failed half-way may still be queued.
            if answer.sequence.wrapping_sub(first) > u32::MAX / 2 {
                continue;
            }
            if answer.errno != 0 {
                return Err(io::Error::from_raw_os_error(answer.errno));
            }
            unanswered -= 1;
        }
        Ok(())
    }

    fn encode(&mut self, message: &Message, datagram: &mut Vec<u8>) {
        let length = u32::try_from(HEADER_BYTES + message.body.len()).expect("bodies are small");
        datagram.extend(length.to_ne_bytes());
        datagram.extend(message.kind.to_ne_bytes());
        datagram.extend(message.flags.to_ne_bytes());
        datagram.extend(self.sequence.to_ne_bytes());
        datagram.extend(0_u32.to_ne_bytes());
        datagram.extend(&message.body);
        pad(datagram);
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn receive_answer(&self) -> io::Result<Answer> {
        // An error quotes the request it refuses; only the head of it is of interest.
        let mut buffer = [0; 4096];
        loop {
            let received = match recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Err(nix::errno::Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(nix::errno::Errno::EINTR) => continue,
                outcome => outcome?,
            };
            if let Some(answer) = Answer::parse(&buffer[..received]) {
                return Ok(answer);
            }
        }
    }
}

/// The part of an acknowledgement that matters; `errno` is 0 when the request succeeded.
struct Answer {
    sequence: u32,
    errno: i32,
}

impl Answer {
    fn parse(datagram: &[u8]) -> Option<Self> {
        let field = |at: usize| datagram.get(at..at + 4)?.try_into().ok();
        let kind = u16::from_ne_bytes(datagram.get(4..6)?.try_into().ok()?);
        (kind == ERROR).then_some(())?;
        Some(Self {
            sequence: u32::from_ne_bytes(field(8)?),
            errno: -i32::from_ne_bytes(field(HEADER_BYTES)?),
        })
    }
}
