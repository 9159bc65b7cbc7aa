//! What became of each element of sets and lists, and how soon it was visible.
//!
//! After the checker `set-full` of Jepsen. An element is *known* from the first of two events
//! on: the acknowledgement of an operation that added it, or the end of a read that shows it.
//! Of the reads of its key that began after that event, in the order in which they began,
//!
//! - all show it: it is **stable**;
//! - the last one lacks it: it is **lost**;
//! - the last one shows it and some other lacks it: it is **stale**, visible only later;
//! - there are none: it was **never read**.
//!
//! Events at one position are concurrent: a read counts only if it began strictly later. For a
//! linearizable store lost and stale elements are violations too; this says how many they are
//! and how long they took. Only reads that succeeded count, and elements that somebody tried
//! to add.
//!
//! The reads of a key are gone through backwards once, and every element a read shows that
//! all later ones show extends what is known of it: linear in the elements of all reads
//! together, and reads in a row that return the same value are looked at once.

mod tally;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use squall_checker::history::{History, Moment, Name, Outcome, Recorded, Value, View};
use squall_checker::verdict::Analysis;

use super::{Figures, Found, Judgement};
use crate::wording::{Millis, count, plural, value};
use tally::Tally;

/// What became of the elements of all keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SetFull {
    /// Keys with elements, of those that are judged as sets that grow or lists.
    pub keys: u64,
    /// Elements that somebody tried to add.
    pub attempted: u64,
    /// Elements known to have been added; the sum of the next four.
    pub known: u64,
    /// Elements that every later read shows.
    pub stable: u64,
    /// Elements that the last reads lack.
    pub lost: u64,
    /// Elements that some later read lacks and the last one shows.
    pub stale: u64,
    /// Elements that nobody read later.
    pub never_read: u64,
    /// Reads whose value was no list.
    pub not_understood: u64,
    /// How long it took until stable and stale elements were visible to every read; absent
    /// where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible_after: Option<Delays>,
}

/// From the moment elements were known to the last read that began without them, in
/// milliseconds; 0 for those that every read showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delays {
    /// Half were visible sooner.
    pub median_ms: f64,
    /// 99 of 100 were visible sooner.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// What became of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Every later read shows it.
    Stable,
    /// The last read lacks it.
    Lost,
    /// It was last lacked by a read that began so long after it was known, in nanoseconds.
    Stale(u64),
    /// Nobody read later.
    NeverRead,
}

/// The model of keys whose own name says which model judges them, before the first `/`.
const MIXED: &str = "mixed";

pub(super) fn look(history: &History, analysis: &Analysis) -> Found {
    let mut keys = keys(history, &analysis.model);
    let mut tally = Tally::default();
    for (name, of_key) in &mut keys {
        let key = name.map(|name| history.names.get(name));
        tally.add_key(of_key.elements.len(), of_key.not_understood);
        for (element, fate) in of_key.fates(history) {
            tally.add(fate, || sentence(history, key, element, fate));
        }
    }
    let (figures, details) = tally.finish();
    if figures.known == 0 {
        let why = match keys.is_empty() {
            true => "No key is judged as a set that grows or as a list.",
            false => "No element is known to have been added.",
        };
        return Found::nothing(why).with(Figures::SetFull(figures));
    }
    let judgement = Judgement::bad_if(figures.lost + figures.stale > 0);
    Found::new(judgement, told(&figures)).because(details).with(Figures::SetFull(figures))
}

fn told(figures: &SetFull) -> String {
    let SetFull { known, lost, stale, never_read, .. } = *figures;
    let known = plural(known, "known element", "known elements");
    let unread = match never_read {
        0 => String::new(),
        some => format!("; of {} there was no later read", count(some)),
    };
    if lost + stale == 0 {
        return format!("Of {known} none was lost or late{unread}.");
    }
    let late = match figures.visible_after {
        Some(delays) if stale > 0 => {
            format!(", at worst after {}", Millis(delays.max_ms.round() as u64))
        }
        _ => String::new(),
    };
    let (lost, stale) = (count(lost), count(stale));
    format!("Of {known} lost: {lost}; visible only later: {stale}{late}{unread}.")
}

fn sentence(history: &History, key: Option<&str>, element: Value, fate: Fate) -> String {
    let element = value(&history.values.to_json(element));
    let on = key.map_or_else(String::new, |key| format!(" of {key}"));
    match fate {
        Fate::Lost => format!("{element}{on} was added, and the last reads lack it"),
        Fate::Stale(ns) => {
            format!("{element}{on} was visible only {} after it was known", Millis(ns / 1_000_000))
        }
        Fate::Stable | Fate::NeverRead => format!("{element}{on}"),
    }
}

/// A position of the history and its stamp in nanoseconds.
type Point = (u32, u64);

fn point(moment: Moment) -> Point {
    (moment.position(), moment.time_ns())
}

