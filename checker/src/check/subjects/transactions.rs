//! Transactions on lists or registers.

use std::sync::OnceLock;

use super::Subject;
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::reading::{self, Reading};
use crate::check::unread::{HeldBack, Misshapen, Unread};
use crate::explain::transactions::{Keyed, explain};
use crate::history::{History, Outcome, Recorded, Value, View};
use crate::model::ModelName;
use crate::procedure::{Conflict, Decision};
use crate::timed::{NEVER, Timed};
use crate::transactions::{
    self, Anomaly, ElementId, Judgement, KeyId, Objects, Outcome as Ended, Transactions,
};
use crate::verdict::{Contradiction, Edge, OperationId};

/// The place of a transaction that takes no part.
const NOWHERE: u32 = u32::MAX;

/// All transactions of a history.
pub(in crate::check) struct TransactionsSubject {
    transactions: Transactions,
    /// The operation of each transaction, failed ones too.
    all: Vec<OperationId>,
    /// The place of each transaction among those that take part, or [`NOWHERE`].
    places: Vec<u32>,
    /// The operations that take part.
    ids: Vec<OperationId>,
    /// The transactions that take part.
    taking_part: Vec<u32>,
    keyed: Keyed,
    /// What the procedure found, to be put into words once it is reported.
    anomaly: OnceLock<Anomaly>,
}

/// Puts transactions into numbers.
struct Translation<'a> {
    history: &'a History,
    model: ModelName,
    keys: Numbers,
    /// By key, the numbers of its elements, and their numbers in the history.
    elements: Vec<(Numbers, Vec<u32>)>,
    keyed: Keyed,
    transactions: Transactions,
    list: Vec<ElementId>,
}

/// What a transaction did to one key, as the history has it.
enum Micro<'a> {
    Write(Value, Value),
    Read(Value, &'a [Value]),
}

impl<'a> Translation<'a> {
    fn new(history: &'a History, model: ModelName) -> Self {
        let objects = match model {
            ModelName::TxnRegister => Objects::Registers,
            _ => Objects::Lists,
        };
        Self {
            history,
            model,
            keys: Numbers::default(),
            elements: Vec::new(),
            keyed: Keyed::default(),
            transactions: Transactions::new(objects),
            list: Vec::new(),
        }
    }

    fn key(&mut self, key: Value) -> KeyId {
        let number = self.keys.number(key);
        if number as usize == self.elements.len() {
            self.elements.push((Numbers::default(), Vec::new()));
            self.keyed.keys.push(key);
        }
        KeyId(number)
    }

    fn element(&mut self, key: KeyId, element: Value) -> ElementId {
        let (numbers, known) = &mut self.elements[key.0 as usize];
        let number = numbers.number(element) as usize;
        if number == known.len() {
            known.push(self.keyed.elements.len() as u32);
            self.keyed.elements.push(element);
        }
        ElementId(known[number])
    }

