//! What transactions did and found: what no serial order explains, the edges between two of
//! them, and the kinds of contradiction.
//!
//! Nothing here decides by itself that a history is bad but [`Story::is_absurd`]; the rest
//! keeps a counterexample from saying what its transactions do not show.

use super::{Written, writes};
use crate::history::{History, Outcome, Value};
use crate::verdict::{Contradiction, Counterexample, OperationId, Precedence};
use crate::verify::Flaw;
use crate::verify::chosen::{Chosen, taking_part};
use crate::verify::objects::Object;
use crate::verify::rules::{self, Micro, Transactions, TransactionsOf};

/// What the transactions of a history did, and those of a counterexample among them.
pub(super) struct Story<'a> {
    pub(super) of: TransactionsOf,
    pub(super) whole: Vec<(OperationId, Vec<Micro>)>,
    named: &'a [(OperationId, Vec<Micro>)],
}

/// What a transaction found in a register before it wrote it, and what it left there.
#[derive(Clone, Copy)]
struct Access {
    found: Option<Value>,
    left: Option<Value>,
}

impl Access {
    fn value(self) -> Option<Value> {
        self.left.or(self.found)
    }
}

fn reads(deed: &[Micro]) -> impl Iterator<Item = (Value, &[Value])> {
    deed.iter().filter_map(|micro| match micro {
        Micro::Read(key, found) => Some((*key, &found[..])),
        Micro::Write(..) => None,
    })
}

/// What a deed did to a register; nothing if it did not touch it.
fn access(deed: &[Micro], key: Value) -> Option<Access> {
    let mut access = Access { found: None, left: None };
    for micro in deed {
        match micro {
            Micro::Read(read, found)
                if *read == key && access.left.is_none() && access.found.is_none() =>
            {
                access.found = Some(found.first().copied().unwrap_or(Value::NULL));
            }
            Micro::Write(written, value) if *written == key => access.left = Some(*value),
            Micro::Read(..) | Micro::Write(..) => {}
        }
    }
    access.value().map(|_| access)
}

impl<'a> Story<'a> {
    pub(super) fn read(
        rules: &Transactions,
        history: &History,
        object: &Object<'_>,
        chosen: &'a Chosen<Vec<Micro>>,
    ) -> Result<Self, Flaw> {
        let whole = taking_part(rules, history, object)?;
        Ok(Self { of: rules.of, whole, named: &chosen.operations })
    }

    /// Whether the transactions named cannot have happened, in whatever order: one disagrees
    /// with itself, two reads of a list part, or one shows more than was appended.
    pub(super) fn is_absurd(&self) -> bool {
        self.disagrees() || self.parts() || self.repeats()
    }

    /// Whether a transaction found something else than what it itself had done and found.
    fn disagrees(&self) -> bool {
        self.named.iter().any(|(_, deed)| match self.of {
            TransactionsOf::Lists => disagrees_on_lists(deed),
            TransactionsOf::Registers => disagrees_on_registers(deed),
        })
    }

    /// Whether two reads of a list show two elements in one place. Lists only grow, so in a
    /// serial order one of any two reads continues the other.
    fn parts(&self) -> bool {
        let found: Vec<_> = self.named.iter().flat_map(|(_, deed)| reads(deed)).collect();
        let differ = |one: &[Value], other: &[Value]| one.iter().zip(other).any(|(a, b)| a != b);
        self.of == TransactionsOf::Lists
            && found.iter().any(|(key, one)| {
                found.iter().any(|(other_key, other)| key == other_key && differ(one, other))
            })
    }

    /// Whether a read of a list shows an element more often than it was appended.
    fn repeats(&self) -> bool {
        let appended = |written: Written| {
            let all = self.whole.iter().flat_map(|(_, deed)| writes(deed));
            all.filter(|other| *other == written).count()
        };
        let mut found = self.named.iter().flat_map(|(_, deed)| reads(deed));
        self.of == TransactionsOf::Lists
            && found.any(|(key, list)| {
                (1..list.len()).any(|place| {
                    let shown = list[..=place].iter().filter(|it| **it == list[place]).count();
                    shown > 1 && shown > appended((key, list[place]))
                })
            })
    }

    /// Whether the second found, in what others left it, what the first wrote.
    pub(super) fn reads_from(&self, first: &[Micro], second: &[Micro]) -> bool {
        match self.of {
            TransactionsOf::Lists => writes(first).any(|(key, element)| {
                reads(second).any(|(read, list)| read == key && list.contains(&element))
            }),
            TransactionsOf::Registers => writes(first).any(|(key, value)| {
                access(second, key).is_some_and(|access| access.found == Some(value))
            }),
        }
    }

    /// Whether the first found a key without what the second wrote to it later.
    ///
    /// A list lacks it; a register still holds what the second found and replaced, or what
    /// nobody wrote.
    pub(super) fn misses(&self, first: &[Micro], second: &[Micro]) -> bool {
        match self.of {
            TransactionsOf::Lists => writes(second).any(|(key, element)| {
                reads(first).any(|(read, list)| read == key && !list.contains(&element))
            }),
            TransactionsOf::Registers => writes(second).any(|(key, _)| {
                let found = access(first, key).and_then(|access| access.found);
                let replaced = access(second, key).and_then(|access| access.found);
                found.is_some_and(|found| found.is_null() || replaced == Some(found))
            }),
        }
    }

