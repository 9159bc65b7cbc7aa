//! How many answers are made at once, and for whom.
//!
//! What waits here is a future and no thread: it goes away with its connection. Only what has
//! its turn is begun, so that one client with many questions takes no more threads than there
//! are turns, and leaves those that stream files alone. What was begun for a client that is
//! gone meanwhile ends at its next step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use super::reply::Refusal;

/// Where answers wait for their turn.
#[derive(Debug)]
pub(super) struct Queue {
    pages: Arc<Semaphore>,
    /// Comparisons that wait or are made.
    comparisons: Arc<Semaphore>,
    /// For the one that is made: it has two whole results in memory.
    comparing: Arc<Semaphore>,
}

/// The right to make an answer, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _held: Vec<OwnedSemaphorePermit>,
}

impl Queue {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            pages: Arc::new(Semaphore::new(limits.pages)),
            comparisons: Arc::new(Semaphore::new(limits.comparisons)),
            comparing: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits until an answer may be made.
    ///
    /// # Errors
    /// When too many comparisons wait already.
    pub(super) async fn turn(&self, comparison: bool) -> Result<Turn, Refusal> {
        let closed = |error| Refusal::broken(&error);
        if !comparison {
            let page = self.pages.clone().acquire_owned().await.map_err(closed)?;
            return Ok(Turn { _held: vec![page] });
        }
        let place = self.comparisons.clone().try_acquire_owned().map_err(|_| Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            sentence: "Other runs are being compared already; try again when they are done."
                .to_owned(),
        })?;
        let alone = self.comparing.clone().acquire_owned().await.map_err(closed)?;
        Ok(Turn { _held: vec![place, alone] })
    }
}

/// Whom an answer is made for.
#[derive(Clone, Debug)]
pub(super) struct Client {
    gone: Arc<AtomicBool>,
}

/// Says when it is dropped that the client is gone.
#[derive(Debug)]
pub(super) struct Here {
    gone: Arc<AtomicBool>,
}

impl Client {
    pub(super) fn new() -> (Self, Here) {
        let gone = Arc::new(AtomicBool::new(false));
        (Self { gone: gone.clone() }, Here { gone })
    }

    /// Whether anybody waits for the answer still.
    ///
    /// # Errors
    /// When nobody does, with what nobody will read.
    pub(super) fn still_there(&self) -> Result<(), Refusal> {
        match self.gone.load(Ordering::Relaxed) {
            true => Err(Refusal::bad("Nobody waits for this any longer.")),
            false => Ok(()),
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn an_answer_is_made_only_while_somebody_waits() {
        let (client, here) = Client::new();
        assert!(client.still_there().is_ok());
        drop(here);
        assert!(client.still_there().is_err());
    }

    #[tokio::test]
    async fn pages_are_not_held_up_by_comparisons() {
        let queue = Queue::new(&Limits { pages: 1, comparisons: 2, ..Limits::default() });
        let comparison = queue.turn(true).await.unwrap();
        // Those who give up waiting hold no place.
        for _ in 0..3 {
            assert!(queue.turn(true).now_or_never().is_none());
        }
        let page = queue.turn(false).await.unwrap();
        assert!(queue.turn(false).now_or_never().is_none());
        drop(page);
        assert!(queue.turn(false).await.is_ok());
        drop(comparison);
        assert!(queue.turn(true).await.is_ok());
    }

    #[tokio::test]
    async fn comparisons_beyond_the_limit_are_refused_at_once() {
        let queue = Queue::new(&Limits { comparisons: 1, ..Limits::default() });
        let comparison = queue.turn(true).await.unwrap();
        let refused = queue.turn(true).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        drop(comparison);
        assert!(queue.turn(true).await.is_ok());
    }
}
