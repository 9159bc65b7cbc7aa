//! Single operations for the page: chosen where there are too many, packed, never summed up.
//!
//! A page can hold some hundred thousand operations. Of more than [`SHOWN_MAX`] those are
//! kept that somebody would look for (of a contradiction, around it, not successful), and
//! then the longest of each client and stretch of time, which is what a screen shows of all
//! of them. Where a stretch was asked for, it comes first. The page says how many of how many
//! it drew of each of these.
//!
//! Packed are, for each operation in the order of the history, LEB128 numbers (signed ones
//! in zigzag form): how far its id, its invocation and its length (microseconds) are from
//! the one before, a byte of flags, then line, client, function, node, key, error where it
//! did not succeed, argument and result. `operations.js` reads them back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustc_hash::FxHashMap;
use serde::Serialize;
use squall_checker::history::{History, Moment, Name, Operation, Outcome, Recorded, Value, View};
use squall_checker::verdict::OperationId;

use super::lanes::Lanes;
use super::micros;
use crate::summary::Window;
use crate::wording;

/// Operations on a page: about twenty bytes each.
const SHOWN_MAX: usize = 150_000;

/// Unsuccessful ones among them where not all are shown.
const UNSUCCESSFUL_MAX: usize = 30_000;

/// Those around the contradiction where not all are shown.
const NEAR_MAX: usize = 40_000;

/// Characters of all values that are no numbers; a run has few of them or writes long ones.
const TEXT_CHARS_MAX: usize = 700_000;

/// Characters of one function, node, key or error.
const NAME_CHARS_MAX: usize = 120;

/// Characters of all functions, nodes, keys and errors.
const NAMES_CHARS_MAX: usize = 500_000;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) shown: usize,
    pub(super) total: usize,
}

/// Operations as the page takes them.
#[derive(Debug, Serialize)]
pub(super) struct Operations {
    /// Operations of the run.
    pub(super) total: usize,
    /// Operations in `packed`.
    pub(super) shown: usize,
    /// Lines of clients.
    lanes: usize,
    /// Functions, nodes, keys and errors, each once.
    names: Vec<String>,
    /// Values that are neither numbers nor pairs of them, each once.
    texts: Vec<String>,
    packed: String,
    /// Of the stretch asked for or around the contradiction; none where all are shown.
    #[serde(skip)]
    pub(super) near: Share,
    /// Of those that did not succeed; none where all are shown.
    #[serde(skip)]
    pub(super) unsuccessful: Share,
    /// Clients at work at once beyond which lines are shared, if they are.
    #[serde(skip)]
    pub(super) clients_sharing: Option<usize>,
}

/// What a reader will want to see of a run, beside the whole of it.
pub(super) struct Wanted<'a> {
    /// The nodes, in the order in which their clients are to stand.
    pub(super) nodes: &'a [String],
    /// Operations that must be there.
    pub(super) ids: &'a [OperationId],
    /// The stretch in which all should be there.
    pub(super) near: Option<Window>,
    /// Whether somebody asked for that stretch, so that it comes before all else.
    pub(super) is_closeup: bool,
}

/// The operations to show, in order, and of what.
#[derive(Default)]
struct Chosen {
    ids: Vec<u32>,
    near: Share,
    unsuccessful: Share,
}

impl Operations {
    /// Whether a page holds every operation of `history`.
    pub(super) fn fit(history: &History) -> bool {
        history.operations.len() <= SHOWN_MAX
    }

    pub(super) fn of(history: &History, duration_us: u64, wanted: &Wanted<'_>) -> Self {
        let lanes = Lanes::of(history, wanted.nodes);
        let chosen = choose(history, &lanes, duration_us, wanted);
        let mut packing = Packing::default();
        for &id in &chosen.ids {
            let op = history.get(OperationId(id));
            packing.add(id, &op, lanes.of[id as usize], duration_us);
        }
        Self {
            total: history.operations.len(),
            shown: chosen.ids.len(),
            lanes: lanes.count,
            names: packing.names,
            texts: packing.texts,
            packed: STANDARD.encode(packing.bytes),
            near: chosen.near,
            unsuccessful: chosen.unsuccessful,
            clients_sharing: (lanes.wanted > lanes.count).then_some(lanes.wanted),
        }
    }
}