    /// One access; nothing if it is none of the model.
    fn micro(&self, micro: Value) -> Option<Micro<'a>> {
        let values = &self.history.values;
        let View::List([f, key, value]) = values.view(micro) else { return None };
        let View::Text(f) = values.view(*f) else { return None };
        let registers = self.transactions.objects() == Objects::Registers;
        Some(match (f, registers, values.view(*value)) {
            ("append", false, _) | ("w", true, _) => Micro::Write(*key, *value),
            ("r", _, View::Null) => Micro::Read(*key, &[]),
            ("r", true, _) => Micro::Read(*key, std::slice::from_ref(value)),
            ("r", false, View::List(list)) => Micro::Read(*key, list),
            _ => return None,
        })
    }

    fn write(&mut self, key: Value, value: Value) {
        let key = self.key(key);
        let element = self.element(key, value);
        if value.is_null() && self.transactions.objects() == Objects::Registers {
            self.transactions.erase(key, element);
        } else {
            self.transactions.write(key, element);
        }
    }

    fn read(&mut self, key: Value, found: &[Value]) {
        let key = self.key(key);
        let mut list = std::mem::take(&mut self.list);
        list.clear();
        list.extend(found.iter().map(|element| self.element(key, *element)));
        self.transactions.read(key, &list);
        self.list = list;
    }

    /// Adds a transaction; whether it may have taken effect and shown something.
    fn add(&mut self, id: OperationId, recorded: Recorded<'a>) -> Result<bool, Unread> {
        let ended = match (recorded.outcome, recorded.completed) {
            (Outcome::Ok, Some(end)) => Ended::Ok { returned: end.position() },
            (Outcome::Ok | Outcome::Info, _) => Ended::Info,
            (Outcome::Fail, _) => Ended::Fail,
        };
        self.transactions.begin(recorded.invoked.position(), ended);
        if recorded.outcome == Outcome::Fail {
            self.failed(recorded);
            return Ok(false);
        }
        if recorded.f() != "txn" {
            return Err(CheckError::unknown_function(id, recorded, self.model).into());
        }
        let is_ok = recorded.outcome == Outcome::Ok;
        let returned = match recorded.result() {
            View::List(listed) if is_ok => Some(listed),
            _ => None,
        };
        let shape = match self.transactions.objects() {
            Objects::Lists => r#"a list of ["append", key, element] and ["r", key, list]"#,
            Objects::Registers => r#"a list of ["w", key, value] and ["r", key, value]"#,
        };
        let wrong = |this: &Self| -> Unread {
            match this.is_well_asked(recorded, returned.is_some()) {
                true => Misshapen::new(id, recorded, shape).into(),
                false => CheckError::argument(id, recorded, shape).into(),
            }
        };
        let ((Some(listed), _) | (None, View::List(listed))) = (returned, recorded.argument())
        else {
            return Err(wrong(self));
        };
        let mut shows = is_ok;
        for &micro in listed {
            match self.micro(micro) {
                Some(Micro::Write(key, value)) => {
                    self.write(key, value);
                    shows = true;
                }
                Some(Micro::Read(key, found)) if returned.is_some() => self.read(key, found),
                // Nobody knows what it returned.
                Some(Micro::Read(..)) if is_ok => return Err(wrong(self)),
                None if !is_ok && self.is_read(micro) => {}
                Some(Micro::Read(..)) => {}
                None => return Err(wrong(self)),
            }
        }
        if let (Some(returned), View::List(asked)) = (returned, recorded.argument())
            && !self.answers(asked, returned)
        {
            let expected = "the accesses that were asked for, with reads filled in";
            return Err(Misshapen::new(id, recorded, expected).into());
        }
        Ok(shows)
    }

    /// Whether these are the accesses that were asked for, whatever reads returned: what a
    /// system leaves out or does to another key would hide what it did.
    fn answers(&self, asked: &[Value], returned: &[Value]) -> bool {
        let values = &self.history.values;
        let answers = |(asked, returned): (&Value, &Value)| {
            let (View::List([f, key, value]), View::List([of, at, found])) =
                (values.view(*asked), values.view(*returned))
            else {
                return false;
            };
            let reads = matches!(values.view(*f), View::Text("r"));
            f == of && key == at && (reads || value == found)
        };
        asked.len() == returned.len() && asked.iter().zip(returned).all(answers)
    }

    /// Whether what was asked for is of the model, so that only what was returned can be wrong;
    /// some recorders keep only what was returned.
    fn is_well_asked(&self, recorded: Recorded<'a>, is_returned: bool) -> bool {
        match recorded.argument() {
            View::List(listed) => {
                listed.iter().all(|micro| self.micro(*micro).is_some() || self.is_read(*micro))
            }
            View::Null => is_returned,
            _ => false,
        }
    }

    /// Whether this is a read, whatever it has for a value.
    fn is_read(&self, micro: Value) -> bool {
        let values = &self.history.values;
        let f = values.list(micro).filter(|parts| parts.len() == 3).map(|parts| parts[0]);
        f.is_some_and(|f| matches!(values.view(f), View::Text("r")))
    }

    /// What a failed transaction wrote must not be read, as far as it can be told.
    fn failed(&mut self, recorded: Recorded<'a>) {
        let View::List(listed) = recorded.argument() else { return };
        for &micro in listed {
            if let Some(Micro::Write(key, value)) = self.micro(micro) {
                self.write(key, value);
            }
        }
    }
}

