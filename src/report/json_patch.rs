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
