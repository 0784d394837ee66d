//! A table of a domain file, read key by key: what is wrong is noted at its place, and reading goes on.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::catalogue::FieldPath;
use crate::catalogue::problem::{Objection, meant};
use crate::model::{DomainId, Number, Object, OwnedValue, Value, nearest};

/// A value and the offset in its file at which it stands.
#[derive(Clone, Debug)]
pub(in crate::catalogue) struct Placed<T> {
    pub(in crate::catalogue) value: T,
    pub(in crate::catalogue) offset: usize,
}

/// A value, or everything that is wrong with it.
pub(super) type Reading<T> = Result<T, Vec<Objection>>;

/// A table that gives its members away one by one; what nobody asked for is no key of it.
pub(super) struct Section<'t> {
    name: String,
    offset: usize,
    /// Absent where the file has no such table, which is told once and not again for each of its keys.
    members: Option<BTreeMap<&'t str, Entry<'t>>>,
    known: Vec<&'static str>,
    /// Keys whose values could not be read.
    broken: Vec<&'static str>,
    objections: Vec<Objection>,
}

/// A value under its full name.
pub(super) struct Entry<'t> {
    name: String,
    offset: usize,
    value: &'t DeValue<'t>,
}

impl<'t> Section<'t> {
    /// The table of a whole file.
    pub(super) fn of_file(table: &'t DeTable<'t>) -> Self {
        Self::new(String::new(), 0, Some(table))
    }

    fn new(name: String, offset: usize, table: Option<&'t DeTable<'t>>) -> Self {
        let entry = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{}", bare(key)) };
        let members = table.map(|table| {
            let members = table.iter().map(|(key, value)| {
                let key_text: &str = key.get_ref();
                (key_text, Entry { name: entry(key_text), offset: key.span().start, value: value.get_ref() })
            });
            members.collect()
        });
        Self { name, offset, members, known: Vec::new(), broken: Vec::new(), objections: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<Entry<'t>> {
        self.known.push(key);
        self.members.as_mut()?.remove(key)
    }

    /// A value that has to be there.
    pub(super) fn required<T>(&mut self, key: &'static str, read: impl FnOnce(&Entry<'t>) -> Reading<T>) -> Option<T> {
        if self.members.as_ref().is_some_and(|members| !members.contains_key(key)) {
            let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
            self.object(self.offset, format!("{name} is missing"));
        }
        self.optional(key, read)
    }

    /// A value that may be left out.
    pub(super) fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(&Entry<'t>) -> Reading<T>) -> Option<T> {
        let entry = self.take(key)?;
        let read = read(&entry).map_err(|objections| {
            self.broken.push(key);
            self.objections.extend(objections);
        });
        read.ok()
    }

    /// Whether the values of some keys could be read, as far as they are there. What one that could not be read was meant to
    /// say is a guess, and so is whether it fits the others.
    pub(super) fn are_sound(&self, keys: &[&str]) -> bool {
        self.broken.iter().all(|broken| !keys.contains(broken))
    }

    /// A table that may be left out.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        let absent = || Self::new(key.to_owned(), 0, None);
        self.optional(key, Entry::section).unwrap_or_else(absent)
    }

    /// A table that has to be there.
    pub(super) fn required_section(&mut self, key: &'static str) -> Self {
        if self.members.as_ref().is_some_and(|members| !members.contains_key(key)) {
            self.object(self.offset, format!("[{key}] is missing"));
        }
        self.section(key)
    }

    /// All members of a table whose keys are free, by key.
    pub(super) fn entries<T>(&mut self, mut read: impl FnMut(&'t str, &Entry<'t>) -> Reading<T>) -> Vec<T> {
        let mut taken = Vec::new();
        for (key, entry) in self.members.as_mut().map(std::mem::take).unwrap_or_default() {
            match read(key, &entry) {
                Ok(one) => taken.push(one),
                Err(objections) => self.objections.extend(objections),
            }
        }
        taken
    }

    /// Whether the file has the table.
    pub(super) fn is_there(&self) -> bool {
        self.members.is_some()
    }

    /// Where the table begins.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn object(&mut self, offset: usize, problem: impl Into<String>) {
        self.objections.push(Objection::new(offset, problem));
    }

    /// Hands over what is wrong, keys that nobody asked for among it.
    pub(super) fn close(mut self, problems: &mut Vec<Objection>) {
        for (key, entry) in self.members.take().unwrap_or_default() {
            let place = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            let meant = meant(nearest(key, self.known.iter().copied()));
            self.object(entry.offset, format!("unknown key {key:?}{place}{meant}"));
        }
        problems.append(&mut self.objections);
    }
}

impl<'t> Entry<'t> {
    pub(super) fn text(&self) -> Reading<Placed<String>> {
        match self.value {
            DeValue::String(text) if !text.is_empty() => Ok(self.placed(text.clone().into_owned())),
            DeValue::String(_) => Err(self.objection(": the text is empty")),
            _ => Err(self.unfit("a string")),
        }
    }

    pub(super) fn flag(&self) -> Reading<Placed<bool>> {
        self.value.as_bool().map(|flag| self.placed(flag)).ok_or_else(|| self.unfit("true or false"))
    }

