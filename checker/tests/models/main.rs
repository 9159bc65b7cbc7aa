//! Every family of models from the history to the verified certificate, against brute force
//! by a specification that knows neither checker nor verifier.

mod bank;
mod bench;
mod counter;
mod ids;
mod list;
mod map;
mod mixed;
mod mutex;
mod placements;
mod queue;
mod set;
mod small;
mod text;
mod transactions;
mod trials;
