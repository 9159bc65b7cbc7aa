//! What clients must be told of changes that depend on what is there.

use serde_json::{Value, json};
use squall_workloads::{Access, Function, Invocation};

use super::{Callers, Trial, told};
use crate::system::Completion;

impl Trial<'_> {
    pub(super) async fn compare_and_set(&mut self, callers: &mut Callers) {
        let wrong = [
            self.swap(callers).await,
            self.mismatch(callers, "does not hold", false).await,
            self.mismatch(callers, "does not hold, as it holds something", true).await,
        ];
        let value = self.number();
        let create = || vec![Invocation::cas(self.key(), Value::Null, json!(value))];
        let created = callers.insist_anew(create).await;
        if !matches!(created, Completion::Ok { .. }) {
            self.doubtful(format!(
                "a compare-and-set that expects nothing, on a key that holds nothing, is told as \
                 {}: sets, queues, locks and the like cannot be made of it{}",
                told(&created),
                self.hint(" ([operation.create] can say how it is asked for)")
            ));
        }
        let wrong: Vec<String> = wrong.into_iter().flatten().collect();
        match wrong.is_empty() {
            true => self.good("compare-and-set takes hold where it should, and only there"),
            false => wrong.into_iter().for_each(|words| self.wrong(words)),
        }
    }

    /// A compare-and-set that expects what the key holds; what is wrong with it.
    async fn swap(&mut self, callers: &mut Callers) -> Option<String> {
        let (first, second) = (self.number(), self.number());
        let mut key = String::new();
        let done = callers
            .insist_anew(|| {
                key = self.key();
                vec![
                    Invocation::write(key.clone(), first),
                    Invocation::cas(key.clone(), json!(first), json!(second)),
                ]
            })
            .await;
        if !matches!(done, Completion::Ok { .. }) {
            return Some(format!(
                "a compare-and-set that expects what the key holds is told as {}: it must be ok. \
                 Is what it expects written as the system keeps it?",
                told(&done)
            ));
        }
        let why = self.holds(callers, &key, json!(second)).await?;
        Some(format!("after a compare-and-set that was ok {why}"))
    }

    /// A compare-and-set that expects another value than the key holds, or nothing; what is wrong
    /// with it.
    async fn mismatch(
        &mut self,
        callers: &mut Callers,
        what: &str,
        nothing: bool,
    ) -> Option<String> {
        let (held, other, never) = (self.number(), self.number(), self.number());
        let expected = if nothing { Value::Null } else { json!(other) };
        let refused = callers
            .insist_anew(|| {
                let key = self.key();
                vec![
                    Invocation::write(key.clone(), held),
                    Invocation::cas(key, expected.clone(), json!(never)),
                ]
            })
            .await;
        let so = format!("a compare-and-set that expects {expected}, which the key {what},");
        match &refused {
            Completion::Mismatch { found: None } => None,
            Completion::Mismatch { found: Some(found) } if *found == json!(held) => None,
            Completion::Mismatch { found: Some(found) } => Some(format!(
                "{so} says that it found {found}, while the key held {held}: what does `value` \
                 take out of the reply? Leave it out if the reply does not tell"
            )),
            Completion::Ok { .. } => Some(format!("{so} is told as ok")),
            // A definite refusal loses what could be checked, and no more.
            Completion::Fail(_) if nothing => None,
            other => Some(format!(
                "{so} is told as {}; say `is = \"mismatch\"` for that reply, so that it can be \
                 checked",
                told(other)
            )),
        }
    }

    pub(super) async fn delete(&mut self, callers: &mut Callers) {
        let (key, value) = (self.key(), self.number());
        callers.insist(0, &Invocation::write(key.clone(), value)).await;
        let delete = Invocation::new(Function::Delete, key.clone(), Value::Null);
        let deleted = callers.insist(0, &delete).await;
        if !matches!(deleted, Completion::Ok { .. }) {
            return self.wrong(format!("a delete is told as {}", told(&deleted)));
        }
        match self.holds(callers, &key, Value::Null).await {
            None => self.good("a deleted key reads as nothing"),
            Some(why) => self.wrong(format!("after a delete that was ok {why}")),
        }
        let again = callers.insist(0, &delete).await;
        if !matches!(again, Completion::Ok { .. }) {
            self.wrong(format!(
                "a delete of a key that holds nothing is told as {}; it must be ok",
                told(&again)
            ));
        }
    }

    /// Functions that change what is there.
    pub(super) async fn changes(&mut self, callers: &mut Callers) {
        let cases = [
            (Function::Append, json!([1, 2])),
            (Function::SetAdd, json!([1, 2])),
            (Function::Add, json!(3)),
        ];
        for (function, expected) in cases {
            if !self.offers(function) {
                continue;
            }
            let mut key = String::new();
            let done = callers
                .insist_anew(|| {
                    key = self.key();
                    [1, 2].map(|argument| Invocation::new(function, key.clone(), argument)).into()
                })
                .await;
            if !matches!(done, Completion::Ok { .. }) {
                self.wrong(format!("`{function}` is told as {}", told(&done)));
                continue;
            }
            match self.holds(callers, &key, expected).await {
                None => self.good(format!("`{function}` does what it says")),
                Some(why) => self.wrong(format!("after `{function}` of 1 and of 2 {why}")),
            }
        }
    }

    pub(super) async fn transactions(&mut self, callers: &mut Callers) {
        let (one, two) = (self.key(), self.key());
        let write = |key: &str, value: i64| Access::Write(key.to_owned(), json!(value));
        let asked = Invocation::txn([write(&one, 1), Access::read(one.clone()), write(&two, 2)]);
        let expected = json!([["w", one, 1], ["r", one, 1], ["w", two, 2]]);
        let done = callers.insist(0, &asked).await;
        if !matches!(&done, Completion::Ok { value, .. } if *value == expected) {
            return self.wrong(format!(
                "a transaction is told as {}; it must be ok with {expected}",
                told(&done)
            ));
        }
        let absent = self.key();
        let read = Invocation::txn([Access::read(two.clone()), Access::read(absent.clone())]);
        let expected = json!([["r", two, 2], ["r", absent, null]]);
        let done = callers.insist(0, &read).await;
        match &done {
            Completion::Ok { value, .. } if *value == expected => {
                self.good("transactions read and write");
            }
            other => self.wrong(format!(
                "a transaction that reads is told as {}; it must be ok with {expected}",
                told(other)
            )),
        }
        if !self.offers(Function::GuardedTxn) {
            return;
        }
        let guarded = |found: Value, value: i64| {
            Invocation::guarded_txn([Access::Read(two.clone(), found), write(&two, value)])
        };
        let refused = callers.insist(0, &guarded(json!(9), 3)).await;
        let done = callers.insist(0, &guarded(json!(2), 4)).await;
        match (&refused, &done) {
            (Completion::Mismatch { .. }, Completion::Ok { .. }) => {
                self.good("guarded transactions happen only where their reads hold");
            }
            _ => self.wrong(format!(
                "a guarded transaction is told as {} where its read does not hold (must be a \
                 mismatch), and as {} where it does (must be ok)",
                told(&refused),
                told(&done)
            )),
        }
    }
}