    /// Whether the second wrote over what the first did: a read named shows an element of the
    /// first before one of the second, or the second found what the first had left.
    pub(super) fn overwrites(&self, first: &[Micro], second: &[Micro]) -> bool {
        match self.of {
            TransactionsOf::Lists => {
                self.named.iter().flat_map(|(_, deed)| reads(deed)).any(|(read, list)| {
                    let place = |(key, element): Written| {
                        let found = list.iter().position(|other| *other == element);
                        found.filter(|_| key == read)
                    };
                    let early = writes(first).filter_map(place).min();
                    let late = writes(second).filter_map(place).max();
                    early.zip(late).is_some_and(|(early, late)| early < late)
                })
            }
            TransactionsOf::Registers => writes(second).any(|(key, _)| {
                let left = access(first, key).and_then(|access| access.left);
                let found = access(second, key).and_then(|access| access.found);
                left.is_some() && left == found
            }),
        }
    }

    /// Whether the transactions named show what the counterexample is called.
    pub(super) fn is_of_kind(
        &self,
        history: &History,
        object: &Object<'_>,
        counterexample: &Counterexample,
    ) -> bool {
        let edges = &counterexample.edges;
        let count = |why| edges.iter().filter(|edge| edge.why == why).count();
        let missed = count(Precedence::ReadWrite);
        let read = count(Precedence::ReadsFrom);
        match counterexample.kind {
            Contradiction::G0 => !edges.is_empty() && missed == 0 && read == 0,
            Contradiction::G1c => !edges.is_empty() && missed == 0 && read > 0,
            Contradiction::GSingle => missed == 1,
            Contradiction::G2 => missed >= 2,
            Contradiction::LostUpdate => self.loses(),
            Contradiction::NoOrder => edges.is_empty(),
            _ if !edges.is_empty() => false,
            Contradiction::NeverWritten => {
                let failed = self.failed(history, object);
                self.found().any(|it| !self.was_written(it) && !failed.contains(&it))
            }
            Contradiction::G1a => {
                let failed = self.failed(history, object);
                self.found().any(|it| !self.was_written(it) && failed.contains(&it))
            }
            Contradiction::G1b => self.halves(),
            Contradiction::Internal => self.disagrees() || self.tears(),
            Contradiction::DivergentReads => self.parts(),
            Contradiction::RepeatedElement => self.repeats(),
            Contradiction::ValueReturned => self.returns(history),
            _ => false,
        }
    }

    /// All that the transactions named found.
    fn found(&self) -> impl Iterator<Item = Written> {
        let found = self.named.iter().flat_map(|(_, deed)| reads(deed));
        found.flat_map(|(key, list)| list.iter().map(move |element| (key, *element)))
    }

    fn was_written(&self, written: Written) -> bool {
        self.whole.iter().any(|(_, deed)| writes(deed).any(|other| other == written))
    }

    /// What failed transactions would have written.
    fn failed(&self, history: &History, object: &Object<'_>) -> Vec<Written> {
        let rules = Transactions { of: self.of };
        let members = object.members.iter().map(|id| history.get(*id));
        let failed = members.filter(|operation| operation.outcome == Outcome::Fail);
        let micros = failed.filter_map(|operation| rules.micros(operation).ok());
        micros.flat_map(|deed| writes(&deed).collect::<Vec<_>>()).collect()
    }

    /// Whether two of the transactions named found the same state of a key and changed it.
    fn loses(&self) -> bool {
        // What it had appended by then is not of the state it found.
        let state = |deed: &[Micro], key| {
            let mut own = 0;
            for micro in deed {
                match micro {
                    Micro::Write(written, _) if *written == key => own += 1,
                    Micro::Read(read, _) if *read == key && self.of != TransactionsOf::Lists => {
                        return (own == 0).then(|| access(deed, key)?.found.map(|it| vec![it]))?;
                    }
                    Micro::Read(read, found) if *read == key => {
                        return Some(found[..found.len().saturating_sub(own)].to_vec());
                    }
                    Micro::Write(..) | Micro::Read(..) => {}
                }
            }
            None
        };
        self.named.iter().enumerate().any(|(place, (_, one))| {
            self.named[..place].iter().any(|(_, other)| {
                writes(one).any(|(key, _)| {
                    let both = writes(other).any(|(written, _)| written == key);
                    let found = state(one, key);
                    both && found.is_some() && found == state(other, key)
                })
            })
        })
    }

