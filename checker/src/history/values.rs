//! The JSON values of a history, each kept once.
//!
//! A [`Value`] is a handle of 32 bits, and two handles of one history are equal iff the JSON
//! values are: lists and maps are interned from the inside out, so that equal ones consist
//! of equal handles. Small whole numbers, as harnesses issue them, are their own handle and
//! touch no table at all.
//!
//! Equality is that of [`serde_json::Value`]: `1` and `1.0` differ, the order of a map's
//! fields means nothing.

use std::fmt;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use serde_json::{Map, Number, Value as Json};

use super::arena::Arena;

/// A JSON value of one history.
///
/// Means nothing without the [`Values`] that gave it, except for [`Value::NULL`], booleans
/// and [small](Value::small) whole numbers, which are the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(u32);

/// Set in every handle that is not itself a small whole number; the two bits below it say
/// where to look.
const TABLED: u32 = 1 << 31;
const NUMBER: u32 = TABLED;
const TEXT: u32 = TABLED | 1 << 29;
const LIST: u32 = TABLED | 2 << 29;
const MAP: u32 = TABLED | 3 << 29;
const KIND: u32 = MAP;

/// Different values of one kind that a history may hold.
const VALUES_MAX: usize = 1 << 29;

/// Numbers of the first table that stand for constants.
const CONSTANTS: usize = 3;

impl Value {
    /// The value `null`, also that of an invocation or completion without any.
    pub const NULL: Self = Self(NUMBER);

    const FALSE: Self = Self(NUMBER + 1);
    const TRUE: Self = Self(NUMBER + 2);

    /// The whole number, if it is below 2^31.
    pub fn from_small(number: u64) -> Option<Self> {
        (number < u64::from(TABLED)).then_some(Self(number as u32))
    }

    /// The value if it is a whole number from 0 to 2^31 - 1.
    pub fn small(self) -> Option<u32> {
        (self.0 < TABLED).then_some(self.0)
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self == Self::NULL
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits, signed or not.
    Integer(i128),
    /// Any other number.
    Number(&'a Number),
    /// A string.
    Text(&'a str),
    /// A list.
    List(&'a [Value]),
    /// A map.
    Map(Fields<'a>),
}

/// The fields of a map, sorted by name.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    values: &'a Values,
    /// Names and values by turns.
    pairs: &'a [Value],
}

impl<'a> Fields<'a> {
    /// How many fields there are.
    pub fn len(self) -> usize {
        self.pairs.len() / 2
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.pairs.is_empty()
    }

    /// The fields by name.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (&'a str, Value)> {
        self.pairs.chunks_exact(2).map(move |pair| (self.values.text(pair[0]), pair[1]))
    }

    /// The value of a field; O(log n).
    pub fn get(self, name: &str) -> Option<Value> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.values.text(self.pairs[2 * middle]).cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.pairs[2 * middle + 1]),
            }
        }
        None
    }
}

/// The values of a history.
///
/// ```
/// use serde_json::json;
/// use squall_checker::history::{Value, Values, View};
///
/// let mut values = Values::default();
/// let pair = values.intern(&json!([1, "a"]));
/// assert_eq!(values.intern(&json!([1, "a"])), pair);
/// let View::List(&[one, text]) = values.view(pair) else { panic!("a list of two") };
/// assert_eq!(one, Value::from_small(1).unwrap());
/// assert!(matches!(values.view(text), View::Text("a")));
/// assert_eq!(values.show(pair).to_string(), r#"[1,"a"]"#);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Values {
    numbers: Vec<Number>,
    number_table: HashTable<u32>,
    texts: Arena<String>,
    lists: Arena<Vec<Value>>,
    maps: Arena<Vec<Value>>,
    /// Parts of the lists and maps being interned, innermost last.
    parts: Vec<Value>,
}

impl Values {
    /// The handle of a value, a new one if it was not seen before.
    ///
    /// # Panics
    /// Past 2^29 different values of a kind; see [`has_room`](Self::has_room).
    pub fn intern(&mut self, json: &Json) -> Value {
        match json {
            Json::Null => Value::NULL,
            Json::Bool(value) => Value::from(*value),
            Json::Number(number) => self.number(number),
            Json::String(text) => self.intern_text(text),
            Json::Array(items) => {
                let start = self.parts.len();
                for item in items {
                    let item = self.intern(item);
                    self.parts.push(item);
                }
                self.intern_list(start)
            }
            Json::Object(fields) => self.map(fields),
        }
    }

    /// The handle of a string.
    pub fn intern_text(&mut self, text: &str) -> Value {
        tabled(TEXT, self.texts.intern(text) as usize)
    }

    /// The handle of a whole number.
    pub(super) fn intern_whole(&mut self, number: u64) -> Value {
        Value::from_small(number).unwrap_or_else(|| self.number(&Number::from(number)))
    }

    /// Begins a list within whatever list is open; gives what ends it.
    pub(super) fn open_list(&self) -> usize {
        self.parts.len()
    }

    /// Adds an item to the list last opened.
    pub(super) fn add_item(&mut self, item: Value) {
        self.parts.push(item);
    }

    /// The handle of the list that `open_list` began.
    pub(super) fn close_list(&mut self, list: usize) -> Value {
        self.intern_list(list)
    }

    /// Whether `count` more values are sure to fit.
    pub fn has_room(&self, count: usize) -> bool {
        let kinds =
            [self.numbers.len() + CONSTANTS, self.texts.len(), self.lists.len(), self.maps.len()];
        kinds.into_iter().all(|kind| kind.saturating_add(count) <= VALUES_MAX)
    }