fn earlier(one: Option<Point>, other: Option<Point>) -> Option<Point> {
    one.into_iter().chain(other).min()
}

/// The operations of one key that matter here.
#[derive(Default)]
struct OfKey {
    /// The elements somebody tried to add, numbered densely.
    numbers: FxHashMap<Value, u32>,
    elements: Vec<Element>,
    /// Successful reads, in the order in which they began once [`Self::judge`] has sorted them.
    reads: Vec<Read>,
    /// Reads whose value was no list.
    not_understood: u64,
}

struct Element {
    value: Value,
    /// The first acknowledgement or end of a read that shows it.
    known: Option<Point>,
    /// Every read from this one on shows it.
    shown_from: usize,
}

/// A successful read of the whole.
struct Read {
    began: Point,
    ended: Point,
    /// A list, or null for an empty one.
    found: Value,
}

impl OfKey {
    fn added(&mut self, operation: Recorded<'_>) {
        let acknowledged = match (operation.outcome, operation.completed) {
            (Outcome::Fail, _) => return,
            (Outcome::Ok, Some(at)) => Some(point(at)),
            (Outcome::Ok | Outcome::Info, _) => None,
        };
        let value = operation.argument;
        let number = *self.numbers.entry(value).or_insert(self.elements.len() as u32) as usize;
        if number == self.elements.len() {
            self.elements.push(Element { value, known: None, shown_from: 0 });
        }
        let element = &mut self.elements[number];
        element.known = earlier(element.known, acknowledged);
    }

    fn read(&mut self, operation: Recorded<'_>) {
        let (Outcome::Ok, Some(ended)) = (operation.outcome, operation.completed) else { return };
        match operation.result() {
            View::List(_) | View::Null => self.reads.push(Read {
                began: point(operation.invoked),
                ended: point(ended),
                found: operation.result,
            }),
            _ => self.not_understood += 1,
        }
    }

    /// Goes through the reads backwards; linear in the elements they show.
    fn look_back(&mut self, history: &History) {
        self.reads.sort_by_key(|read| read.began);
        for element in &mut self.elements {
            element.shown_from = self.reads.len();
        }
        let mut end = self.reads.len();
        for alike in self.reads.chunk_by(|one, next| one.found == next.found).rev() {
            let start = end - alike.len();
            let first_end = alike.iter().map(|read| read.ended).min();
            for found in history.values.list(alike[0].found).unwrap_or_default() {
                let Some(number) = self.numbers.get(found) else { continue };
                let element = &mut self.elements[*number as usize];
                element.known = earlier(element.known, first_end);
                if element.shown_from == end {
                    element.shown_from = start;
                }
            }
            end = start;
        }
    }

    /// The known elements with what became of them, in the order of their first attempt.
    fn fates(&mut self, history: &History) -> impl Iterator<Item = (Value, Fate)> {
        self.look_back(history);
        let fate = |element: &Element| Some((element.value, self.fate(element, element.known?)));
        self.elements.iter().filter_map(fate)
    }

    fn fate(&self, element: &Element, known: Point) -> Fate {
        let later = self.reads.partition_point(|read| read.began.0 <= known.0);
        if later == self.reads.len() {
            Fate::NeverRead
        } else if element.shown_from <= later {
            Fate::Stable
        } else if element.shown_from == self.reads.len() {
            Fate::Lost
        } else {
            let last_without = self.reads[element.shown_from - 1].began;
            Fate::Stale(last_without.1.saturating_sub(known.1))
        }
    }
}

/// The keys to look at, in the order of their names' first appearance.
fn keys(history: &History, model: &str) -> Vec<(Option<Name>, OfKey)> {
    if model != MIXED && !is_collection(model, None) {
        return Vec::new();
    }
    let mut keys: FxHashMap<Option<Name>, Option<OfKey>> = FxHashMap::default();
    for (id, operation) in history.iter() {
        // The field, which is a handle, and not the method, which looks it up.
        let key = history.operations[id.0 as usize].key;
        let fits = || is_collection(model, operation.key()).then(OfKey::default);
        let entry = keys.entry(key).or_insert_with(fits);
        let Some(of_key) = entry else { continue };
        match operation.f() {
            "add" | "append" => of_key.added(operation),
            "read" => of_key.read(operation),
            // A set that may shrink: that an element is gone says nothing.
            _ => *entry = None,
        }
    }
    let mut keys: Vec<_> =
        keys.into_iter().filter_map(|(key, of_key)| Some((key, of_key?))).collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    keys
}

fn is_collection(model: &str, key: Option<&str>) -> bool {
    let model = match (model, key) {
        (MIXED, Some(key)) => key.split_once('/').map_or("", |(before, _)| before),
        _ => model,
    };
    matches!(model, "set" | "list-append")
}

#[cfg(test)]
mod tests;
