//! Sending messages to peers.
//!
//! Each peer has a mailbox and a task that empties it: all that has gathered
//! goes out in one POST, and the next follows when that one is answered. A peer
//! that cannot be reached costs the others nothing; its mailbox keeps the newest
//! messages, for the protocol copes with the loss of any.
//!
//! Time limits are short. A connection through a cut that swallows packets is
//! given up and dialled anew, so that messages flow again soon after the cut
//! heals instead of when TCP's backoff happens to end.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::addresses::Addresses;
use super::line::Line;
use crate::raft::{Message, NodeId};

/// Messages kept for a peer; older ones give way.
const MAILBOX_MAX: usize = 64;

/// Time for delivering a batch, dialling included.
const DELIVERY_TIMEOUT: Duration = Duration::from_millis(300);

/// The mailboxes of all peers, and the tasks that empty them; at first of none.
#[derive(Default)]
pub(crate) struct Peers {
    links: BTreeMap<NodeId, Link>,
}

/// The way to one peer.
struct Link {
    address: SocketAddr,
    mailbox: Arc<Mailbox>,
    task: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peers {
    /// Starts a task for each peer that is new or has moved, and ends those of
    /// peers that are gone. What waited for them is lost.
    pub(crate) fn update(&mut self, addresses: &Addresses) {
        self.links.retain(|id, link| addresses.get(id) == Some(&link.address));
        for (&id, &address) in addresses {
            self.links.entry(id).or_insert_with(|| {
                let mailbox = Arc::new(Mailbox::default());
                let sending = deliver(id, address, Arc::clone(&mailbox));
                Link { address, mailbox, task: tokio::spawn(sending).abort_handle() }
            });
        }
    }

    /// Puts messages into the mailboxes of those they are for.
    pub(crate) fn send(&self, messages: Vec<Message>) {
        for message in messages {
            if let Some(link) = self.links.get(&message.to) {
                link.mailbox.put(message);
            }
        }
    }
}

/// Messages waiting for one peer.
#[derive(Default)]
struct Mailbox {
    messages: Mutex<VecDeque<Message>>,
    filled: Notify,
}

impl Mailbox {
    fn put(&self, message: Message) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == MAILBOX_MAX {
            messages.pop_front();
        }
        messages.push_back(message);
        drop(messages);
        self.filled.notify_one();
    }

    /// Waits until there are messages and takes them all.
    async fn take(&self) -> VecDeque<Message> {
        loop {
            let messages =
                std::mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner));
            if !messages.is_empty() {
                return messages;
            }
            self.filled.notified().await;
        }
    }
}

/// Empties a mailbox for ever.
async fn deliver(id: NodeId, address: SocketAddr, mailbox: Arc<Mailbox>) {
    let mut line = Line::to(address);
    let mut reached = None;
    loop {
        let messages = mailbox.take().await;
        let body =
            postcard::to_stdvec(&messages).expect("writing plain data to memory does not fail");
        let delivery = line.post("/raft", body, DELIVERY_TIMEOUT).await;
        if reached != Some(delivery.is_ok()) {
            reached = Some(delivery.is_ok());
            match delivery {
                Ok(_) => tracing::info!(peer = %id, "reaches peer"),
                Err(why) => {
                    tracing::info!(peer = %id, %address, cause = %root_cause(&why), "cannot reach peer");
                }
            }
        }
    }
}

/// Returns what is at the bottom of an error, without the layers that only say
/// that something failed.
fn root_cause<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    std::iter::successors(Some(error), |&error| error.source()).last().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::{Body, Term};

    fn message(term: u64) -> Message {
        let id: NodeId = "n1".parse().unwrap();
        Message { from: id, to: id, term: Term(term), body: Body::Deposed }
    }

    #[tokio::test]
    async fn a_full_mailbox_keeps_the_newest_messages() {
        let mailbox = Mailbox::default();
        for term in 0..=MAILBOX_MAX as u64 {
            mailbox.put(message(term));
        }
        let kept = mailbox.take().await;
        assert_eq!(kept.len(), MAILBOX_MAX);
        assert_eq!(kept[0], message(1));
    }
}