    /// What a value of this table is; O(1).
    ///
    /// # Panics
    /// On a value of another table that this one does not have.
    pub fn view(&self, value: Value) -> View<'_> {
        if let Some(small) = value.small() {
            return View::Integer(i128::from(small));
        }
        let index = value.0 & !KIND;
        match value.0 & KIND {
            TEXT => View::Text(self.texts.get(index)),
            LIST => View::List(self.lists.get(index)),
            MAP => View::Map(Fields { values: self, pairs: self.maps.get(index) }),
            _ => match value {
                Value::NULL => View::Null,
                Value::FALSE => View::Bool(false),
                Value::TRUE => View::Bool(true),
                _ => {
                    let number = &self.numbers[index as usize - CONSTANTS];
                    number.as_i128().map_or(View::Number(number), View::Integer)
                }
            },
        }
    }

    /// The value as serde has it.
    pub fn to_json(&self, value: Value) -> Json {
        match self.view(value) {
            View::Null => Json::Null,
            View::Bool(value) => Json::Bool(value),
            View::Integer(number) => Number::from_i128(number).map_or(Json::Null, Json::Number),
            View::Number(number) => Json::Number(number.clone()),
            View::Text(text) => Json::String(text.to_owned()),
            View::List(items) => items.iter().map(|item| self.to_json(*item)).collect(),
            View::Map(fields) => {
                let owned = |(name, value): (&str, Value)| (name.to_owned(), self.to_json(value));
                Json::Object(fields.iter().map(owned).collect::<Map<_, _>>())
            }
        }
    }

    /// The value as compact JSON.
    pub fn show(&self, value: Value) -> impl fmt::Display {
        self.to_json(value)
    }

    /// The items of a list; `None` for any other value.
    pub fn list(&self, value: Value) -> Option<&[Value]> {
        match self.view(value) {
            View::List(items) => Some(items),
            _ => None,
        }
    }

    fn text(&self, value: Value) -> &str {
        self.texts.get(value.0 & !KIND)
    }

    fn number(&mut self, number: &Number) -> Value {
        if let Some(small) = number.as_u64().and_then(Value::from_small) {
            return small;
        }
        let hash = FxBuildHasher.hash_one(number);
        let Self { numbers, number_table, .. } = self;
        let found = number_table.find(hash, |index| numbers[*index as usize] == *number);
        if let Some(index) = found {
            return tabled(NUMBER, *index as usize + CONSTANTS);
        }
        let index = numbers.len();
        numbers.push(number.clone());
        number_table.insert_unique(hash, index as u32, |index| {
            FxBuildHasher.hash_one(&numbers[*index as usize])
        });
        tabled(NUMBER, index + CONSTANTS)
    }

    /// The list of the parts from `start` on, which are taken away.
    fn intern_list(&mut self, start: usize) -> Value {
        let number = self.lists.intern(&self.parts[start..]);
        self.parts.truncate(start);
        tabled(LIST, number as usize)
    }

    fn map(&mut self, fields: &Map<String, Json>) -> Value {
        let start = self.parts.len();
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in sorted {
            let name = self.intern_text(name);
            self.parts.push(name);
            let value = self.intern(value);
            self.parts.push(value);
        }
        let number = self.maps.intern(&self.parts[start..]);
        self.parts.truncate(start);
        tabled(MAP, number as usize)
    }
}

fn tabled(kind: u32, index: usize) -> Value {
    assert!(index < VALUES_MAX, "a history holds at most 2^29 different values of a kind");
    Value(kind | index as u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn samples() -> Vec<Json> {
        vec![
            json!(null),
            json!(false),
            json!(true),
            json!(0),
            json!(1),
            json!(-1),
            json!(1.0),
            json!((1_u64 << 31) - 1),
            json!(1_u64 << 31),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1.5e300),
            json!(""),
            json!("1"),
            json!([]),
            json!([[]]),
            json!([1]),
            json!(["1"]),
            json!([null, [1, 2], {"a": [1]}]),
            json!({}),
            json!({"a": 1}),
            json!({"a": 1, "b": {"c": "\"\n"}}),
            json!(["a", 1]),
        ]
    }

    #[test]
    fn handles_are_equal_iff_the_values_are() {
        let mut values = Values::default();
        let handles: Vec<Value> = samples().iter().map(|json| values.intern(json)).collect();
        for (index, json) in samples().iter().enumerate() {
            assert_eq!(values.intern(json), handles[index], "{json}");
            assert_eq!(values.to_json(handles[index]), *json);
            assert_eq!(values.show(handles[index]).to_string(), json.to_string());
            assert!(handles[..index].iter().all(|other| *other != handles[index]), "{json}");
        }
    }

    #[test]
    fn zero_is_one_number_whatever_its_sign() {
        let mut values = Values::default();
        assert_eq!(values.intern(&json!(0.0)), values.intern(&json!(-0.0)));
        assert_ne!(values.intern(&json!(0.0)), values.intern(&json!(0)));
    }

    #[test]
    fn fields_are_found_by_name() {
        let mut values = Values::default();
        let map = values.intern(&json!({"b": 2, "a": 1, "c": 3, "d": null}));
        let View::Map(fields) = values.view(map) else { panic!("a map") };
        assert_eq!(fields.get("c"), Value::from_small(3));
        assert_eq!(fields.get("d"), Some(Value::NULL));
        assert_eq!((fields.get(""), fields.get("bb"), fields.get("e")), (None, None, None));
        assert_eq!(fields.iter().map(|(name, _)| name).collect::<String>(), "abcd");
        assert!(!fields.is_empty());
    }

    #[test]
    fn room_ends() {
        let mut values = Values::default();
        values.intern(&json!("a"));
        assert!(values.has_room(VALUES_MAX - CONSTANTS));
        assert!(!values.has_room(VALUES_MAX - CONSTANTS + 1));
        assert!(!values.has_room(usize::MAX));
    }
}
