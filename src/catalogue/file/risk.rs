//! The table `[risk]` of a domain file.

use super::section::{Entry, Placed, Reading, Section};
use crate::catalogue::definition::{Risk, RiskRule};
use crate::catalogue::problem::Objection;
use crate::model::{ChangeKind, PointerGlob, Severity, nearest};

const KINDS: [ChangeKind; 4] = [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Modified, ChangeKind::Recreated];

/// What the table says.
pub(super) struct RawRisk {
    kinds: Vec<(ChangeKind, Severity)>,
    pub(super) paths: Vec<RawRiskPath>,
}

/// An exception for a path.
pub(super) struct RawRiskPath {
    kind: ChangeKind,
    pub(super) path: Placed<String>,
    severity: Severity,
}

/// A line of the table.
enum Line {
    Kind(ChangeKind, Severity),
    Path(RawRiskPath),
}

impl RawRisk {
    pub(super) fn read(mut section: Section<'_>, problems: &mut Vec<Objection>) -> Self {
        let mut named = Vec::new();
        let is_there = section.is_there();
        let lines = section.entries(|key, entry| {
            named.push(key);
            line(key, entry)
        });
        for kind in [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Modified] {
            if is_there && !named.contains(&kind.as_str()) {
                section.object(section.offset(), format!("risk.{} is missing", kind.as_str()));
            }
        }
        section.close(problems);
        let mut risk = Self { kinds: Vec::new(), paths: Vec::new() };
        for line in lines {
            match line {
                Line::Kind(kind, severity) => risk.kinds.push((kind, severity)),
                Line::Path(path) => risk.paths.push(path),
            }
        }
        risk
    }

    pub(super) fn into_risk(mut self) -> Risk {
        let of =
            |wanted: ChangeKind| self.kinds.iter().find(|(kind, _)| *kind == wanted).map(|(_, severity)| *severity);
        let added = of(ChangeKind::Added).unwrap_or(Severity::Low);
        let (removed, modified) = (of(ChangeKind::Removed), of(ChangeKind::Modified));
        let recreated = of(ChangeKind::Recreated).unwrap_or(added);
        self.paths.sort_by_key(|rule| std::cmp::Reverse(rule.path.value.len()));
        let rule = |rule: RawRiskPath| RiskRule {
            kind: rule.kind,
            path: PointerGlob::new(&rule.path.value),
            severity: rule.severity,
        };
        Risk {
            added,
            removed: removed.unwrap_or(Severity::Low),
            modified: modified.unwrap_or(Severity::Low),
            recreated,
            paths: self.paths.into_iter().map(rule).collect(),
        }
    }
}

fn line(key: &str, entry: &Entry<'_>) -> Reading<Line> {
    let (word, path) = match key.split_once(' ') {
        Some((word, path)) => (word, Some(path)),
        None => (key, None),
    };
    let Some(kind) = KINDS.into_iter().find(|kind| kind.as_str() == word) else {
        let words = "\"added\", \"removed\", \"modified\" or \"recreated\"";
        let meant = crate::catalogue::problem::meant(nearest(word, KINDS.map(ChangeKind::as_str)));
        return Err(entry.objection(&format!(": {word:?} is no kind of change, which is {words}{meant}")));
    };
    let severity = entry.word(&Severity::WORST_FIRST, Severity::as_str)?.value;
    match path {
        None => Ok(Line::Kind(kind, severity)),
        Some(path) if path.starts_with('/') => {
            Ok(Line::Path(RawRiskPath { kind, path: entry.placed(path.to_owned()), severity }))
        }
        Some(path) => Err(entry.objection(&format!(": {path:?} does not begin with a slash"))),
    }
}
