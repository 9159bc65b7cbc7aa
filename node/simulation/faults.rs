//! What goes wrong, for how long, and how it ends.

use rand::RngExt;
use squall_node::raft::{Change, NodeId};

use super::course::{Event, Simulation, Stage};
use super::disk::Crash;
use super::plan::quality;
use super::promises::Broken;
use super::server::Process;

/// Something that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fault {
    Crash(Crash),
    CrashAll(Crash),
    CutInTwo,
    CutOffLeader,
    CutOneWay,
    Pause,
    PauseLeader,
    StallDisk,
    ChangeClock,
    ChangeNetwork,
    Transfer,
    ChangeMembers,
    Recut,
}

/// The end of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Undo {
    Restart(NodeId),
    RestartAll,
    Heal,
    Resume(NodeId),
    Disk(NodeId),
    Network,
}

impl Simulation {
    /// Plans the beginning of the next fault.
    pub(crate) fn plan_fault(&mut self) {
        let wait = self.rng.random_range(self.plan.weather.every_us.clone());
        self.schedule.plan(wait, Event::Fault);
    }

    fn draw_fault(&mut self) -> Option<Fault> {
        let weather = &self.plan.weather;
        let shares = [
            (Fault::Crash(Crash::Kill), weather.kill),
            (Fault::CrashAll(Crash::Kill), weather.kill_all),
            (Fault::Crash(Crash::PowerLoss), weather.power),
            (Fault::CrashAll(Crash::PowerLoss), weather.power_all),
            (Fault::CutInTwo, weather.cut_in_two),
            (Fault::CutOffLeader, weather.cut_off_leader),
            (Fault::CutOneWay, weather.cut_one_way),
            (Fault::Pause, weather.pause),
            (Fault::PauseLeader, weather.pause_leader),
            (Fault::StallDisk, weather.stall_disk),
            (Fault::ChangeClock, weather.change_clock),
            (Fault::ChangeNetwork, weather.change_network),
            (Fault::Transfer, weather.transfer),
            (Fault::ChangeMembers, weather.change_members),
            (Fault::Recut, weather.recut),
        ];
        let total: u32 = shares.iter().map(|(_, share)| share).sum();
        let mut drawn = self.rng.random_range(0..total.max(1));
        shares.into_iter().find_map(|(fault, share)| {
            if drawn < share {
                return Some(fault);
            }
            drawn -= share;
            None
        })
    }

    /// Begins a fault, and plans its end and the next one.
    pub(crate) fn begin_fault(&mut self) -> Result<(), Broken> {
        if self.stage != Stage::Faults {
            return Ok(());
        }
        self.plan_fault();
        let Some(fault) = self.draw_fault() else { return Ok(()) };
        self.trace.note(self.schedule.now(), fault, || format!("-- {fault:?}"));
        let undo = self.carry_out(fault)?;
        self.totals.cuts += u64::from(undo == Some(Undo::Heal));
        if let Some(undo) = undo {
            let lasts = self.rng.random_range(self.plan.weather.lasts_us.clone());
            self.schedule.plan(lasts, Event::Undo(undo));
        }
        Ok(())
    }

