//! Writes a long history of registers with compare-and-set, or measures how fast one is
//! read, checked and verified.
//!
//! `cargo run --release --example long_history -- write EVENTS KEYS FILE` lets thirty clients
//! at once read, write and compare-and-set real registers. Every value is written once, a
//! tenth of the operations is indeterminate, and half of those took effect. A fifth of the
//! compare-and-sets expects a value of long ago and is refused. So the history is
//! linearizable. `... -- measure FILE` goes through the file, best already in the page cache,
//! and tells the processor time of each step, all threads together, and the peak of memory
//! (Linux). Under `taskset -c 0` that is what one core does.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::{
    Event, EventType, EventWriter, FORMAT_VERSION, Header, HeaderTag, Operation, Process,
    read_jsonl,
};
use squall_checker::{CheckOptions, check, verify};

const CLIENTS: u64 = 30;
const INDETERMINATE_PERCENT: u64 = 10;
const REFUSED_PERCENT: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", events, keys, path] => write(events.parse()?, keys.parse()?, path),
        ["measure", path] => measure(path),
        _ => Err("usage: long_history write EVENTS KEYS FILE | long_history measure FILE".into()),
    }
}

/// What a client is at.
#[derive(Clone, Copy)]
enum Client {
    Idle,
    /// Its operation has begun but not taken effect.
    Begun(Running),
    /// Its operation has taken effect, or never will.
    Done(Running),
}

/// An operation under way.
#[derive(Clone, Copy)]
struct Running {
    key: usize,
    action: Action,
    /// The index of its invocation.
    invoked: u64,
}

#[derive(Clone, Copy)]
enum Action {
    Read { returned: u64 },
    Write { value: u64 },
    Swap { new: u64, holds: bool },
}

impl Action {
    fn function(self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::Swap { .. } => "cas",
        }
    }
}

/// A register; 0 stands for its initial value, null.
#[derive(Clone, Copy, Default)]
struct Register {
    current: u64,
    written: u64,
}

/// Clients at work, and the events not yet written: a compare-and-set is to know what it
/// expects only when it takes effect.
struct Run {
    random: u64,
    clients: Vec<Client>,
    processes: Vec<u64>,
    registers: Vec<Register>,
    pending: VecDeque<Event>,
    /// The index of the first event pending.
    first: u64,
}

impl Run {
    fn new(keys: usize) -> Self {
        Self {
            random: 0x9E37_79B9_7F4A_7C15,
            clients: vec![Client::Idle; CLIENTS as usize],
            processes: (0..CLIENTS).collect(),
            registers: vec![Register::default(); keys],
            pending: VecDeque::new(),
            first: 0,
        }
    }

    /// A pseudo-random number below `bound` (xorshift64*).
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    }

    /// Lets a random client go on.
    fn step(&mut self) {
        let client = self.below(CLIENTS) as usize;
        self.clients[client] = match self.clients[client] {
            Client::Idle => Client::Begun(self.invoke(client)),
            Client::Begun(running) => self.take_effect(client, running),
            Client::Done(Running { key, action, .. }) => {
                let (kind, value) = match action {
                    Action::Read { returned } => (EventType::Ok, shown(returned)),
                    Action::Write { value } => (EventType::Ok, json!(value)),
                    Action::Swap { holds: true, .. } => (EventType::Ok, Value::Null),
                    Action::Swap { .. } => (EventType::Fail, Value::Null),
                };
                self.record(client, key, action, kind, value);
                Client::Idle
            }
        };
    }

    fn invoke(&mut self, client: usize) -> Running {
        let key = self.below(self.registers.len() as u64) as usize;
        let choice = self.below(10);
        let holds = self.below(100) >= REFUSED_PERCENT;
        let register = &mut self.registers[key];
        register.written += u64::from(choice < 6);
        let (action, value) = match choice {
            0..3 => (Action::Write { value: register.written }, json!(register.written)),
            // What it expects is filled in later.
            3..6 => (Action::Swap { new: register.written, holds }, Value::Null),
            _ => (Action::Read { returned: 0 }, Value::Null),
        };
        let invoked = self.first + self.pending.len() as u64;
        self.record(client, key, action, EventType::Invoke, value);
        Running { key, action, invoked }
    }

    fn take_effect(&mut self, client: usize, mut running: Running) -> Client {
        let indeterminate = self.below(100) < INDETERMINATE_PERCENT;
        let lost = indeterminate && self.below(2) == 0;
        let register = &mut self.registers[running.key];
        let before = register.current;
        if let Action::Swap { new, holds } = &mut running.action {
            // Nothing is as old as that at the very beginning.
            *holds |= *new < 1000;
            let expected = if *holds { before } else { *new / 2 };
            let place = (running.invoked - self.first) as usize;
            self.pending[place].value = json!([shown(expected), new]);
        }
        match &mut running.action {
            Action::Read { returned } => *returned = before,
            _ if lost => {}
            Action::Write { value } | Action::Swap { new: value, holds: true } => {
                register.current = *value;
            }
            Action::Swap { .. } => {}
        }
        if !indeterminate {
            return Client::Done(running);
        }
        self.record(client, running.key, running.action, EventType::Info, Value::Null);
        // It may have taken effect: the client goes on under another name.
        self.processes[client] += CLIENTS;
        Client::Idle
    }

    fn record(&mut self, client: usize, key: usize, action: Action, kind: EventType, value: Value) {
        let index = self.first + self.pending.len() as u64;
        let error = match kind {
            EventType::Info => Some("no reply within 1 s".to_owned()),
            EventType::Fail => Some("mismatch".to_owned()),
            EventType::Invoke | EventType::Ok => None,
        };
        self.pending.push_back(Event {
            index: Some(index),
            time: 1_000_000_000 + index * 1_731,
            process: Process::Client(self.processes[client]),
            node: Some(format!("n{}", client % 5 + 1).into()),
            kind,
            f: action.function().into(),
            key: Some(key.to_string().into()),
            value,
            error,
            revision: None,
            evidence: Value::Null,
        });
    }

    /// The events before any whose value is still to come.
    fn settled(&mut self) -> impl Iterator<Item = Event> {
        let begun = self.clients.iter().filter_map(|client| match client {
            Client::Begun(running) => Some(running.invoked),
            Client::Idle | Client::Done(_) => None,
        });
        let settled = begun.min().map_or(self.pending.len(), |index| (index - self.first) as usize);
        self.first += settled as u64;
        self.pending.drain(..settled)
    }
}

