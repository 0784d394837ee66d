//! A JSON value that keeps what it was given: exact numbers, members in canonical order.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::number::Number;

/// A JSON value; borrows from the text it was read from where it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Number<'a>),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// A JSON value that borrows nothing.
pub type OwnedValue = Value<'static>;

/// The members of a JSON object: unique names, in the order of RFC 8785.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

/// Compares two strings by UTF-16 code units, the member order of RFC 8785, section 3.2.3.
///
/// UTF-8 bytes sort by code point. The two orders differ only where a character beyond U+FFFF (a surrogate pair, from U+D800)
/// meets one in U+E000..U+FFFF.
#[must_use]
pub fn utf16_order(left: &str, right: &str) -> Ordering {
    // Where one side is ASCII, no two bytes that differ can both belong to such characters.
    if left.is_ascii() || right.is_ascii() {
        return left.cmp(right);
    }
    let (left, right) = (left.as_bytes(), right.as_bytes());
    for (&l, &r) in left.iter().zip(right) {
        if l != r {
            let bytes = l.cmp(&r);
            return if l >= 0xee && r >= 0xee && (l >= 0xf0) != (r >= 0xf0) { bytes.reverse() } else { bytes };
        }
    }
    left.len().cmp(&right.len())
}

impl<'a> Object<'a> {
    /// Orders the members.
    ///
    /// # Errors
    /// The name of a member that occurs twice.
    pub fn from_members(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, String> {
        if !members.is_sorted_by(|left, right| utf16_order(&left.0, &right.0).is_lt()) {
            members.sort_unstable_by(|left, right| utf16_order(&left.0, &right.0));
            if let Some(pair) = members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(pair[0].0.clone().into_owned());
            }
        }
        Ok(Self(members))
    }

    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.position(name).ok().map(|index| &self.0[index].1)
    }

    /// The value of a member, to be changed in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value<'a>> {
        self.position(name).ok().map(|index| &mut self.0[index].1)
    }

    /// Sets a member and returns the value it had.
    pub fn insert(&mut self, name: impl Into<Cow<'a, str>>, value: Value<'a>) -> Option<Value<'a>> {
        let name = name.into();
        match self.position(&name) {
            Ok(index) => Some(std::mem::replace(&mut self.0[index].1, value)),
            Err(index) => {
                self.0.insert(index, (name, value));
                None
            }
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value<'a>> {
        self.position(name).ok().map(|index| self.0.remove(index).1)
    }

    /// The members in canonical order.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value<'a>)> + ExactSizeIterator {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Keeps the members for which `keep` answers true; it may change the values.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&str, &mut Value<'a>) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| utf16_order(other, name))
    }

    fn into_owned(self) -> Object<'static> {
        Object(self.0.into_iter().map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned())).collect())
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Value<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> FromIterator<(Cow<'a, str>, Value<'a>)> for Object<'a> {
    /// Collects members; of two with one name the later counts.
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, Value<'a>)>>(members: I) -> Self {
        let mut object = Self::default();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

impl<'a> Value<'a> {
    /// The member of an object; `None` for a missing member and for every other kind of value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.as_object().and_then(|object| object.get(name))
    }

    /// The value as a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as an unsigned integer, where it is one and fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Number(number) => number.as_str().parse().ok(),
            _ => None,
        }
    }

    /// The value as a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value as an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// What kind of value it is, in the words of JSON Schema.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// Detaches the value from the text it was read from.
    #[must_use]
    pub fn into_owned(self) -> OwnedValue {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Number(number) => Value::Number(number.into_owned()),
            Value::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Value::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Value::Object(object) => Value::Object(object.into_owned()),
        }
    }
}

impl From<&str> for OwnedValue {
    fn from(text: &str) -> Self {
        Value::String(Cow::Owned(text.to_owned()))
    }
}

impl From<String> for OwnedValue {
    fn from(text: String) -> Self {
        Value::String(Cow::Owned(text))
    }
}

impl From<u64> for OwnedValue {
    fn from(value: u64) -> Self {
        Value::Number(value.into())
    }
}

impl From<bool> for OwnedValue {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

/// Serialises the value losslessly: a number goes out digit for digit, whatever the serializer's own number types hold.
impl serde::Serialize for Value<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error, SerializeMap, SerializeSeq};
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => serde_json::value::RawValue::from_string(number.as_str().to_owned())
                .map_err(S::Error::custom)?
                .serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Value::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (name, value) in object.iter() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_sort_by_utf16_code_units() {
        // RFC 8785, section 3.2.3: the sample of the RFC, in its expected order.
        let names = ["\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"];
        assert!(names.is_sorted_by(|left, right| utf16_order(left, right).is_lt()));
    }

    #[test]
    fn a_member_that_occurs_twice_is_named() {
        let twice = vec![("b".into(), Value::Null), ("a".into(), Value::Null), ("b".into(), Value::Bool(true))];
        assert_eq!(Object::from_members(twice), Err("b".to_owned()));
        let adjacent = vec![("a".into(), Value::Null), ("a".into(), Value::Null)];
        assert_eq!(Object::from_members(adjacent), Err("a".to_owned()));
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_utf16(left in "\\PC{0,6}", right in "\\PC{0,6}") {
            let expected = left.encode_utf16().cmp(right.encode_utf16());
            prop_assert_eq!(utf16_order(&left, &right), expected);
        }
    }
}
