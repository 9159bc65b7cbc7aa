//! Signals to a node's whole process tree, and what the kernel says came of them.
//!
//! A process is held by its directory in `/proc`: the kernel takes that descriptor for signals as
//! it takes a pidfd, and for reads, and both fail once that very process is gone, whoever has its
//! number by then. The first process of a tree is held so for as long as the tree is, and is found
//! again by that descriptor. The others are looked for anew each time, by parent and by group; as
//! a group outlives the process it is named after, a group counts only while its number has not
//! come to mean a process that started at another time. It all works where `/proc` shows the
//! numbers of an outer process namespace, because numbers are only compared with each other, never
//! signalled.
//!
//! The node's owner reaps its child; nothing here waits for an exit status.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, sleep};

/// How often a state is looked at that takes microseconds to change.
const POLL: Duration = Duration::from_millis(2);

/// Why a process tree could not be brought into a state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    /// There is no such process, or `/proc` does not show it.
    #[error("find process {pid}")]
    Find {
        /// The number the owner knows it by.
        pid: u32,
        /// The kernel's reason.
        source: io::Error,
    },
    /// `/proc` could not be read or a signal not be sent.
    #[error("signal process {pid}")]
    Signal {
        /// The number the owner knows the tree's first process by.
        pid: u32,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The signal was sent, but its effect did not show.
    #[error(
        "see process {pid} {state}: {left} of its threads or children are not, after {waited_ms} ms"
    )]
    NoEffect {
        /// The number the owner knows the tree's first process by.
        pid: u32,
        /// The state they should have been in.
        state: &'static str,
        /// How many were not.
        left: usize,
        /// How long was waited.
        waited_ms: u128,
    },
}

/// A process with all its descendants and the members of their process groups.
#[derive(Debug)]
pub(crate) struct Tree {
    pid: u32,
    /// Held open, so that nobody who gets its number is taken for it.
    first: Process,
    /// Groups led by members, and when those started: who is in one belongs to the tree even when
    /// its parent has died.
    groups: BTreeMap<i32, StartTime>,
}

/// How large a tree was when its state was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Processes signalled or looked at.
    pub(crate) processes: usize,
    /// Their threads.
    pub(crate) threads: usize,
}

impl Tree {
    /// The tree that starts at `pid`, as this process numbers it.
    pub(crate) fn of(pid: u32) -> Result<Self, ProcessError> {
        let find = |source| ProcessError::Find { pid, source };
        let first = open_by_pid(pid).map_err(find)?;
        // A first process that shares its group with others does not bring the group along.
        let groups = first.led().into_iter().collect();
        Ok(Self { pid, first, groups })
    }

    /// Kills every process, and returns once none is alive; zombies wait for their owner.
    pub(crate) async fn kill(&mut self, within: Duration) -> Result<Observed, ProcessError> {
        let started = Instant::now();
        let mut killed = BTreeSet::new();
        let mut threads = 0;
        loop {
            let members = self.members()?;
            for member in &members {
                if killed.insert(member.number) {
                    threads += member.states().len();
                }
                self.signal(member, Signal::KILL)?;
            }
            if members.is_empty() {
                return Ok(Observed { processes: killed.len(), threads });
            }
            self.pause_or_give_up(started, within, "dead", members.len()).await?;
        }
    }

    /// Stops every process, and returns once every thread is in state `T`.
    pub(crate) async fn stop(&mut self, within: Duration) -> Result<Observed, ProcessError> {
        self.bring(Signal::STOP, within, "stopped", |state| state == 'T').await
    }

    /// Lets every process go on, and returns once no thread is in state `T`.
    pub(crate) async fn go_on(&mut self, within: Duration) -> Result<Observed, ProcessError> {
        self.bring(Signal::CONT, within, "resumed", |state| state != 'T').await
    }

    /// Sends SIGCONT to every process without looking at the effect.
    pub(crate) fn release(&mut self) -> Result<(), ProcessError> {
        for member in self.members()? {
            self.signal(&member, Signal::CONT)?;
        }
        Ok(())
    }

    /// True when some thread of the tree is stopped.
    pub(crate) fn is_stopped(&mut self) -> Result<bool, ProcessError> {
        let members = self.members()?;
        Ok(members.iter().any(|member| member.states().contains(&'T')))
    }

