//! Paths in domain files: dotted member names, `*` for every item of an array or value of a map.

use std::fmt;

use crate::model::{OwnedValue, Value};

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// The member of this name.
    Name(String),
    /// Every member whose name matches, `*` standing for any run of characters.
    Pattern(String),
    /// Every item of an array, every value of a map.
    Each,
}

/// A path to fields of an entity; empty for the entity itself (`.`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// Reads a path such as `bullseye.rings.*.memberGroups`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "." {
            return Self::default();
        }
        let segment = |name: &str| match name {
            "*" => Segment::Each,
            _ if name.contains('*') => Segment::Pattern(name.to_owned()),
            _ => Segment::Name(name.to_owned()),
        };
        Self(text.split('.').map(segment).collect())
    }

    /// This path and then another, from where it leads.
    #[must_use]
    pub(super) fn then(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// The path with another name at a step.
    #[must_use]
    pub(super) fn with_name(&self, step: usize, name: &str) -> Self {
        let renamed = |(index, segment): (usize, &Segment)| {
            if index == step { Segment::Name(name.to_owned()) } else { segment.clone() }
        };
        Self(self.0.iter().enumerate().map(renamed).collect())
    }

    /// Whether the other path leads to what this one leads to, or below it.
    #[must_use]
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.0.len() <= other.0.len()
            && self.0.iter().zip(&other.0).all(|(own, other)| match other {
                Segment::Name(name) => own.matches(name),
                Segment::Pattern(_) | Segment::Each => own == other || *own == Segment::Each,
            })
    }

    /// The steps.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The value that a path of plain names leads to.
    #[must_use]
    pub fn find<'v, 'a>(&self, value: &'v Value<'a>) -> Option<&'v Value<'a>> {
        self.0.iter().try_fold(value, |value, segment| match segment {
            Segment::Name(name) => value.get(name),
            Segment::Pattern(_) | Segment::Each => None,
        })
    }

    /// Every value that the path leads to.
    #[must_use]
    pub fn find_all<'v, 'a>(&self, value: &'v Value<'a>) -> Vec<&'v Value<'a>> {
        let mut found = vec![value];
        for segment in &self.0 {
            found = found.into_iter().flat_map(|value| step(value, segment)).collect();
        }
        found
    }

    /// Calls `change` with every value that the path leads to.
    pub fn for_each_mut(&self, value: &mut OwnedValue, change: &mut dyn FnMut(&mut OwnedValue)) {
        fn walk(segments: &[Segment], value: &mut OwnedValue, change: &mut dyn FnMut(&mut OwnedValue)) {
            let Some((segment, rest)) = segments.split_first() else { return change(value) };
            match (value, segment) {
                (Value::Array(items), Segment::Each) => items.iter_mut().for_each(|item| walk(rest, item, change)),
                (Value::Object(object), _) => object.retain_mut(|name, value| {
                    if segment.matches(name) {
                        walk(rest, value, change);
                    }
                    true
                }),
                _ => {}
            }
        }
        walk(&self.0, value, change);
    }
}

impl Segment {
    /// Whether the step takes the member of this name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Pattern(pattern) => crate::model::wildcard(pattern, name),
            Self::Each => true,
        }
    }
}

fn step<'v, 'a>(value: &'v Value<'a>, segment: &Segment) -> Vec<&'v Value<'a>> {
    match (value, segment) {
        (Value::Array(items), Segment::Each) => items.iter().collect(),
        (Value::Object(object), Segment::Name(name)) => object.get(name).into_iter().collect(),
        (Value::Object(object), _) => {
            object.iter().filter(|(name, _)| segment.matches(name)).map(|(_, value)| value).collect()
        }
        _ => Vec::new(),
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            match segment {
                Segment::Name(name) | Segment::Pattern(name) => f.write_str(name)?,
                Segment::Each => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

impl serde::Serialize for FieldPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for FieldPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}
