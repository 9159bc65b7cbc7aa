//! The legal orders that were found, for whoever asks for them.
//!
//! All of them where all operations are on the page, else those of the first keys; the
//! certificate has all of them in any case.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use squall_checker::verdict::{Analysis, Conclusion, OperationId};

use super::operations::leb128;

/// Operations in the orders of a page that does not hold all operations.
const OPERATIONS_MAX: usize = 30_000;

/// Orders of a page.
const KEYS_MAX: usize = 5_000;

/// The order of one key as the page takes it.
#[derive(Debug, Serialize)]
pub(super) struct KeyOrder<'r> {
    key: Option<&'r str>,
    operations: usize,
    /// How far each id is from the one before, as LEB128 numbers in zigzag form.
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

    pub(super) fn packed(&self) -> Vec<KeyOrder<'r>> {
        let pack = |&(key, order): &(Option<&'r str>, &'r [OperationId])| {
            let mut bytes = Vec::with_capacity(order.len() * 2);
            let mut last = 0_i64;
            for id in order {
                let step = i64::from(id.0) - last;
                leb128(&mut bytes, (step << 1 ^ step >> 63) as u64);
                last = i64::from(id.0);
            }
            KeyOrder { key, operations: order.len(), packed: STANDARD.encode(bytes) }
        };
        self.shown.iter().map(pack).collect()
    }
}
