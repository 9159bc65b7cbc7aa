//! The firewall by way of installed programs, where netlink is refused.
//!
//! Rules live in a table or a chain of our own, and only that is ever flushed: a node may have
//! rules of its own in its namespace.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::super::{NetworkError, enter};
use super::address;
use crate::grudge::Grudge;

const NFT: &str = "nft";
const IPTABLES_RESTORE: &str = "iptables-restore";
/// Where iptables takes its lock: the network namespace itself, which is what the lock protects.
///
/// Its own choice, `/run/xtables.lock`, is the host's, and an ordinary user may not write there.
const IPTABLES_LOCK: &str = "/proc/self/ns/net";

/// Creates the table, whatever an earlier attempt may have left of it.
pub(super) fn nft_install() -> Result<(), NetworkError> {
    let script = "
        table bridge squall
        delete table bridge squall
        table bridge squall {
            set cut { type ipv4_addr . ipv4_addr; }
            chain forward {
                type filter hook forward priority 0; policy accept;
                ip saddr . ip daddr @cut drop
            }
        }";
    run(NFT, nft(), script)
}

/// Replaces the cut pairs, in one transaction.
pub(super) fn nft_replace(pairs: &[(Ipv4Addr, Ipv4Addr)]) -> Result<(), NetworkError> {
    let mut script = "flush set bridge squall cut\n".to_owned();
    for (source, destination) in pairs {
        let _ = writeln!(script, "add element bridge squall cut {{ {source} . {destination} }}");
    }
    run(NFT, nft(), &script)
}

fn nft() -> Command {
    let mut command = Command::new(NFT);
    command.args(["-f", "-"]);
    command
}

/// Puts an empty chain in front of what each node receives.
pub(super) fn iptables_install(namespaces: &[Arc<OwnedFd>]) -> Result<(), NetworkError> {
    let script = "*filter\n:SQUALL - [0:0]\n-I INPUT -j SQUALL\nCOMMIT\n";
    for namespace in namespaces {
        run(IPTABLES_RESTORE, iptables_restore(namespace), script)?;
    }
    Ok(())
}

/// Replaces what each node drops, in all namespaces at the same time.
pub(super) fn iptables_replace(
    namespaces: &[Arc<OwnedFd>],
    grudge: &Grudge,
) -> Result<(), NetworkError> {
    std::thread::scope(|scope| {
        let running: Vec<_> = namespaces
            .iter()
            .enumerate()
            .map(|(to, namespace)| {
                let script = iptables_script(to, grudge);
                scope.spawn(move || run(IPTABLES_RESTORE, iptables_restore(namespace), &script))
            })
            .collect();
        running.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

fn iptables_script(to: usize, grudge: &Grudge) -> String {
    // Naming the chain empties it.
    let mut script = "*filter\n:SQUALL - [0:0]\n".to_owned();
    for (from, _) in grudge.pairs().filter(|(_, receiver)| *receiver == to) {
        let _ = writeln!(script, "-A SQUALL -s {}/32 -j DROP", address(from));
    }
    script.push_str("COMMIT\n");
    script
}

fn iptables_restore(namespace: &Arc<OwnedFd>) -> Command {
    let mut command = Command::new(IPTABLES_RESTORE);
    command.args(["--noflush", "--wait", "5"]).env("XTABLES_LOCKFILE", IPTABLES_LOCK);
    enter::namespace(&mut command, namespace);
    command
}

/// Runs `command` with `script` as its input.
fn run(program: &'static str, mut command: Command, script: &str) -> Result<(), NetworkError> {
    let not_run = |source| NetworkError::NotRun { program, source };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(not_run)?;
    let fed = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(script.as_bytes()));
    let output = child.wait_with_output().map_err(not_run)?;
    if output.status.success() {
        return fed.map_err(not_run);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(NetworkError::Program { program, status: output.status, said })
}
