//! The workloads, one a file.

mod bank;
mod cas_register;
mod counter;
mod ids;
mod kv;
mod list_append;
mod long_fork;
mod mixed;
mod multi_compare;
mod mutex;
mod queue;
mod register;
mod sessions;
mod set;
mod txn_append;
mod txn_register;
mod watch;

pub use bank::Bank;
pub use cas_register::CasRegister;
pub use counter::Counter;
pub use ids::Ids;
pub use kv::Kv;
pub use list_append::ListAppend;
pub use long_fork::LongFork;
pub use mixed::Mixed;
pub use multi_compare::MultiCompare;
pub use mutex::Mutex;
pub use queue::Queue;
pub use register::Register;
pub use sessions::Sessions;
pub use set::Set;
pub use txn_append::TxnAppend;
pub use txn_register::TxnRegister;
pub use watch::Watch;

#[cfg(test)]
pub(crate) mod tests;
