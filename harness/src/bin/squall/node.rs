//! `squall node`: runs one node of the built-in Raft cluster.

use crate::exit::{Exit, Failure};

/// Run one node of the built-in Raft key-value cluster
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    node: squall_node::NodeArgs,
}

pub(crate) fn main(args: Args) -> Result<Exit, Failure> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    runtime.block_on(squall_node::run(args.node)).map_err(|error| Failure::setup(&error))?;
    Ok(Exit::Linearizable)
}
