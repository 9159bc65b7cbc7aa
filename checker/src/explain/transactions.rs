//! Transactions in the words of their history.

use super::words::{duration, node, shorten};
use crate::history::{History, Moment, Recorded, Value};
use crate::transactions::{self, Anomaly, ElementId, KeyId, Names, Transactions};
use crate::verdict::OperationId;

/// The values that the numbers of transactions stand for.
#[derive(Debug, Default)]
pub(crate) struct Keyed {
    /// By [`KeyId`].
    pub(crate) keys: Vec<Value>,
    /// By [`ElementId`].
    pub(crate) elements: Vec<Value>,
}

/// Explains an anomaly; `all` is the operation of each transaction.
pub(crate) fn explain(
    history: &History,
    transactions: &Transactions,
    anomaly: &Anomaly,
    all: &[OperationId],
    keyed: &Keyed,
) -> String {
    transactions::explain(transactions, anomaly, &Told { history, all, keyed })
}

struct Told<'a> {
    history: &'a History,
    all: &'a [OperationId],
    keyed: &'a Keyed,
}

impl Told<'_> {
    fn recorded(&self, transaction: u32) -> Recorded<'_> {
        self.history.get(self.all[transaction as usize])
    }

    fn show(&self, value: Value) -> String {
        shorten(&self.history.values.show(value).to_string())
    }
}

impl Names for Told<'_> {
    fn transaction(&self, transaction: u32) -> String {
        let id = self.all[transaction as usize].0;
        format!("T{id} ({})", node(self.recorded(transaction)))
    }

    fn key(&self, key: KeyId) -> String {
        self.show(self.keyed.keys[key.0 as usize])
    }

    fn element(&self, element: ElementId) -> String {
        self.show(self.keyed.elements[element.0 as usize])
    }

    fn gap(&self, ended: u32, began: u32) -> String {
        let end = self.recorded(ended).completed.map_or(0, Moment::time_ns);
        duration(self.recorded(began).invoked.time_ns().saturating_sub(end))
    }
}
