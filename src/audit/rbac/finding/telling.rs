//! How findings are told, and what tells one from another.

use std::collections::BTreeSet;

use super::super::access::{Division, Path, Principal, Role};
use super::super::rules::Rule;
use super::Finder;
use crate::canonical::{Digest, compact};
use crate::model::{DomainId, EntityKey, Evidence, Finding, Pointer, Severity, Subject, Value};

/// Most pieces of evidence of one finding.
const MOST_EVIDENCE: usize = 20;

/// Most names in a message.
const MOST_NAMED: usize = 4;

impl Finder<'_> {
    /// What a finding about a principal is about; of one that no domain has, the grant that names it.
    pub(super) fn subject(&self, index: usize) -> Subject {
        let principal = &self.access.principals[index];
        let first = self.access.own[index].clone().next().map(|grant| &self.access.grants[grant]);
        let entity = |domain: &DomainId, key: &EntityKey, name| Subject::Entity {
            domain: domain.clone(),
            key: key.clone(),
            name,
            path: None,
        };
        match (&principal.domain, first) {
            (Some(domain), _) => entity(domain, &EntityKey::new(&principal.id), principal.name.clone()),
            (None, Some(grant)) => entity(&grant.domain, &grant.key, None),
            (None, None) => Subject::Trail,
        }
    }

    pub(super) fn subject_of_role(&self, role: &Role, path: Option<Pointer>) -> Subject {
        let (domain, key) = (self.model.roles.domain.clone(), EntityKey::new(&role.id));
        Subject::Entity { domain, key, name: role.name.clone(), path }
    }

    pub(super) fn path_told(&self, path: &Path) -> String {
        let grant = &self.access.grants[path.grant];
        let role = role_shown(&self.access.roles[grant.role]);
        let via =
            path.via.as_ref().map(|via| format!(" through the group {}", shown(&self.access.principals[via.group])));
        format!("the role {role} in {}{}", self.division_shown(&grant.division), via.unwrap_or_default())
    }

    pub(super) fn division_shown(&self, division: &Division) -> String {
        match division {
            Division::All => "all divisions".to_owned(),
            Division::Untold => "a division that is not told".to_owned(),
            Division::One(id) => self.access.division_name(division).unwrap_or(id).to_owned(),
        }
    }
}

/// A finding of a rule, in its words.
pub(super) fn judged(rule: &Rule, subject: Subject, identity: &[&str], fill: &[(&str, String)]) -> Finding {
    Finding {
        message: filled(&rule.message, fill),
        remedy: rule.remedy.clone(),
        ..finding(&rule.id, rule.level, subject, identity)
    }
}

pub(in crate::audit::rbac) fn finding(rule: &str, severity: Severity, subject: Subject, identity: &[&str]) -> Finding {
    let parts = [rule].into_iter().chain(identity.iter().copied()).map(Value::from).collect();
    Finding {
        rule: rule.to_owned(),
        severity,
        subject,
        message: String::new(),
        remedy: String::new(),
        evidence: Vec::new(),
        actors: Vec::new(),
        place: None,
        fingerprint: Digest::of(compact(&Value::Array(parts)).as_bytes()).short(),
        acknowledged: None,
    }
}

fn filled(message: &str, fill: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            text.push('{');
            rest = behind;
            continue;
        };
        match fill.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => text.push_str(value),
            None => text.extend(["{", name, "}"]),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

pub(in crate::audit::rbac) fn shown(principal: &Principal) -> String {
    principal.name.clone().unwrap_or_else(|| principal.id.clone())
}

pub(in crate::audit::rbac) fn role_shown(role: &Role) -> String {
    role.name.clone().unwrap_or_else(|| role.id.clone())
}

pub(in crate::audit::rbac) fn division_identity(division: &Division) -> String {
    match division {
        Division::All => "all".to_owned(),
        Division::Untold => "untold".to_owned(),
        Division::One(id) => format!("one {id}"),
    }
}

pub(in crate::audit::rbac) fn listed(names: &BTreeSet<String>) -> String {
    let first: Vec<&str> = names.iter().take(MOST_NAMED).map(String::as_str).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

pub(in crate::audit::rbac) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// So much evidence as can be read, and how much more there is.
pub(in crate::audit::rbac) fn bounded(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    if evidence.len() > MOST_EVIDENCE {
        let more = evidence.len() - (MOST_EVIDENCE - 1);
        evidence.truncate(MOST_EVIDENCE - 1);
        evidence.push(Evidence::new("left out", format!("{more} more")));
    }
    evidence
}