fn choose(history: &History, lanes: &Lanes, duration_us: u64, wanted: &Wanted<'_>) -> Chosen {
    let all = history.operations.len();
    if all <= SHOWN_MAX {
        return Chosen { ids: (0..all as u32).collect(), ..Chosen::default() };
    }
    let mut is_chosen = vec![false; all];
    let mut room = SHOWN_MAX;
    let mut take = |ids: &[u32], room: &mut usize| {
        for &id in ids.iter().filter(|id| (**id as usize) < all) {
            let chosen = &mut is_chosen[id as usize];
            if !*chosen && *room > 0 {
                *chosen = true;
                *room -= 1;
            }
        }
    };
    take(&wanted.ids.iter().map(|id| id.0).collect::<Vec<_>>(), &mut room);
    let near = wanted.near.map(|near| nearest(history, near)).unwrap_or_default();
    let near_max = if wanted.is_closeup { near.len() } else { NEAR_MAX };
    take(&near[..near.len().min(near_max)], &mut room);
    let unsuccessful = |op: &Operation| op.outcome != Outcome::Ok;
    // As many cells as there is room, so that no stretch looks idle for want of it.
    let cells = |room: usize| (room / lanes.count.max(1)).max(1);
    let numbered = (0_u32..).zip(&history.operations);
    let all_bad: Vec<u32> = numbered.filter(|(_, op)| unsuccessful(op)).map(|(id, _)| id).collect();
    match all_bad.len() {
        0..=UNSUCCESSFUL_MAX => take(&all_bad, &mut room),
        _ => {
            let cells = cells(UNSUCCESSFUL_MAX);
            take(&longest(history, lanes, duration_us, cells, unsuccessful), &mut room);
        }
    }
    take(&longest(history, lanes, duration_us, cells(room), |_| true), &mut room);
    let share = |ids: &[u32]| {
        let shown = ids.iter().filter(|id| is_chosen[**id as usize]).count();
        Share { shown, total: ids.len() }
    };
    Chosen {
        near: share(&near),
        unsuccessful: share(&all_bad),
        ids: (0_u32..).zip(&is_chosen).filter(|(_, chosen)| **chosen).map(|(id, _)| id).collect(),
    }
}

/// Operations that were under way in `near`, those closest to its middle first. One that nobody
/// saw completed is under way ever after.
fn nearest(history: &History, near: Window) -> Vec<u32> {
    let middle_ns = near.start_ns / 2 + near.end_ns / 2;
    let mut ids: Vec<(u64, u32)> = Vec::new();
    for (id, op) in (0_u32..).zip(&history.operations) {
        let from_ns = op.invoked.time_ns();
        let to_ns = op.completed.map_or(u64::MAX, Moment::time_ns);
        if from_ns <= near.end_ns && to_ns >= near.start_ns {
            let distance = match middle_ns {
                before if before < from_ns => from_ns - before,
                after => after.saturating_sub(to_ns),
            };
            ids.push((distance, id));
        }
    }
    ids.sort_unstable();
    ids.into_iter().map(|(_, id)| id).collect()
}

/// The longest operation that is `wanted` of each line and each of `cells` stretches of the
/// run.
fn longest(
    history: &History,
    lanes: &Lanes,
    duration_us: u64,
    cells: usize,
    wanted: impl Fn(&Operation) -> bool,
) -> Vec<u32> {
    let mut best: Vec<Option<(u64, u32)>> = vec![None; lanes.count * cells];
    for (id, op) in (0_u32..).zip(&history.operations).filter(|(_, op)| wanted(op)) {
        let from_us = micros(op.invoked.time_ns());
        let cell = (u128::from(from_us) * cells as u128 / u128::from(duration_us.max(1))) as usize;
        let place = usize::from(lanes.of[id as usize]) * cells + cell.min(cells - 1);
        let length = super::took_us(op, duration_us);
        if best[place].is_none_or(|(longest, _)| length > longest) {
            best[place] = Some((length, id));
        }
    }
    best.into_iter().flatten().map(|(_, id)| id).collect()
}

/// How a value is written.
enum Written {
    Null,
    Number(i64),
    Pair(i64, i64),
    Text(u64),
}