    /// A whole number above zero.
    pub(super) fn count(&self) -> Reading<Placed<u32>> {
        let expected = "a whole number above zero";
        let DeValue::Integer(integer) = self.value else { return Err(self.unfit(expected)) };
        let count = u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|count| *count > 0);
        count
            .map(|count| self.placed(count))
            .ok_or_else(|| self.objection(&format!(" must be {expected}, not {integer}")))
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&self, choices: &[T], word_of: fn(T) -> &'static str) -> Reading<Placed<T>> {
        let words = || choices.iter().map(|choice| word_of(*choice));
        let quoted: Vec<String> = words().map(|word| format!("{word:?}")).collect();
        let expected = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => quoted.concat(),
        };
        let Some(given) = self.value.as_str() else { return Err(self.unfit(&expected)) };
        let found = choices.iter().find(|choice| word_of(**choice) == given);
        found.map(|choice| self.placed(*choice)).ok_or_else(|| {
            self.objection(&format!(" must be {expected}, not {given:?}{}", meant(nearest(given, words()))))
        })
    }

    pub(super) fn path(&self) -> Reading<Placed<FieldPath>> {
        self.text().map(|text| Placed { value: FieldPath::parse(&text.value), offset: text.offset })
    }

    pub(super) fn domain(&self) -> Reading<Placed<DomainId>> {
        let text = self.text()?;
        let id = text.value.parse().map_err(|error| self.objection(&format!(": {error}")))?;
        Ok(Placed { value: id, offset: text.offset })
    }

    /// A list whose items are read one by one.
    pub(super) fn list<T>(&self, read: impl Fn(&Entry<'t>) -> Reading<T>) -> Reading<Vec<T>> {
        let Some(items) = self.value.as_array() else { return Err(self.unfit("a list")) };
        let mut taken = Vec::new();
        let mut objections = Vec::new();
        for item in &**items {
            let name = format!("each of {}", self.name);
            match read(&Entry { name, offset: item.span().start, value: item.get_ref() }) {
                Ok(one) => taken.push(one),
                Err(found) => objections.extend(found),
            }
        }
        if objections.is_empty() { Ok(taken) } else { Err(objections) }
    }

    /// One value, or a list of such values.
    pub(super) fn one_or_many<T>(&self, read: impl Fn(&Entry<'t>) -> Reading<T>) -> Reading<Vec<T>> {
        if self.value.is_array() { self.list(read) } else { read(self).map(|one| vec![one]) }
    }

    pub(super) fn texts(&self) -> Reading<Vec<Placed<String>>> {
        self.list(Entry::text)
    }

    pub(super) fn paths(&self) -> Reading<Vec<Placed<FieldPath>>> {
        self.list(Entry::path)
    }

    /// A table of texts, such as the parameters of a request; a text may be empty.
    pub(super) fn parameters(&self) -> Reading<BTreeMap<String, String>> {
        let mut section = self.section()?;
        let parameters = section.entries(|name, entry| {
            let text = entry.value.as_str().ok_or_else(|| entry.unfit("a string"))?;
            Ok((name.to_owned(), text.to_owned()))
        });
        section.all(parameters.into_iter().collect())
    }

    pub(super) fn section(&self) -> Reading<Section<'t>> {
        let table = self.value.as_table().ok_or_else(|| self.unfit("a table"))?;
        Ok(Section::new(self.name.clone(), self.offset, Some(table)))
    }

    /// The value as TOML has it.
    pub(super) fn value(&self) -> &'t DeValue<'t> {
        self.value
    }

    /// Whether the value is a table rather than anything else.
    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A table as a JSON object.
    pub(super) fn object(&self) -> Reading<Object<'static>> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            _ => Err(self.unfit("a table")),
        }
    }

    fn json(&self) -> Reading<OwnedValue> {
        Ok(match self.value {
            DeValue::String(text) => Value::from(text.clone().into_owned()),
            DeValue::Boolean(flag) => Value::from(*flag),
            DeValue::Integer(integer) => {
                let decimal = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
                let decimal = decimal.map(|decimal| decimal.to_string());
                let number = decimal.as_deref().map(Number::parse).and_then(Result::ok);
                let number = number.ok_or_else(|| self.objection(": the number is too large"))?;
                Value::Number(number.into_owned())
            }
            DeValue::Float(float) => match Number::parse(float.as_str()) {
                Ok(number) => Value::Number(number.into_owned()),
                Err(_) => return Err(self.objection(&format!(": JSON has no number {float}"))),
            },
            DeValue::Array(_) => Value::Array(self.list(Entry::json)?),
            DeValue::Table(_) => {
                let mut section = self.section()?;
                let members = section.entries(|name, entry| Ok((name.to_owned().into(), entry.json()?)));
                section.all(Value::Object(members.into_iter().collect()))?
            }
            DeValue::Datetime(_) => return Err(self.objection(": JSON has no dates; write it as a string")),
        })
    }

    /// Something at the place of the value.
    pub(super) fn placed<T>(&self, value: T) -> Placed<T> {
        Placed { value, offset: self.offset }
    }

    /// An objection to a value of another kind.
    pub(super) fn unfit(&self, expected: &str) -> Vec<Objection> {
        self.objection(&format!(" must be {expected}, not {}", kind_of(self.value)))
    }

    /// An objection that begins with the name of the value.
    pub(super) fn objection(&self, complaint: &str) -> Vec<Objection> {
        vec![Objection::new(self.offset, format!("{}{complaint}", self.name))]
    }
}

impl Section<'_> {
    /// What was read of a table, unless something is wrong with it.
    pub(super) fn all<T>(self, value: T) -> Reading<T> {
        let mut objections = Vec::new();
        self.close(&mut objections);
        if objections.is_empty() { Ok(value) } else { Err(objections) }
    }
}

/// A key as TOML writes it.
fn bare(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { key.to_owned() } else { format!("{key:?}") }
}

/// What a value is, as a person says it.
pub(crate) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
