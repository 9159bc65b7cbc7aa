//! `squall init`: the beginning of a file that defines a system.

use std::{fs::OpenOptions, io::Write, path::PathBuf};

use crate::exit::{Exit, Failure};

/// What every file begins as.
const SCAFFOLD: &str = include_str!("../../../systems/scaffold.toml");

/// Begin a file that defines a system of your own, with comments that say what to write
///
/// Then: `squall systems check ./NAME.toml`, and `squall test --system ./NAME.toml`.
/// docs/your-own-system.md goes through it step by step.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The name of the system
    name: String,
    /// Where to write the file [default: NAME.toml]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let name = &args.name;
    if !squall::plan::is_plain_name(name) {
        return Err(Failure::Asked(format!(
            "call a system `{name}`: use letters, digits, `-`, `_` and `.`, not beginning with `.`"
        )));
    }
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    let text = SCAFFOLD.replace("SYSTEM_NAME", name);
    let written = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::Asked(format!(
            "write {}: it is there already; choose another place with --out",
            path.display()
        )),
        _ => Failure::Setup(format!("write {}: {error}", path.display())),
    })?;
    let shown = match path.components().count() {
        1 => format!("./{}", path.display()),
        _ => path.display().to_string(),
    };
    say!("wrote {shown}; its comments say what to change. Then:");
    say!("  squall systems check {shown}     says what is still wrong with it");
    say!("  squall test --system {shown}     a run under faults");
    Ok(Exit::Done)
}
