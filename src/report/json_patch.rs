//! What turns one state into another, `schemas/output/patch.v1.json`: for each domain the operations of RFC 6902.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::change_set::Endpoint;
use super::json::write_document;
use crate::diff::Operation;
use crate::model::DomainId;

/// What turns one state into another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The state that the operations apply to; absent before the first run.
    pub from: Option<Endpoint>,
    /// The state that they make of it.
    pub to: Option<Endpoint>,
    /// The operations for each domain that differs, in their order.
    pub domains: BTreeMap<DomainId, Vec<Operation>>,
}

/// Writes the document, indented, with a final newline.
pub fn render(patch: &Patch, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Patch::from(patch), out)
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use crate::model::{DomainId, OwnedValue, Pointer};
    use crate::report::json::v1::Endpoint;
    use crate::{diff, report};

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Patch<'p> {
        schema_version: u32,
        from: Option<Endpoint<'p>>,
        to: Option<Endpoint<'p>>,
        domains: BTreeMap<&'p DomainId, Vec<Operation<'p>>>,
    }

    #[derive(Serialize)]
    #[serde(tag = "op", rename_all = "lowercase")]
    enum Operation<'p> {
        Test { path: &'p Pointer, value: &'p OwnedValue },
        Add { path: &'p Pointer, value: &'p OwnedValue },
        Remove { path: &'p Pointer },
        Replace { path: &'p Pointer, value: &'p OwnedValue },
    }

    impl<'p> From<&'p report::Patch> for Patch<'p> {
        fn from(patch: &'p report::Patch) -> Self {
            let operations = |all: &'p Vec<diff::Operation>| all.iter().map(Operation::from).collect();
            Self {
                schema_version: SCHEMA_VERSION,
                from: patch.from.as_ref().map(Endpoint::from),
                to: patch.to.as_ref().map(Endpoint::from),
                domains: patch.domains.iter().map(|(domain, all)| (domain, operations(all))).collect(),
            }
        }
    }

    impl<'p> From<&'p diff::Operation> for Operation<'p> {
        fn from(operation: &'p diff::Operation) -> Self {
            match operation {
                diff::Operation::Test { path, value } => Self::Test { path, value },
                diff::Operation::Add { path, value } => Self::Add { path, value },
                diff::Operation::Remove { path } => Self::Remove { path },
                diff::Operation::Replace { path, value } => Self::Replace { path, value },
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::json::assert_follows;
    use super::super::sample;
    use super::*;
    use crate::canonical::{canonical_text, read_str};
    use crate::diff::patch;
    use crate::model::{DomainSnapshot, EntityKey, OwnedValue, Value};

    fn rendered(patch: &Patch) -> String {
        let mut out = Vec::new();
        render(patch, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// A queue of this name, with what else it has.
    fn queues(name: &str, rest: &str) -> DomainSnapshot {
        let mut snapshot = DomainSnapshot::empty("routing.queues".parse().unwrap(), 1);
        let Value::Object(mut queue) = read_str(rest).unwrap().into_owned() else { panic!("not an object") };
        queue.insert("name", OwnedValue::from(name));
        snapshot.entities.insert(EntityKey::new("q/1"), canonical_text(&Value::Object(queue)));
        snapshot
    }

    #[test]
    fn the_operations_say_everything_in_their_order() {
        let before = queues("Sales", r#"{"limit":1,"rings":[1,2,3,4],"gone":{"a":[]}}"#);
        let after =
            queues(sample::HOSTILE, r#"{"limit":123456789012345678901234567890,"rings":[2,9,4,5],"new":[null]}"#);
        let set = sample::change_set();
        let domains = [(before.domain.clone(), patch(Some(&before), Some(&after)))].into();
        let document = rendered(&Patch { from: set.from, to: set.to, domains });
        assert_follows("patch.v1.json", &document);
        insta::assert_snapshot!(document);
    }

    #[test]
    fn a_domain_that_is_not_on_record_is_null() {
        let queues = queues("Sales", "{}");
        for (before, after) in [(None, Some(&queues)), (Some(&queues), None)] {
            let domains = [(queues.domain.clone(), patch(before, after))].into();
            let document = rendered(&Patch { domains, ..Patch::default() });
            assert_follows("patch.v1.json", &document);
            let document: serde_json::Value = serde_json::from_str(&document).unwrap();
            let operations = document["domains"]["routing.queues"].as_array().unwrap();
            assert_eq!(
                (operations.len(), &operations[1]["op"], &operations[1]["path"]),
                (2, &"replace".into(), &"".into())
            );
            assert_eq!(operations[0]["value"].is_null(), before.is_none());
        }
    }
}