    /// Whether one of the transactions named found what another had done to a key when that
    /// was not yet all it did.
    fn halves(&self) -> bool {
        self.named.iter().any(|(writer, wrote)| {
            self.named.iter().filter(|(reader, _)| reader != writer).any(|(_, deed)| {
                reads(deed).any(|(key, list)| {
                    let own: Vec<Value> =
                        writes(wrote).filter(|(of, _)| *of == key).map(|(_, it)| it).collect();
                    let shown = own.iter().filter(|element| list.contains(element)).count();
                    match self.of {
                        TransactionsOf::Lists => {
                            // Parted by what another did, or without the last.
                            let first = own.iter().find_map(|it| list.iter().position(|e| e == it));
                            let run = first.map_or(0, |first| {
                                list[first..].iter().zip(&own).take_while(|(a, b)| a == b).count()
                            });
                            shown > 0 && (shown < own.len() || run < own.len())
                        }
                        TransactionsOf::Registers => shown > 0 && own.last() != list.first(),
                    }
                })
            })
        })
    }

    /// Whether a read named shows what one of the transactions named appended in another
    /// order than it did, or more of it than it itself had appended by then.
    fn tears(&self) -> bool {
        let is_part = |shown: &[Value], own: &[Value]| {
            let mut own = own.iter();
            shown.iter().all(|element| own.any(|other| other == element))
        };
        self.named.iter().any(|(writer, wrote)| {
            self.named.iter().any(|(reader, deed)| {
                deed.iter().enumerate().any(|(place, micro)| {
                    let Micro::Read(key, list) = micro else { return false };
                    let of_key = |deed: &[Micro]| -> Vec<Value> {
                        let own = writes(deed).filter(|(of, _)| of == key);
                        own.map(|(_, element)| element).collect()
                    };
                    let own = of_key(wrote);
                    let shown: Vec<Value> =
                        list.iter().copied().filter(|element| own.contains(element)).collect();
                    if writer == reader {
                        shown.iter().any(|element| !of_key(&deed[..place]).contains(element))
                    } else {
                        self.of == TransactionsOf::Lists && !is_part(&shown, &own)
                    }
                })
            })
        })
    }

    /// Whether two values of a register each had to be replaced by the other: of each, a
    /// transaction that left or found it ended before one of the other began.
    fn returns(&self, history: &History) -> bool {
        let mut keys = self.named.iter().flat_map(|(_, deed)| writes(deed)).map(|(key, _)| key);
        self.of == TransactionsOf::Registers && keys.any(|key| self.returns_in(history, key))
    }

    fn returns_in(&self, history: &History, key: Value) -> bool {
        let accesses: Vec<(OperationId, Access)> =
            self.named.iter().filter_map(|(id, deed)| Some((*id, access(deed, key)?))).collect();
        // A chain of replaced values is one, as it stands together.
        let mut groups: Vec<Vec<Value>> = Vec::new();
        for (_, access) in &accesses {
            let values: Vec<Value> = [access.found, access.left].into_iter().flatten().collect();
            let touched = |group: &Vec<Value>| group.iter().any(|value| values.contains(value));
            let (joined, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(touched);
            groups = apart;
            groups.push(joined.into_iter().flatten().chain(values).collect());
        }
        let of = |group: &[Value]| {
            let group = group.to_vec();
            accesses.iter().filter(move |(_, access)| {
                access.value().is_some_and(|value| group.contains(&value))
            })
        };
        let precedes = |one: &[Value], other: &[Value]| {
            one.contains(&Value::NULL)
                || of(one).any(|(early, _)| {
                    of(other)
                        .any(|(late, _)| rules::precedes(history.get(*early), history.get(*late)))
                })
        };
        groups.iter().any(|one| {
            groups.iter().any(|other| one != other && precedes(one, other) && precedes(other, one))
        })
    }
}

/// Whether the reads of lists by a transaction disagree with its own reads and appends.
fn disagrees_on_lists(deed: &[Micro]) -> bool {
    deed.iter().enumerate().any(|(place, micro)| {
        let Micro::Read(key, found) = micro else { return false };
        // What it had appended since it read the key last, and what it found then.
        let mut appended = Vec::new();
        let mut before = None;
        for earlier in deed[..place].iter().rev() {
            match earlier {
                Micro::Write(other, element) if other == key => appended.insert(0, *element),
                Micro::Read(other, list) if other == key => {
                    before = Some(list);
                    break;
                }
                Micro::Read(..) | Micro::Write(..) => {}
            }
        }
        match before {
            Some(list) => found[..] != [&list[..], &appended].concat(),
            None => !found.ends_with(&appended),
        }
    })
}

/// Whether a transaction found in a register something else than it had written or found.
fn disagrees_on_registers(deed: &[Micro]) -> bool {
    deed.iter().enumerate().any(|(place, micro)| {
        let Micro::Read(key, found) = micro else { return false };
        let value = found.first().copied().unwrap_or(Value::NULL);
        let known = deed[..place].iter().rev().find_map(|earlier| match earlier {
            Micro::Write(other, value) if other == key => Some(*value),
            Micro::Read(other, found) if other == key => {
                Some(found.first().copied().unwrap_or(Value::NULL))
            }
            Micro::Read(..) | Micro::Write(..) => None,
        });
        known.is_some_and(|known| known != value)
    })
}
