//! What is shown of a field or an entity, whatever the format.

use super::shown::{excerpt_beside, short_value, value};
use super::text_diff::{self, Line, is_long};
use crate::canonical::{is_fingerprint, value_of};
use crate::model::{ChangeKind, Value};
use crate::policy::{ClassifiedChange, ClassifiedField};

/// Most members of an added or removed entity that are shown.
const MEMBERS: usize = 8;

/// A value as it is shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Side {
    /// Its JSON, or the beginning of it.
    pub(super) value: String,
    /// The name of what it refers to, as it came.
    pub(super) name: Option<String>,
}

/// What is shown of a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FieldView {
    /// It is a secret; neither value says anything to a reader.
    SecretChanged,
    /// Its texts differ in these lines.
    Text(Vec<Line>),
    /// Its values; an absent one means that it was added or removed.
    Values {
        /// The value before.
        old: Option<Side>,
        /// The value after.
        new: Option<Side>,
    },
}

impl FieldView {
    /// What is shown of a field that differs.
    pub(super) fn of(classified: &ClassifiedField) -> Self {
        let (old_name, new_name) = (classified.old_name.clone(), classified.new_name.clone());
        let side = |value: String, name: Option<String>| Some(Side { value, name });
        match (&classified.field.old, &classified.field.new) {
            (Some(old), Some(new)) if is_fingerprint(old) || is_fingerprint(new) => Self::SecretChanged,
            (Some(Value::String(old)), Some(Value::String(new))) if is_long(old) || is_long(new) => {
                Self::Text(text_diff::lines(old, new))
            }
            (Some(old), Some(new)) if old.as_str().is_none() && new.as_str().is_none() => {
                let (old, new) = (value(old), value(new));
                Self::Values {
                    old: side(excerpt_beside(&old, &new), old_name),
                    new: side(excerpt_beside(&new, &old), new_name),
                }
            }
            (old, new) => Self::Values {
                old: old.as_ref().and_then(|old| side(short_value(old), old_name)),
                new: new.as_ref().and_then(|new| side(short_value(new), new_name)),
            },
        }
    }
}

/// What is shown of an entity that was added or removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// Names and values of its first members that are no lists and no objects, its name aside.
    pub(super) shown: Vec<(String, String)>,
    /// How many more members it has.
    pub(super) more: u64,
}

impl Members {
    /// What is shown of the entity of a change; nothing where the fields of the change say it.
    pub(super) fn of(classified: &ClassifiedChange) -> Self {
        let whole = match classified.change.kind {
            ChangeKind::Added => classified.change.after.as_ref(),
            ChangeKind::Removed => classified.change.before.as_ref(),
            ChangeKind::Modified | ChangeKind::Recreated => None,
        };
        let Some(Value::Object(entity)) = whole.map(value_of) else { return Self::default() };
        let says_more = |&(member, value): &(&str, &Value<'_>)| {
            let is_name = member == "name" && value.as_str() == classified.name.as_deref();
            let is_key = member == "id" && value.as_str() == Some(classified.change.key.as_str());
            !is_name && !is_key
        };
        let is_simple =
            |value: &Value<'_>| !matches!(value, Value::Array(_) | Value::Object(_)) || is_fingerprint(value);
        let members: Vec<_> = entity.iter().filter(says_more).collect();
        let simple = members.iter().filter(|(_, value)| is_simple(value)).take(MEMBERS);
        let shown: Vec<_> = simple.map(|(name, member)| ((*name).to_owned(), short_value(member))).collect();
        Self { more: (members.len() - shown.len()) as u64, shown }
    }
}

/// Whether a field was judged otherwise than its change as a whole.
pub(super) fn is_judged_apart(field: &ClassifiedField, change: &ClassifiedChange) -> bool {
    (field.judgement.severity, &field.judgement.rule) != (change.judgement.severity, &change.judgement.rule)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::Severity;

    fn view(old: Option<&str>, new: Option<&str>) -> FieldView {
        FieldView::of(&sample::field("/a", "a", old, new, &sample::judgement(Severity::Low, "rule", "message")))
    }

    fn values(old: Option<&str>, new: Option<&str>) -> FieldView {
        let side = |value: &str| Side { value: value.to_owned(), name: None };
        FieldView::Values { old: old.map(side), new: new.map(side) }
    }

    #[test]
    fn a_value_that_became_a_secret_is_not_shown() {
        let secret = sample::secret('1');
        assert_eq!(view(Some(r#""hunter2""#), Some(&secret)), FieldView::SecretChanged);
        assert_eq!(view(Some(&secret), Some(r#""hunter2""#)), FieldView::SecretChanged);
        assert_eq!(view(None, Some(&format!(r#"{{"pin":{secret}}}"#))), values(None, Some(r#"{"pin":secret}"#)));
    }

    #[test]
    fn long_texts_are_compared_by_line_and_short_ones_as_values() {
        let lines = vec![Line::Removed("a".to_owned()), Line::Added("b".to_owned()), Line::Same("c".to_owned())];
        assert_eq!(view(Some(r#""a\nc""#), Some(r#""b\nc""#)), FieldView::Text(lines));
        assert_eq!(view(Some(r#""a""#), Some("null")), values(Some(r#""a""#), Some("null")));
        assert_eq!(view(Some(r#""a\nc""#), None), values(Some(r#""a\nc""#), None));
    }

    #[test]
    fn members_that_repeat_the_name_or_the_key_are_not_shown() {
        let set = sample::change_set();
        let members = Members::of(set.changes.last().unwrap());
        assert_eq!((members.shown.len(), members.more), (MEMBERS, 5));
        assert_eq!(members.shown[0], ("aa".to_owned(), "secret".to_owned()));
        assert_eq!(Members::of(&set.changes[1]), Members::default());
    }
}
