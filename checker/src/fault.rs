//! Deliberate faults in the procedures, to see that the cross-checks catch them.
//!
//! A procedure asks [`planted`] where a rule could be got wrong; outside of unit tests the
//! answer is a constant `false` and costs nothing.

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// Whether the fault called `name` is in force on this thread.
#[cfg(test)]
pub(crate) fn planted(name: &'static str) -> bool {
    PLANTED.get() == Some(name)
}

/// Whether the fault called `name` is in force: never, outside of unit tests.
#[cfg(not(test))]
pub(crate) const fn planted(_name: &'static str) -> bool {
    false
}

/// Runs `work` with the fault called `name` in force on this thread.
#[cfg(test)]
pub(crate) fn with_planted<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    struct Lifted;
    impl Drop for Lifted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
    PLANTED.set(Some(name));
    let _lifted = Lifted;
    work()
}
