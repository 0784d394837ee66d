//! The findings document, `schemas/output/findings.v1.json`. Its form is frozen: the types here are its own.

use std::io::{self, Write};

use super::super::json::write_document;
use super::Findings;

/// Writes the document, indented, with a final newline.
pub fn render(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(findings), out)
}

pub(in crate::report) mod v1 {
    use serde::Serialize;

    use crate::model::{
        Acknowledged, Actor, DomainId, EntityKey, Evidence, Place, Pointer, Severity, SeverityCounts, Subject, Untold,
    };
    use crate::report::json::v1::Endpoint;
    use crate::{model, report};

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(in crate::report) struct Document<'f> {
        schema_version: u32,
        title: &'f str,
        at: Option<Endpoint<'f>>,
        counts: SeverityCounts,
        acknowledged: usize,
        left_out: Option<LeftOut>,
        findings: Vec<Finding<'f>>,
        untold: &'f [Untold],
    }

    #[derive(Serialize)]
    struct LeftOut {
        below: Severity,
        findings: u64,
    }

    #[derive(Serialize)]
    pub(in crate::report) struct Finding<'f> {
        fingerprint: &'f str,
        severity: Severity,
        rule: &'f str,
        about: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        domain: Option<&'f DomainId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        entity: Option<Entity<'f>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'f Pointer>,
        #[serde(skip_serializing_if = "Option::is_none")]
        commit: Option<&'f str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<&'f str>,
        message: &'f str,
        remedy: &'f str,
        evidence: &'f [Evidence],
        actors: &'f [Actor],
        place: Option<&'f Place>,
        #[serde(skip_serializing_if = "Option::is_none")]
        acknowledged: Option<&'f Acknowledged>,
    }

    #[derive(Serialize)]
    struct Entity<'f> {
        id: &'f EntityKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'f str>,
    }

    impl<'f> From<&'f report::Findings> for Document<'f> {
        fn from(found: &'f report::Findings) -> Self {
            Self {
                schema_version: SCHEMA_VERSION,
                title: &found.title,
                at: found.at.as_ref().map(Endpoint::from),
                counts: found.counts(),
                acknowledged: found.acknowledged().count(),
                left_out: found.left_out.map(|left_out| LeftOut { below: left_out.below, findings: left_out.count }),
                findings: found.findings.iter().map(Finding::from).collect(),
                untold: &found.untold,
            }
        }
    }

    impl<'f> From<&'f model::Finding> for Finding<'f> {
        fn from(finding: &'f model::Finding) -> Self {
            let (about, entity, path, commit, file) = match &finding.subject {
                Subject::Trail => ("trail", None, None, None, None),
                Subject::Domain(_) => ("domain", None, None, None, None),
                Subject::Entity { key, name, path, .. } => {
                    ("entity", Some(Entity { id: key, name: name.as_deref() }), path.as_ref(), None, None)
                }
                Subject::Commit(id) => ("commit", None, None, Some(id.as_str()), None),
                Subject::File(path) => ("file", None, None, None, Some(path.as_str())),
            };
            Self {
                fingerprint: &finding.fingerprint,
                severity: finding.severity,
                rule: &finding.rule,
                about,
                domain: finding.subject.domain(),
                entity,
                path,
                commit,
                file,
                message: &finding.message,
                remedy: &finding.remedy,
                evidence: &finding.evidence,
                actors: &finding.actors,
                place: finding.place.as_ref(),
                acknowledged: finding.acknowledged.as_ref(),
            }
        }
    }
}