    /// Does what a fault is; returns what ends it, if it does not end by itself.
    fn carry_out(&mut self, fault: Fault) -> Result<Option<Undo>, Broken> {
        let any = self.any_node();
        let leader = self.leader().unwrap_or(any);
        Ok(match fault {
            Fault::Crash(crash) => {
                self.crash(any, crash);
                Some(Undo::Restart(any))
            }
            Fault::CrashAll(crash) => {
                self.ids().into_iter().for_each(|id| self.crash(id, crash));
                Some(Undo::RestartAll)
            }
            Fault::CutInTwo => {
                let side: Vec<_> =
                    self.ids().into_iter().filter(|_| self.rng.random_bool(0.5)).collect();
                self.cut_off(&side);
                Some(Undo::Heal)
            }
            Fault::CutOffLeader => {
                self.cut_off(&[leader]);
                Some(Undo::Heal)
            }
            Fault::Recut => {
                self.network.heal();
                let side = if self.rng.random_bool(0.5) { vec![leader] } else { vec![leader, any] };
                self.cut_off(&side);
                Some(Undo::Heal)
            }
            Fault::CutOneWay => {
                let other = self.any_node();
                self.network.cut(any, other);
                Some(Undo::Heal)
            }
            Fault::Pause => {
                self.pause(any);
                Some(Undo::Resume(any))
            }
            Fault::PauseLeader => {
                self.pause(leader);
                Some(Undo::Resume(leader))
            }
            Fault::StallDisk => {
                self.server(any).disk_slowness = 20;
                Some(Undo::Disk(any))
            }
            Fault::ChangeClock => {
                let rate = self.rng.random_range(self.plan.clock_rates.clone());
                let now = self.schedule.now();
                self.server(any).clock.set_rate(now, rate);
                None
            }
            Fault::ChangeNetwork => {
                self.network.quality = quality(&mut self.rng);
                Some(Undo::Network)
            }
            Fault::Transfer => {
                self.transfer(leader, any)?;
                None
            }
            Fault::ChangeMembers => {
                // The second is refused, unless a planted bug lets it through.
                self.change_members(leader)?;
                self.change_members(leader)?;
                None
            }
        })
    }

    /// Asks a node to hand its lead to another.
    fn transfer(&mut self, from: NodeId, to: NodeId) -> Result<(), Broken> {
        if let Some(process) = self.running(from)
            && process.raft.transfer(to).is_ok()
        {
            self.totals.transfers += 1;
        }
        self.act(from)
    }

    /// Asks a node to add some other to the members, to let it vote, or to remove
    /// it: whatever comes next for it.
    fn change_members(&mut self, leader: NodeId) -> Result<(), Broken> {
        let id = self.any_node();
        let Some(process) = self.running(leader) else { return Ok(()) };
        let members = process.raft.membership();
        let change = if members.is_voter(id) {
            Change::Remove(id)
        } else if members.contains(id) {
            Change::Promote(id)
        } else {
            Change::AddLearner { id, address: String::new() }
        };
        let proposed = process.raft.propose_membership(change.clone());
        self.totals.member_changes += u64::from(proposed.is_ok());
        self.trace.note(self.schedule.now(), ("members", leader, proposed.is_ok()), || {
            format!("{leader} is asked for {change:?}: {proposed:?}")
        });
        self.act(leader)
    }

    /// Returns the process of a node that is up and not stopped, told the time.
    fn running(&mut self, id: NodeId) -> Option<&mut Process> {
        let now = self.schedule.now();
        let server = self.server(id);
        let now_ms = server.clock.local_ms(now);
        let process = server.process.as_mut().filter(|process| process.stopped.is_none())?;
        process.raft.set_time(now_ms);
        Some(process)
    }

    /// Ends a fault, unless all have been ended.
    pub(crate) fn undo(&mut self, undo: Undo) -> Result<(), Broken> {
        if self.stage != Stage::Faults {
            return Ok(());
        }
        self.trace.note(self.schedule.now(), undo, || format!("-- {undo:?}"));
        match undo {
            Undo::Restart(id) => self.start(id),
            Undo::RestartAll => self.ids().into_iter().try_for_each(|id| self.start(id)),
            Undo::Resume(id) => self.resume(id),
            Undo::Heal => {
                self.network.heal();
                Ok(())
            }
            Undo::Disk(id) => {
                self.server(id).disk_slowness = 1;
                Ok(())
            }
            Undo::Network => {
                self.network.quality = self.plan.quality.clone();
                Ok(())
            }
        }
    }

    fn any_node(&mut self) -> NodeId {
        let ids = self.ids();
        ids[self.rng.random_range(0..ids.len())]
    }

    /// Returns who leads; of several that think so, the one of the newest term.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let leaders = self
            .servers
            .iter()
            .filter_map(|(&id, server)| Some((server.process.as_ref()?.leads()?, id)));
        leaders.max().map(|(_, id)| id)
    }

    /// Cuts all links between these nodes and the others.
    fn cut_off(&mut self, side: &[NodeId]) {
        for other in self.ids().into_iter().filter(|id| !side.contains(id)) {
            for &id in side {
                self.network.cut(id, other);
                self.network.cut(other, id);
            }
        }
    }
}
