//! `squall node`: runs one node of the built-in Raft cluster.

use crate::exit::{Exit, Failure};

/// Run one node of the built-in Raft key-value cluster
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    node: squall_node::NodeArgs,
}

pub(crate) fn main(args: Args) -> Result<Exit, Failure> {
    squall_node::run_blocking(args.node).map_err(|error| Failure::setup(&error))?;
    Ok(Exit::Linearizable)
}
