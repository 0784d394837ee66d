//! The access drift document, `schemas/output/access-drift.v1.json`. Its form is frozen: the types here are its own.

use std::io::{self, Write};

use super::super::json::write_document;
use super::AccessDrift;

/// Writes the document, indented, with a final newline.
pub fn render(drift: &AccessDrift, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(drift), out)
}

mod v1 {
    use serde::Serialize;

    use crate::audit::rbac::{self, Kind};
    use crate::model::{DomainId, Severity, SeverityCounts};
    use crate::report::access::division_id;
    use crate::report::access_drift;
    use crate::report::json::v1::Endpoint;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'d> {
        schema_version: u32,
        from: Endpoint<'d>,
        to: Endpoint<'d>,
        counts: SeverityCounts,
        recreated: Vec<Recreated<'d>>,
        not_compared: &'d [DomainId],
        left_out: Option<LeftOut>,
        gaps: Vec<Gap<'d>>,
        principals: Vec<Principal<'d>>,
    }

    #[derive(Serialize)]
    struct LeftOut {
        below: Severity,
        principals: u64,
    }

    #[derive(Serialize)]
    struct Recreated<'d> {
        from: &'d str,
        to: &'d str,
        name: &'d str,
    }

    #[derive(Serialize)]
    struct Gap<'d> {
        domain: &'d DomainId,
        status: &'static str,
        without: &'d str,
    }

    #[derive(Serialize)]
    struct Principal<'d> {
        fingerprint: &'d str,
        severity: Severity,
        kind: Kind,
        id: &'d str,
        name: Option<&'d str>,
        gained: Vec<Shift<'d>>,
        lost: Vec<Shift<'d>>,
    }

    #[derive(Serialize)]
    struct Shift<'d> {
        permission: &'d str,
        division: Named<'d>,
        condition: Option<&'d str>,
        causes: Vec<Cause<'d>>,
    }

    #[derive(Serialize)]
    struct Cause<'d> {
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<Named<'d>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<Named<'d>>,
    }

    #[derive(Serialize)]
    struct Named<'d> {
        id: Option<&'d str>,
        name: Option<&'d str>,
    }

    impl<'d> From<&'d access_drift::AccessDrift> for Document<'d> {
        fn from(found: &'d access_drift::AccessDrift) -> Self {
            let drift = &found.drift;
            let recreated = |one: &'d rbac::Recreated| Recreated { from: &one.from, to: &one.to, name: &one.name };
            let gap =
                |one: &'d rbac::Gap| Gap { domain: &one.domain, status: one.standing.as_str(), without: &one.without };
            Self {
                schema_version: SCHEMA_VERSION,
                from: (&found.from).into(),
                to: (&found.to).into(),
                counts: found.counts(),
                recreated: drift.recreated.iter().map(recreated).collect(),
                not_compared: &drift.not_compared,
                left_out: found.left_out.map(|one| LeftOut { below: one.below, principals: one.count }),
                gaps: drift.gaps.iter().map(gap).collect(),
                principals: drift.principals.iter().map(Principal::from).collect(),
            }
        }
    }

    impl<'d> From<&'d rbac::PrincipalDrift> for Principal<'d> {
        fn from(one: &'d rbac::PrincipalDrift) -> Self {
            Self {
                fingerprint: &one.fingerprint,
                severity: one.severity,
                kind: one.kind,
                id: &one.id,
                name: one.name.as_deref(),
                gained: one.gained.iter().map(Shift::from).collect(),
                lost: one.lost.iter().map(Shift::from).collect(),
            }
        }
    }

    impl<'d> From<&'d rbac::Shift> for Shift<'d> {
        fn from(shift: &'d rbac::Shift) -> Self {
            Self {
                permission: shift.permission.as_str(),
                division: Named { id: division_id(&shift.division), name: shift.division_name.as_deref() },
                condition: shift.condition.as_deref(),
                causes: shift.causes.iter().map(Cause::from).collect(),
            }
        }
    }

    impl<'d> From<&'d rbac::Cause> for Cause<'d> {
        fn from(cause: &'d rbac::Cause) -> Self {
            let named = |one: &'d (String, Option<String>)| Named { id: Some(&one.0), name: one.1.as_deref() };
            Self {
                kind: cause.kind.as_str(),
                role: cause.role.as_ref().map(named),
                group: cause.group.as_ref().map(named),
            }
        }
    }
}
