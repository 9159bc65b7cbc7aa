//! What drops packets in the sandbox: one rule set, three ways of talking to the kernel.
//!
//! A way is chosen by doing: it must be seen to cut one direction of one pair and nothing else,
//! and to heal it. What the kernel holds is the only state.

mod nft;
mod programs;

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::sounding::Sounding;
use super::switch::{Switch, address};
use super::{Backend, NetworkError, kernel};
use crate::causes::with_causes;
use crate::grudge::Grudge;

/// How long a trial waits for probes, time after time: packets take microseconds, but a busy
/// machine may deliver late. It never delivers what is cut, so only the last wait counts.
const TRIAL_PATIENCE: [Duration; 4] = [
    Duration::from_millis(30),
    Duration::from_millis(120),
    Duration::from_millis(500),
    Duration::from_millis(2000),
];

/// The rules of one sandboxed network.
pub(super) enum Firewall {
    /// By netlink.
    Nft(nft::Table),
    /// By the `nft` program.
    NftProgram,
    /// By `iptables-restore`, in each of the namespaces.
    Iptables(Vec<Arc<OwnedFd>>),
}

impl Firewall {
    pub(super) fn backend(&self) -> Backend {
        match self {
            Self::Nft(_) => Backend::SandboxNft,
            Self::NftProgram => Backend::SandboxNftProgram,
            Self::Iptables(_) => Backend::SandboxIptables,
        }
    }

    /// Drops exactly what `grudge` says from now on. Blocks until the kernel has agreed.
    pub(super) fn replace(&self, grudge: &Grudge) -> Result<(), NetworkError> {
        match self {
            Self::Nft(table) => {
                table.replace(&addresses(grudge)).map_err(kernel("replace the cuts by netlink"))
            }
            Self::NftProgram => programs::nft_replace(&addresses(grudge)),
            Self::Iptables(namespaces) => programs::iptables_replace(namespaces, grudge),
        }
    }

    fn install(backend: Backend, switch: &Switch) -> Result<Self, NetworkError> {
        match backend {
            Backend::SandboxNft => nft::Table::install()
                .map(Self::Nft)
                .map_err(kernel("install the firewall by netlink")),
            Backend::SandboxNftProgram => programs::nft_install().map(|()| Self::NftProgram),
            Backend::SandboxIptables => {
                let namespaces = switch.namespaces().to_vec();
                programs::iptables_install(&namespaces)?;
                Ok(Self::Iptables(namespaces))
            }
            Backend::Proxy => {
                Err(NetworkError::NoFirewall { tried: vec!["a proxy is no firewall".to_owned()] })
            }
        }
    }
}

fn addresses(grudge: &Grudge) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    grudge.pairs().map(|(from, to)| (address(from), address(to))).collect()
}

/// Installs the first of `backends` that demonstrably works.
pub(super) async fn choose(
    backends: &[Backend],
    switch: &Switch,
    sounding: &Sounding,
) -> Result<Firewall, NetworkError> {
    let nodes = switch.namespaces().len();
    let mut tried = Vec::new();
    for &backend in backends {
        let why = match Firewall::install(backend, switch) {
            Ok(firewall) => match try_out(&firewall, nodes, sounding).await {
                Ok(()) => return Ok(firewall),
                Err(why) => {
                    // What it left cut would spoil the trial of the next.
                    let _ = firewall.replace(&Grudge::none(nodes));
                    why
                }
            },
            Err(error) => with_causes(&error),
        };
        tracing::info!(%backend, %why, "firewall not usable");
        tried.push(format!("{backend}: {why}"));
    }
    Err(NetworkError::NoFirewall { tried })
}

/// Cuts the first two nodes apart one way, looks, heals, and looks again.
async fn try_out(firewall: &Firewall, nodes: usize, sounding: &Sounding) -> Result<(), String> {
    let healed = Grudge::none(nodes);
    let cut = Grudge::one_way(&[0], &[1], nodes);
    for grudge in [&healed, &cut, &healed] {
        firewall.replace(grudge).map_err(|error| with_causes(&error))?;
        let mut as_asked = false;
        for patience in TRIAL_PATIENCE {
            let seen = sounding.probe(patience).await.map_err(|error| error.to_string())?;
            as_asked = seen.deviations(grudge).is_empty();
            if as_asked {
                break;
            }
        }
        if !as_asked {
            let verb = if grudge.is_empty() { "heal" } else { "cut" };
            return Err(format!("its {verb} had another effect than asked for"));
        }
    }
    Ok(())
}
