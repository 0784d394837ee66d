//! Who may do what: answers for people, for programs, and as the table that auditors ask for.

mod csv;
mod json;
mod markdown;
mod text;

pub use csv::{HEADER, render as render_csv};
pub use json::render as render_json;
pub use markdown::render as render_markdown;
pub use text::render as render_text;

use super::change_set::Endpoint;
use super::notes::endpoint;
use super::shown::counted;
use crate::audit::rbac::{Access, Division, Principal, Question, Role, Triple, TriplePath};

/// Who may do what in a state.
#[derive(Debug)]
pub struct Told {
    /// Who may do what.
    pub access: Access,
    /// The state.
    pub at: Endpoint,
}

/// A question and what answers it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Who may do what.
    pub told: &'a Told,
    /// What is asked, in words.
    pub title: String,
    /// What is asked.
    pub question: Question,
}

impl<'a> Asked<'a> {
    /// The principals that answer the question, each with how.
    fn answers(&self) -> impl Iterator<Item = (usize, &'a Principal, Vec<Triple<'a>>)> + '_ {
        let access = &self.told.access;
        self.question.principals(access).filter_map(move |index| {
            let triples = self.question.triples(access, index);
            (!triples.is_empty()).then(|| (index, &access.principals[index], triples))
        })
    }

    /// Whether the answer is all there is.
    fn is_complete(&self) -> bool {
        let access = &self.told.access;
        let is_read = |role: &Role| role.rights.is_some() && role.unread.is_empty();
        let gathers = |one: &Principal| one.gathers;
        access.gaps.is_empty()
            && access.restrictions.is_empty()
            && access.roles.iter().all(is_read)
            && !access.principals.iter().any(gathers)
    }

    /// The permission that was probably meant, where no role names the one that is asked for.
    fn nearest(&self) -> Option<&'a str> {
        let asked = self.question.permission.as_deref()?;
        let access = &self.told.access;
        (!access.names_permission(asked)).then(|| access.nearest_permission(asked)).flatten()
    }

    /// What belongs to the answer as a whole, a line each.
    fn notes(&self) -> Vec<String> {
        let access = &self.told.access;
        let mut notes = vec![format!("At {}", endpoint(Some(&self.told.at)))];
        if let Some(asked) = self.question.permission.as_deref().filter(|asked| !access.names_permission(asked)) {
            let meant = self.nearest().map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
            notes.push(format!("No role names {asked} but by a `*`{meant}"));
        }
        if let Some(index) = self.question.principal {
            let principal = &access.principals[index];
            let about = |one: &std::rc::Rc<str>| access.traits.get(one.as_ref()).cloned();
            notes.extend(principal.traits.iter().filter_map(about));
        }
        for gap in &access.gaps {
            notes.push(format!("Not known: {}; {} is {}", gap.without, gap.domain, gap.standing.as_str()));
        }
        for one in &access.restrictions {
            notes.push(format!("Not worked out: {} {} ({})", one.in_force, one.about, one.domain));
        }
        for role in &access.roles {
            match (&role.rights, role.unread.len() as u64) {
                (None, _) => notes.push(format!("Not known: what the role {} allows, which is not on record", role.id)),
                (Some(_), 0) => {}
                (Some(_), count) => {
                    let name = role.name.as_deref().unwrap_or(&role.id);
                    notes.push(format!("Not understood: {} of the role {name}", counted(count, "part", "parts")));
                }
            }
        }
        for group in access.principals.iter().filter(|one| one.gathers) {
            let name = group.name.as_deref().unwrap_or(&group.id);
            notes.push(format!("Not known: who is in the group {name}, which gathers its members by rules"));
        }
        notes
    }
}

/// What a division is called in words.
fn division(access: &Access, division: &Division) -> String {
    match division {
        Division::All => "all divisions".to_owned(),
        Division::Untold => "a division that is not told".to_owned(),
        Division::One(id) => access.division_name(division).unwrap_or(id).to_owned(),
    }
}

/// The id of a division as documents have it.
pub(super) fn division_id(division: &Division) -> Option<&str> {
    match division {
        Division::All => Some("*"),
        Division::One(id) => Some(id),
        Division::Untold => None,
    }
}

/// The role of a path, and the group that it comes through.
fn role_and_group<'a>(access: &'a Access, path: &TriplePath<'_>) -> (&'a Role, Option<&'a Principal>) {
    let role = &access.roles[access.grants[path.grant].role];
    (role, path.via.as_ref().map(|via| &access.principals[via.group]))
}
