//! The change set document, `schemas/output/changes.v1.json`.
//!
//! Its form is frozen: the types here are its own, so that no other type can change it by accident. Values are written
//! losslessly. Changes stand in the reading order of [`ChangeSet`].

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::change_set::ChangeSet;

/// Writes the document, indented, with a final newline.
pub fn render(set: &ChangeSet, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::ChangeSet::from(set), out)
}

/// Writes any document as all of them are written.
pub(super) fn write_document(document: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// A map whose values are written in their form of a document.
fn map_values<'s, K: Ord, V, T: From<&'s V>>(map: &'s BTreeMap<K, V>) -> BTreeMap<&'s K, T> {
    map.iter().map(|(key, value)| (key, T::from(value))).collect()
}

pub(super) mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::super::text_diff::{self, is_long};
    use super::map_values;
    use crate::canonical::value_of;
    use crate::model::{
        Acknowledged, Actor, Attribution, ChangeKind, DomainId, EntityKey, Explained, FieldKind, OwnedValue, Pointer,
        Severity, SeverityCounts, Value,
    };
    use crate::policy::{ClassifiedChange, ClassifiedField, Reached};
    use crate::record::CommitKind;
    use crate::report::change_set;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(in crate::report) struct ChangeSet<'s> {
        schema_version: u32,
        from: Option<Endpoint<'s>>,
        to: Option<Endpoint<'s>>,
        counts: SeverityCounts,
        left_out: Option<LeftOut>,
        baselines: &'s BTreeMap<DomainId, u64>,
        new_fields: &'s BTreeMap<DomainId, Vec<String>>,
        migrations: BTreeMap<&'s DomainId, Vec<&'static str>>,
        coverage: BTreeMap<&'s DomainId, Coverage<'s>>,
        unjudged: Vec<String>,
        acknowledged: &'s BTreeMap<String, Acknowledged>,
        changes: Vec<Change<'s>>,
    }

    #[derive(Serialize)]
    pub(in crate::report) struct Endpoint<'s> {
        commit: Option<&'s str>,
        taken_at: &'s str,
    }

    #[derive(Serialize)]
    struct LeftOut {
        below: Severity,
        changes: u64,
    }

    #[derive(Serialize)]
    struct Coverage<'s> {
        from: &'s str,
        to: &'s str,
    }

    #[derive(Serialize)]
    pub(in crate::report) struct Change<'s> {
        fingerprint: &'s str,
        domain: &'s DomainId,
        kind: ChangeKind,
        entity: Entity<'s>,
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_id: Option<&'s EntityKey>,
        #[serde(skip_serializing_if = "Option::is_none")]
        followers: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<&'s EntityKey>,
        severity: Severity,
        rule: &'s str,
        message: &'s str,
        remedy: &'s str,
        explained: Explained,
        actors: &'s [Actor],
        #[serde(skip_serializing_if = "Option::is_none")]
        reach: Option<Reach<'s>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<Field<'s>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Value<'s>>,
    }

    #[derive(Serialize)]
    pub(in crate::report) struct Reach<'s> {
        counts: &'s BTreeMap<DomainId, u64>,
        whole: bool,
    }

    #[derive(Serialize)]
    struct Entity<'s> {
        id: &'s EntityKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'s str>,
    }

    #[derive(Serialize)]
    struct Field<'s> {
        path: &'s Pointer,
        kind: FieldKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        old: Option<&'s OwnedValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        new: Option<&'s OwnedValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text_diff: Option<String>,
        severity: Severity,
        rule: &'s str,
        #[serde(skip_serializing_if = "Option::is_none")]
        explained: Option<Explained>,
        actors: Vec<String>,
        fingerprint: &'s str,
    }

    impl<'s> From<&'s change_set::ChangeSet> for ChangeSet<'s> {
        fn from(set: &'s change_set::ChangeSet) -> Self {
            let kinds = |kinds: &'s Vec<CommitKind>| kinds.iter().map(|kind| kind.as_str()).collect();
            Self {
                schema_version: SCHEMA_VERSION,
                from: set.from.as_ref().map(Endpoint::from),
                to: set.to.as_ref().map(Endpoint::from),
                counts: set.counts(),
                left_out: set.left_out.map(|left_out| LeftOut { below: left_out.below, changes: left_out.count }),
                baselines: &set.baselines,
                new_fields: &set.new_fields,
                migrations: set.migrations.iter().map(|(id, found)| (id, kinds(found))).collect(),
                coverage: map_values(&set.coverage),
                unjudged: set.unjudged.iter().map(ToString::to_string).collect(),
                acknowledged: &set.acknowledged,
                changes: set.changes.iter().map(Change::from).collect(),
            }
        }
    }

    impl<'s> From<&'s change_set::Endpoint> for Endpoint<'s> {
        fn from(endpoint: &'s change_set::Endpoint) -> Self {
            Self { commit: endpoint.commit.as_deref(), taken_at: &endpoint.taken_at }
        }
    }

    impl<'s> From<&'s Reached> for Reach<'s> {
        fn from(reach: &'s Reached) -> Self {
            Self { counts: &reach.counts, whole: reach.is_whole }
        }
    }

    impl<'s> From<&'s (String, String)> for Coverage<'s> {
        fn from((from, to): &'s (String, String)) -> Self {
            Self { from, to }
        }
    }

    impl<'s> From<&'s ClassifiedChange> for Change<'s> {
        fn from(classified: &'s ClassifiedChange) -> Self {
            let ClassifiedChange { change, name, judgement, fields, attribution, reach, fingerprint } = classified;
            let (whole, has_fields) = match change.kind {
                ChangeKind::Added => (change.after.as_ref(), false),
                ChangeKind::Removed => (change.before.as_ref(), false),
                ChangeKind::Modified | ChangeKind::Recreated => (None, true),
            };
            Self {
                fingerprint,
                domain: &change.domain,
                kind: change.kind,
                entity: Entity { id: &change.key, name: name.as_deref() },
                previous_id: change.previous_key.as_ref(),
                followers: (change.kind == ChangeKind::Recreated).then_some(change.followers),
                because: change.because.as_ref(),
                severity: judgement.severity,
                rule: &judgement.rule,
                message: &judgement.message,
                remedy: &judgement.remedy,
                explained: attribution.explained,
                actors: &attribution.actors,
                reach: reach.as_ref().map(Reach::from),
                fields: has_fields.then(|| fields.iter().map(|field| Field::of(field, attribution)).collect()),
                value: whole.map(value_of),
            }
        }
    }

    impl<'s> Field<'s> {
        fn of(classified: &'s ClassifiedField, attribution: &Attribution) -> Self {
            let ClassifiedField { field, judgement, fingerprint, .. } = classified;
            let by = attribution.of_field(&field.path);
            let texts = field.old.as_ref().and_then(Value::as_str).zip(field.new.as_ref().and_then(Value::as_str));
            Self {
                path: &field.path,
                kind: field.kind,
                old: field.old.as_ref(),
                new: field.new.as_ref(),
                text_diff: texts
                    .filter(|(old, new)| is_long(old) || is_long(new))
                    .map(|(old, new)| text_diff::unified(old, new)),
                severity: judgement.severity,
                rule: &judgement.rule,
                explained: (by.explained != attribution.explained).then_some(by.explained),
                actors: by.actors,
                fingerprint,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
#[cfg(test)]
pub(super) use tests::assert_follows;