    async fn bring(
        &mut self,
        signal: Signal,
        within: Duration,
        state: &'static str,
        arrived: impl Fn(char) -> bool,
    ) -> Result<Observed, ProcessError> {
        let started = Instant::now();
        let mut signalled = BTreeSet::new();
        loop {
            // Looked for again each time: one may have been forked just before its parent stopped.
            let members = self.members()?;
            if members.is_empty() {
                let source = io::Error::from(io::ErrorKind::NotFound);
                return Err(ProcessError::Find { pid: self.pid, source });
            }
            for member in &members {
                if signalled.insert(member.number) {
                    self.signal(member, signal)?;
                }
            }
            let states: Vec<char> = members.iter().flat_map(Process::states).collect();
            let left = states.iter().filter(|state| !arrived(**state)).count();
            if left == 0 {
                return Ok(Observed { processes: members.len(), threads: states.len() });
            }
            self.pause_or_give_up(started, within, state, left).await?;
        }
    }

    async fn pause_or_give_up(
        &self,
        started: Instant,
        within: Duration,
        state: &'static str,
        left: usize,
    ) -> Result<(), ProcessError> {
        let waited = started.elapsed();
        if waited > within {
            return Err(ProcessError::NoEffect {
                pid: self.pid,
                state,
                left,
                waited_ms: waited.as_millis(),
            });
        }
        sleep(POLL).await;
        Ok(())
    }

    /// The living processes of the tree, as of now.
    fn members(&mut self) -> Result<Vec<Process>, ProcessError> {
        let mut others =
            living().map_err(|source| ProcessError::Signal { pid: self.pid, source })?;
        // Asked after the look: if it is still there, its number meant it all the while.
        let first = self.first.is_there().then_some(self.first.number);
        self.forget_strange_groups(&others);
        let mut members: Vec<Process> = Vec::new();
        let mut numbers: BTreeSet<i32> = first.into_iter().collect();
        loop {
            let belongs = |process: &mut Process| {
                Some(process.number) == first
                    || numbers.contains(&process.stat.parent)
                    || self.groups.contains_key(&process.stat.group)
            };
            let found: Vec<Process> = others.extract_if(.., belongs).collect();
            if found.is_empty() {
                return Ok(members);
            }
            numbers.extend(found.iter().map(|process| process.number));
            self.groups.extend(found.iter().filter_map(Process::led));
            members.extend(found);
        }
    }

    /// Drops the groups whose numbers are free or mean others by now.
    fn forget_strange_groups(&mut self, living: &[Process]) {
        self.groups.retain(|&group, leader_started| {
            // As long as somebody is in it, the kernel gives its number to nobody.
            let is_populated = living.iter().any(|process| process.stat.group == group);
            let is_strange = living
                .iter()
                .any(|process| process.number == group && process.stat.started != *leader_started);
            is_populated && !is_strange
        });
    }

    fn signal(&self, member: &Process, signal: Signal) -> Result<(), ProcessError> {
        match pidfd_send_signal(member.directory.as_fd(), signal) {
            // It has ended since it was found.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(ProcessError::Signal { pid: self.pid, source: errno.into() }),
        }
    }
}

/// When a process started, in clock ticks since the machine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StartTime(u64);

/// One process, by its directory in `/proc`.
#[derive(Debug)]
struct Process {
    number: i32,
    directory: File,
    stat: Stat,
}

/// The fields of `/proc/PID/stat` that matter (proc_pid_stat(5)).
#[derive(Debug)]
struct Stat {
    state: char,
    parent: i32,
    group: i32,
    started: StartTime,
}

impl Process {
    fn open(number: i32) -> io::Result<Self> {
        let directory = File::open(format!("/proc/{number}"))?;
        let stat = read_stat(&directory)?;
        Ok(Self { number, directory, stat })
    }

    /// True until its owner has reaped this very process.
    fn is_there(&self) -> bool {
        read_stat(&self.directory).is_ok()
    }

    /// The group it leads, if it does, and when it started itself.
    fn led(&self) -> Option<(i32, StartTime)> {
        (self.stat.group == self.number).then_some((self.number, self.stat.started))
    }

    /// The states of its living threads.
    fn states(&self) -> Vec<char> {
        let tasks = format!("/proc/self/fd/{}/task", self.directory.as_raw_fd());
        let Ok(tasks) = std::fs::read_dir(tasks) else {
            return Vec::new();
        };
        tasks
            .filter_map(|task| Stat::read(&format!("{}/stat", task.ok()?.path().display())).ok())
            .map(|stat| stat.state)
            .filter(|state| !matches!(state, 'Z' | 'X'))
            .collect()
    }
}

