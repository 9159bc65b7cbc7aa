//! The legal orders that were found, for whoever asks for them.
//!
//! All of them where all operations are on the page, else those of the first keys; the
//! certificate has all of them in any case.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use squall_checker::history::History;
use squall_checker::placement::points;
use squall_checker::verdict::{Analysis, Conclusion, OperationId};

use super::micros;
use super::operations::leb128;
use crate::wording::shorten;

/// Operations in the orders of a page that does not hold all operations.
const OPERATIONS_MAX: usize = 30_000;

/// Orders of a page.
const KEYS_MAX: usize = 5_000;

/// Characters of a key.
const KEY_CHARS_MAX: usize = 80;

/// The order of one key as the page takes it.
#[derive(Debug, Serialize)]
pub(super) struct KeyOrder {
    key: Option<String>,
    operations: usize,
    /// Its parts have orders of their own, as the elements of a set may, one after another.
    apart: bool,
    /// For each operation how far its id is from the one before, in zigzag form, and how long
    /// after its invocation it may take effect, in microseconds; as LEB128 numbers.
    packed: String,
}

/// The keys whose orders a page of a run with so many operations shows.
pub(super) struct Orders<'r> {
    shown: Vec<(Option<&'r str>, &'r [OperationId])>,
    /// Keys that have an order, on the page or not.
    pub(super) keys: usize,
}

impl<'r> Orders<'r> {
    pub(super) fn of(analysis: &'r Analysis, all_on_page: bool) -> Self {
        let mut orders = Self { shown: Vec::new(), keys: 0 };
        let mut room = if all_on_page { usize::MAX } else { OPERATIONS_MAX };
        for key in &analysis.keys {
            let Conclusion::Linearizable { order } = &key.conclusion else { continue };
            if order.is_empty() {
                continue;
            }
            orders.keys += 1;
            if order.len() <= room && orders.shown.len() < KEYS_MAX {
                room -= order.len();
                orders.shown.push((key.key.as_deref(), order));
            }
        }
        orders
    }

    /// The operations of those shown.
    pub(super) fn ids(&self) -> impl Iterator<Item = OperationId> {
        self.shown.iter().flat_map(|(_, order)| order.iter().copied())
    }

    pub(super) fn packed(&self, history: &History) -> Vec<KeyOrder> {
        self.shown.iter().map(|&(key, order)| pack(history, key, order)).collect()
    }
}

fn pack(history: &History, key: Option<&str>, order: &[OperationId]) -> KeyOrder {
    let points = points(history, order);
    let mut bytes = Vec::with_capacity(order.len() * 3);
    let mut last = 0_i64;
    for (id, point_ns) in order.iter().zip(&points) {
        let step = i64::from(id.0) - last;
        last = i64::from(id.0);
        leb128(&mut bytes, (step << 1 ^ step >> 63) as u64);
        let invoked_us = micros(history.get(*id).invoked.time_ns());
        leb128(&mut bytes, micros(*point_ns).saturating_sub(invoked_us));
    }
    KeyOrder {
        key: key.map(|key| shorten(key, KEY_CHARS_MAX)),
        operations: order.len(),
        apart: !points.is_sorted(),
        packed: STANDARD.encode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use serde_json::{Value, json};
    use squall_checker::history::{Moment, Operation, Outcome};
    use squall_checker::model::ModelName;
    use squall_checker::{CheckOptions, check};

    use super::*;

    fn push(history: &mut History, f: &str, element: u64, result: &Value, us: (u64, u64)) {
        let moment = |us: u64| {
            let position = u32::try_from(us).ok().and_then(NonZeroU32::new);
            Moment::new(position.expect("small and not zero"), us * 1_000)
        };
        let History { operations, names, values, .. } = history;
        operations.push(Operation {
            process: operations.len() as u64,
            node: None,
            f: names.intern(f),
            key: None,
            argument: values.intern(&json!(element)),
            result: values.intern(result),
            outcome: Outcome::Ok,
            invoked: moment(us.0),
            completed: Some(moment(us.1)),
            error: None,
            revision: None,
        });
    }

    #[test]
    fn every_operation_takes_effect_within_its_time_also_where_elements_are_apart() {
        let mut history = History::default();
        push(&mut history, "add", 1, &json!(1), (1, 2));
        push(&mut history, "add", 2, &json!(2), (3, 4));
        push(&mut history, "contains", 2, &json!(true), (5, 6));
        push(&mut history, "contains", 1, &json!(true), (7, 9));
        push(&mut history, "contains", 2, &json!(true), (8, 10));
        let options = CheckOptions { model: Some(ModelName::Set), ..CheckOptions::default() };
        let analysis = check(&history, &options).expect("the history is one of a set");
        let orders = Orders::of(&analysis, true).packed(&history);
        let [order] = orders.as_slice() else { panic!("one object has one order: {orders:?}") };
        assert!(order.apart, "the elements are judged each by itself");
        let mut bytes = STANDARD.decode(&order.packed).expect("it is base64").into_iter();
        let mut id = 0_i64;
        while let Some(step) = bytes.next() {
            id += i64::from(step >> 1) ^ -i64::from(step & 1);
            let op = &history.operations[id as usize];
            let after_us = u64::from(bytes.next().expect("an id is followed by a time"));
            let completed = op.completed.expect("all completed").time_ns();
            assert!(op.invoked.time_ns() + after_us * 1_000 <= completed, "operation {id}");
        }
    }
}
