//! Queues that hold so many bytes and no more: what does not fit is not waited for.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::mpsc;

/// What one item takes beside its own bytes, roughly.
const OVERHEAD_BYTES: usize = 128;

/// The end of a queue where items go in.
pub(super) struct Queue<T> {
    items: mpsc::UnboundedSender<Held<T>>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// The other end.
pub(super) struct Waiting<T> {
    items: mpsc::UnboundedReceiver<Held<T>>,
}

/// An item, and its place in the queue until this is dropped.
pub(super) struct Held<T> {
    pub(super) item: T,
    _place: Place,
}

/// A queue that has no room left, or that nobody takes anything from any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

struct Place {
    taken: usize,
    bytes: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bytes.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

/// A queue for `bytes_max` bytes in all, some of them spent on each item.
pub(super) fn queue<T>(bytes_max: usize) -> (Queue<T>, Waiting<T>) {
    let (items, waiting) = mpsc::unbounded_channel();
    (Queue { items, bytes: Arc::default(), bytes_max }, Waiting { items: waiting })
}

impl<T> Queue<T> {
    /// Puts in an item of `bytes` bytes, at once or not at all.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn push(&self, item: T, bytes: usize) -> Result<(), Full> {
        let taken = bytes + OVERHEAD_BYTES;
        let before = self.bytes.fetch_add(taken, Ordering::Relaxed);
        let place = Place { taken, bytes: Arc::clone(&self.bytes) };
        if before + taken > self.bytes_max {
            return Err(Full);
        }
        self.items.send(Held { item, _place: place }).map_err(|_| Full)
    }
}

impl<T> Waiting<T> {
    /// The next item; none once nobody can put any in.
    pub(super) async fn next(&mut self) -> Option<Held<T>> {
        self.items.recv().await
    }

    /// The next item, if one is there already.
    pub(super) fn try_next(&mut self) -> Option<Held<T>> {
        self.items.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_until_something_was_let_go() {
        let (queue, mut waiting) = queue(3 * (OVERHEAD_BYTES + 10));
        for item in 0..3 {
            assert_eq!(queue.push(item, 10), Ok(()));
        }
        assert_eq!(queue.push(3, 0), Err(Full));
        let taken = waiting.try_next().expect("it is there");
        assert_eq!((taken.item, queue.push(3, 10)), (0, Err(Full)));
        drop(taken);
        assert_eq!((queue.push(3, 11), queue.push(3, 10)), (Err(Full), Ok(())));
        drop(waiting);
        assert_eq!(queue.push(4, 0), Err(Full));
    }
}