impl Written {
    /// Two bits of the flags.
    fn kind(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Number(_) => 1,
            Self::Pair(..) => 2,
            Self::Text(_) => 3,
        }
    }
}

#[derive(Default)]
struct Packing {
    bytes: Vec<u8>,
    names: Vec<String>,
    name_chars: usize,
    index_of_name: FxHashMap<Name, u64>,
    texts: Vec<String>,
    index_of_text: FxHashMap<Value, u64>,
    text_chars: usize,
    /// The text that stands for all there was no room for.
    cut: Option<u64>,
    last_id: u32,
    last_us: u64,
}

impl Packing {
    fn add(&mut self, id: u32, op: &Recorded<'_>, lane: u16, duration_us: u64) {
        let from_us = micros(op.invoked.time_ns());
        let argument = self.written(op, op.argument);
        // What a write answers is what it wrote.
        let result =
            if op.result == op.argument { Written::Null } else { self.written(op, op.result) };
        let outcome = match op.outcome {
            Outcome::Ok => 0,
            Outcome::Fail => 1,
            Outcome::Info => 2,
        };
        let open = u8::from(op.completed.is_none());
        self.unsigned(u64::from(id - self.last_id));
        self.signed(from_us as i64 - self.last_us as i64);
        self.unsigned(super::took_us(op, duration_us));
        self.bytes.push(outcome | argument.kind() << 2 | result.kind() << 4 | open << 6);
        self.unsigned(lane.into());
        self.unsigned(op.process);
        for name in [Some(op.f), op.node, op.key] {
            let index = self.name(op, name);
            self.unsigned(index);
        }
        if op.outcome != Outcome::Ok {
            let index = self.name(op, op.error);
            self.unsigned(index);
        }
        self.value(&argument);
        self.value(&result);
        (self.last_id, self.last_us) = (id, from_us);
    }

    /// 0 for none, else one more than its place among the names.
    fn name(&mut self, op: &Recorded<'_>, name: Option<Name>) -> u64 {
        let Some(name) = name else { return 0 };
        if let Some(&index) = self.index_of_name.get(&name) {
            return index;
        }
        let text = match self.name_chars {
            0..NAMES_CHARS_MAX => wording::shorten(op.history().names.get(name), NAME_CHARS_MAX),
            _ => "…".to_owned(),
        };
        self.name_chars += text.len();
        self.names.push(text);
        let index = self.names.len() as u64;
        self.index_of_name.insert(name, index);
        index
    }

    fn written(&mut self, op: &Recorded<'_>, value: Value) -> Written {
        let values = &op.history().values;
        let number = |value| match values.view(value) {
            // Exact in JavaScript.
            View::Integer(number) if number.unsigned_abs() < 1 << 50 => Some(number as i64),
            _ => None,
        };
        match values.view(value) {
            View::Null => return Written::Null,
            View::Integer(_) => {
                if let Some(number) = number(value) {
                    return Written::Number(number);
                }
            }
            View::List(&[first, second]) => {
                if let (Some(first), Some(second)) = (number(first), number(second)) {
                    return Written::Pair(first, second);
                }
            }
            _ => {}
        }
        if let Some(&index) = self.index_of_text.get(&value) {
            return Written::Text(index);
        }
        if self.text_chars >= TEXT_CHARS_MAX {
            let cut = *self.cut.get_or_insert(self.texts.len() as u64);
            if cut == self.texts.len() as u64 {
                self.texts.push("…".to_owned());
            }
            return Written::Text(cut);
        }
        let text = wording::short_value(values, value);
        self.text_chars += text.len();
        let index = self.texts.len() as u64;
        self.texts.push(text);
        self.index_of_text.insert(value, index);
        Written::Text(index)
    }

    fn value(&mut self, value: &Written) {
        match *value {
            Written::Null => {}
            Written::Number(number) => self.signed(number),
            Written::Pair(first, second) => {
                self.signed(first);
                self.signed(second);
            }
            Written::Text(index) => self.unsigned(index),
        }
    }

    fn signed(&mut self, number: i64) {
        self.unsigned((number << 1 ^ number >> 63) as u64);
    }

    fn unsigned(&mut self, number: u64) {
        leb128(&mut self.bytes, number);
    }
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
pub(super) fn leb128(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests;