fn shown(value: u64) -> Value {
    if value == 0 { Value::Null } else { json!(value) }
}

fn write(events: u64, keys: usize, path: &str) -> Result<(), Box<dyn Error>> {
    let header = Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "invented".to_owned(),
        workload: "register".to_owned(),
        model: "cas-register".to_owned(),
        nodes: (1..=5).map(|node| format!("n{node}")).collect(),
        seed: 0,
        plan: Value::Null,
        started_unix_ns: None,
        utc_offset_s: None,
    };
    let mut writer = EventWriter::new(BufWriter::new(File::create(path)?), &header)?;
    let mut run = Run::new(keys);
    while run.first < events {
        for _ in 0..1000 {
            run.step();
        }
        for event in run.settled() {
            writer.append(&event)?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn measure(path: &str) -> Result<(), Box<dyn Error>> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len() as f64;
    let (history, reading) = timed(|| read_jsonl(BufReader::with_capacity(1 << 20, file)));
    let history = history?;
    let read_peak = memory("VmHWM");
    let count = history.operations.len() as f64;
    let tell = |step: &str, took: Duration| {
        let seconds = took.as_secs_f64();
        println!(
            "{step}: {seconds:.2} s, {:.0} MB/s, {:.0} ns an operation",
            bytes / 1e6 / seconds,
            seconds * 1e9 / count
        );
    };
    println!("{count} operations of {} bytes from {:.0} MB", size_of::<Operation>(), bytes / 1e6);
    tell("read", reading);
    let (analysis, checking) = timed(|| check(&history, &CheckOptions::default()));
    let analysis = analysis?;
    tell("check", checking);
    let (certificate, certifying) = timed(|| Certificate::of(&analysis));
    drop(analysis);
    let (verified, verifying) = timed(|| verify(&history, &certificate));
    tell("certificate and its verification", certifying + verifying);
    tell("all of these", reading + checking + certifying + verifying);
    let (written, writing) = timed(|| certificate.write_json(BufWriter::new(io::sink())));
    written?;
    tell("writing the certificate, not to disk", writing);
    println!("verdict: {}, {} operations ordered", certificate.verdict, verified?.operations);
    if let (Some(read), Some(all)) = (read_peak, memory("VmHWM")) {
        println!(
            "peak of memory: {} MB, after reading {} MB; {:.0} and {:.0} bytes an operation",
            all / 1_000_000,
            read / 1_000_000,
            all as f64 / count,
            read as f64 / count
        );
    }
    Ok(())
}

/// What `work` comes to, and the processor time it took; wall-clock time where the kernel
/// does not tell.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (begun, processor) = (Instant::now(), on_processor());
    let outcome = work();
    let took = match (processor, on_processor()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => begun.elapsed(),
    };
    (outcome, took)
}

/// How long the threads of this process have had a processor so far.
fn on_processor() -> Option<Duration> {
    let mut total = Duration::ZERO;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        total += Duration::from_nanos(text.split(' ').next()?.parse().ok()?);
    }
    Some(total)
}

/// A line of the memory account that Linux keeps of this process, in bytes.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|text| text.strip_prefix(line))?;
    kibibytes.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().ok().map(|kib| kib * 1024)
}