/// What the process behind `directory` says of itself, and no other with its number.
fn read_stat(directory: &File) -> io::Result<Stat> {
    Stat::read(&format!("/proc/self/fd/{}/stat", directory.as_raw_fd()))
}

impl Stat {
    fn read(path: &str) -> io::Result<Self> {
        Self::parse(&std::fs::read_to_string(path)?)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    fn parse(line: &str) -> Option<Self> {
        // The name before it may hold spaces and brackets of its own.
        let mut fields = line.rsplit_once(") ")?.1.split(' ');
        Some(Self {
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
            // Field 22, when the group is field 5.
            started: StartTime(fields.nth(16)?.parse().ok()?),
        })
    }
}

/// Every process `/proc` shows that is not a zombie.
fn living() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that ends while we look is none of the living.
        if let Ok(process) = Process::open(number)
            && !matches!(process.stat.state, 'Z' | 'X')
        {
            processes.push(process);
        }
    }
    Ok(processes)
}

/// Opens the process that is `pid` to this one, under the number by which `/proc` shows it.
fn open_by_pid(pid: u32) -> io::Result<Process> {
    let absent = || io::Error::from(io::ErrorKind::NotFound);
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let handle = pidfd_open(pid.ok_or_else(absent)?, PidfdFlags::empty())?;
    let number = || -> io::Result<Option<i32>> {
        let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd()))?;
        let number = about.lines().find_map(|line| line.strip_prefix("Pid:"));
        Ok(number.and_then(|number| number.trim().parse().ok()).filter(|number| *number > 0))
    };
    let process = Process::open(number()?.ok_or_else(absent)?)?;
    // Not reaped until after it was opened, so it was this one that was opened.
    if number()?.is_none() {
        return Err(absent());
    }
    Ok(process)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A process that leads its group and sleeps until it is killed.
    fn sleeper() -> Child {
        use std::os::unix::process::CommandExt as _;
        Command::new("sleep").arg("1000").process_group(0).spawn().expect("sleep")
    }

    fn reap(mut child: Child) {
        child.kill().expect("it is ours");
        child.wait().expect("a child is waited for once");
    }

    #[test]
    fn stat_is_parsed_whatever_the_name() {
        let line = "42 (a) b) T 7 9 9 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0 8345 5672960 218";
        let stat = Stat::parse(line).expect("a stat line");
        let fields = (stat.state, stat.parent, stat.group, stat.started);
        assert_eq!(fields, ('T', 7, 9, StartTime(8_345)));
    }

    #[tokio::test]
    async fn whoever_gets_the_number_of_the_first_is_left_alone() {
        let (first, mut stranger) = (sleeper(), sleeper());
        let mut tree = Tree::of(first.id()).expect("it runs");
        reap(first);
        // What /proc says of the stranger is what it would say had the number been given to it.
        tree.first.number = stranger.id().cast_signed();
        let killed = tree.kill(PATIENCE).await.expect("nobody is left to kill");
        assert_eq!(killed.processes, 0);
        assert!(tree.stop(PATIENCE).await.is_err(), "nobody is left to stop");
        assert_eq!(stranger.try_wait().expect("a child of ours"), None);
        reap(stranger);
    }

    #[tokio::test]
    async fn whoever_gets_the_number_of_a_group_is_left_alone() {
        let (first, mut stranger) = (sleeper(), sleeper());
        let mut tree = Tree::of(first.id()).expect("it runs");
        reap(first);
        let (group, StartTime(started)) =
            Process::open(stranger.id().cast_signed()).expect("it runs").led().expect("it leads");
        tree.groups.insert(group, StartTime(started - 1));
        assert_eq!(tree.kill(PATIENCE).await.expect("nobody is left to kill").processes, 0);
        assert_eq!(stranger.try_wait().expect("a child of ours"), None);

        // The same group, had its leader started when it did, is the tree's own.
        tree.groups.insert(group, StartTime(started));
        let killing = tree.kill(PATIENCE);
        let reaping = tokio::task::spawn_blocking(move || stranger.wait());
        let (killed, reaped) = tokio::join!(killing, reaping);
        assert_eq!(killed.expect("it can be killed").processes, 1);
        assert!(reaped.expect("no panic").is_ok());
    }
}