impl TransactionsSubject {
    fn place(&self, transaction: u32) -> u32 {
        self.places[transaction as usize]
    }

    /// The anomaly as the history has it: its edges, and why in words.
    fn told(&self, history: &History, anomaly: &Anomaly) -> Reading {
        let id = |transaction: u32| self.all[transaction as usize];
        let edge = |edge: &transactions::Dependency| Edge {
            from: id(edge.from),
            to: id(edge.to),
            why: edge.why,
        };
        Reading {
            kind: anomaly.conflict.kind,
            edges: anomaly.edges.iter().map(edge).collect(),
            explanation: explain(history, &self.transactions, anomaly, &self.all, &self.keyed),
        }
    }
}

impl Subject for TransactionsSubject {
    type Model = Transactions;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let mut all = object.members.clone();
        let begins = |id: &OperationId| history.get(*id).invoked.position();
        if !all.is_sorted_by_key(begins) {
            all.sort_by_key(begins);
        }
        let mut translation = Translation::new(history, model);
        let mut held_back = HeldBack::default();
        let mut places = Vec::with_capacity(all.len());
        let (mut ids, mut taking_part) = (Vec::new(), Vec::new());
        for (number, &id) in (0..).zip(&all) {
            let added = translation.add(id, history.get(id));
            let takes_part = held_back.pass(added)?.unwrap_or(false);
            places.push(if takes_part { ids.len() as u32 } else { NOWHERE });
            if takes_part {
                ids.push(id);
                taking_part.push(number);
            }
        }
        held_back.release()?;
        let Translation { keyed, transactions, .. } = translation;
        let anomaly = OnceLock::new();
        Ok(Self { transactions, all, places, ids, taking_part, keyed, anomaly })
    }

    fn ids(&self) -> &[OperationId] {
        &self.ids
    }

    fn procedure(&self) -> &'static str {
        "dependency-cycles"
    }

    fn decide(&self) -> Decision {
        match transactions::decide(&self.transactions) {
            Judgement::Serializable(order) => {
                Decision::Linearizable(order.into_iter().map(|each| self.place(each)).collect())
            }
            Judgement::Violation(anomaly) => {
                let named = anomaly.conflict.operations.iter().map(|each| self.place(*each));
                // Failed transactions have no place in any order.
                let named = named.filter(|place| *place != NOWHERE);
                let conflict = Conflict::new(anomaly.conflict.kind, named);
                self.anomaly.get_or_init(|| anomaly);
                Decision::Violation(conflict)
            }
            Judgement::NotApplicable(reason) => Decision::NotApplicable(reason),
        }
    }

    fn model(&self) -> &Transactions {
        &self.transactions
    }

    fn operations(&self) -> Vec<Timed<u32>> {
        let timed = |&transaction: &u32| Timed {
            op: transaction,
            invoked: self.transactions.invoked(transaction),
            returned: match self.transactions.outcome(transaction) {
                Ended::Ok { returned } => returned,
                Ended::Info | Ended::Fail => NEVER,
            },
        };
        self.taking_part.iter().map(timed).collect()
    }

    fn reading(
        &self,
        history: &History,
        model: ModelName,
        kind: Contradiction,
        operations: &[OperationId],
    ) -> Reading {
        match self.anomaly.get() {
            Some(anomaly) => self.told(history, anomaly),
            None => reading::read(history, model, kind, operations),
        }
    }
}
