//! Runs one node, as `squall node` does.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use squall_node::NodeArgs;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    match squall_node::run(args.node).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            tracing::error!("failed to {message}");
            ExitCode::FAILURE
        }
    }
}
