//! Long histories of correct stores under the traffic of many clients, some of whose replies
//! are lost: all of it must be decided, without search where that is promised.

mod objects;
mod random;
mod store;
mod transactions;
