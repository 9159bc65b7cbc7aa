//! JSON values as the store keeps them.
//!
//! A value stays text in one compact form. It is parsed once, when a client
//! hands it in, and again only where an operation has to look inside. Copies
//! share the text, so that the store, a snapshot under way and an answer hold one
//! value at the price of one.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

/// Lists and objects within each other in a value that a client hands in; serde_json
/// reads 127.
pub(crate) const DEPTH_MAX: usize = 100;

/// A JSON value as compact text.
///
/// Cloning copies a pointer. Two that are equal have the same text; whether they
/// are the same value is for [`Json::is_same_as`] to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// Returns the JSON `null`, which is also what a missing key reads as.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Returns the list without elements.
    pub fn empty_list() -> Self {
        Self("[]".into())
    }

    /// Returns the number as JSON.
    pub fn integer(number: i64) -> Self {
        Self(number.to_string().into())
    }

    /// Returns the value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number, if the value is one without fraction or exponent that
    /// 64 bits with a sign can hold.
    pub fn as_integer(&self) -> Option<i64> {
        // Text written by serde_json has no signs or zeros in front that `parse`
        // would take for more than JSON does.
        self.0.parse().ok()
    }

    /// Returns the list with `element` behind its last one, or nothing if this is
    /// not a list. Copies the whole text.
    pub fn with_appended(&self, element: &Self) -> Option<Self> {
        let elements = self.0.strip_prefix('[')?.strip_suffix(']')?;
        let separator = if elements.is_empty() { "" } else { "," };
        Some(Self(["[", elements, separator, &element.0, "]"].concat().into()))
    }

    /// Returns whether both are the same value: members of an object may come
    /// in any order, but `1` and `1.0` differ.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let nested = |json: &Self| json.0.starts_with(['{', '[']);
        let parsed_equal = || self.parse().is_some_and(|this| Some(this) == other.parse());
        self == other || (nested(self) && nested(other) && parsed_equal())
    }

    /// Orders numbers by size and strings by code points; nothing else has an order.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self.parse(), other.parse()) {
            (Some(Value::Number(this)), Some(Value::Number(that))) => order_numbers(&this, &that),
            (Some(Value::String(this)), Some(Value::String(that))) => Some(this.cmp(&that)),
            _ => None,
        }
    }

    /// Returns the value, unless it is nested too deeply to be read again.
    ///
    /// Commands are applied by every node, so what one of them holds must never
    /// end the node: a value that cannot be read is only equal to the same text.
    fn parse(&self) -> Option<Value> {
        serde_json::from_str(&self.0).ok()
    }
}

/// Returns whether a value can be read again from its text, also after it has been
/// appended to a list: at most [`DEPTH_MAX`] lists and objects within each other.
///
/// A client's text of bounded depth may become a value of any depth, where some
/// crate of the program has switched on that serde_json takes an object of a magic
/// key for text to be read.
pub(crate) fn is_shallow(value: &Value) -> bool {
    fn within(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(_) | Value::Object(_) if left == 0 => false,
            Value::Array(elements) => elements.iter().all(|element| within(element, left - 1)),
            Value::Object(members) => members.values().all(|member| within(member, left - 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }
    within(value, DEPTH_MAX)
}

/// Compares integers exactly, others as the nearest floating-point numbers.
fn order_numbers(this: &Number, that: &Number) -> Option<Ordering> {
    let (as_integer, as_float) = (Number::as_i128, Number::as_f64);
    match (as_integer(this), as_integer(that)) {
        (Some(this), Some(that)) => Some(this.cmp(&that)),
        _ => as_float(this)?.partial_cmp(&as_float(that)?),
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Json {
    /// Reads the text from formats that lend theirs, such as that of the log.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(<&str>::deserialize(deserializer)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json(value: &Value) -> Json {
        value.into()
    }

    #[test]
    fn objects_compare_by_content_and_numbers_by_kind() {
        let there = Json(r#"{"a":1,"b":[2]}"#.into());
        let here = Json(r#"{"b":[2],"a":1}"#.into());
        assert!(there.is_same_as(&here));
        assert!(!json(&json!(1)).is_same_as(&json(&json!(1.0))));
        assert!(!json(&json!([1])).is_same_as(&json(&json!([1.0]))));
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |inside, _| Value::Array(vec![inside]))
    }

    #[test]
    fn a_value_too_deep_to_be_read_again_ends_nothing() {
        assert!(is_shallow(&nested(DEPTH_MAX)));
        assert!(!is_shallow(&nested(DEPTH_MAX + 1)));
        let deep = json(&nested(300));
        assert!(deep.is_same_as(&deep.clone()));
        assert!(!deep.is_same_as(&json(&json!([1]))));
        assert!(!json(&json!([1])).is_same_as(&deep));
        assert!(!deep.is_same_as(&json(&nested(301))));
        assert_eq!(deep.order(&json(&json!(1))), None);
        let grown = Json::empty_list().with_appended(&json(&nested(DEPTH_MAX))).unwrap();
        assert!(grown.parse().is_some());
    }

    #[test]
    fn only_lists_are_appended_to() {
        let empty = json(&json!([]));
        let one = empty.with_appended(&json(&json!({"a": "]"}))).unwrap();
        let two = one.with_appended(&json(&json!([]))).unwrap();
        assert_eq!(two, json(&json!([{"a": "]"}, []])));
        for other in [json!(null), json!("[]"), json!({}), json!(1)] {
            assert_eq!(json(&other).with_appended(&empty), None, "{other}");
        }
    }

    #[test]
    fn only_whole_numbers_of_64_bits_are_integers() {
        for (value, expected) in [
            (json!(0), Some(0)),
            (json!(i64::MIN), Some(i64::MIN)),
            (json!(i64::MAX), Some(i64::MAX)),
            (json!(u64::MAX), None),
            (json!(1.0), None),
            (json!("1"), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(json(&value).as_integer(), expected, "{value}");
        }
    }

    #[test]
    fn numbers_and_strings_have_an_order_and_nothing_else() {
        for (this, that, expected) in [
            (json!(2), json!(10), Some(Ordering::Less)),
            (json!(u64::MAX), json!(i64::MIN), Some(Ordering::Greater)),
            (
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992_u64),
                Some(Ordering::Greater),
            ),
            (json!(1.5), json!(1), Some(Ordering::Greater)),
            (json!("10"), json!("2"), Some(Ordering::Less)),
            (json!("1"), json!(1), None),
            (json!(null), json!(0), None),
            (json!([1]), json!([2]), None),
        ] {
            assert_eq!(json(&this).order(&json(&that)), expected, "{this} {that}");
        }
    }
}
