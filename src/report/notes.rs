//! What is said beside the changes themselves, in lines that are yet to be made safe for a format.

use super::change_set::{ChangeSet, Endpoint, LeftOut};
use super::shown::counted;
use crate::model::Change;
use crate::policy::ClassifiedChange;

/// What belongs to the change set as a whole, a line each.
pub(super) fn notes(set: &ChangeSet) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(left_out) = set.left_out {
        notes.push(left_out_line(left_out, "change", "changes"));
    }
    if set.from.is_some() || set.to.is_some() {
        notes.push(format!("From {} to {}", endpoint(set.from.as_ref()), endpoint(set.to.as_ref())));
    }
    for (domain, count) in &set.baselines {
        notes.push(format!("Captured for the first time: {domain}, {}", counted(*count, "entity", "entities")));
    }
    for (domain, fields) in &set.new_fields {
        notes.push(format!("New in the API: {domain} {}", fields.join(", ")));
    }
    for (domain, kinds) in &set.migrations {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        notes.push(format!("Stored anew: {domain} ({})", kinds.join(", ")));
    }
    for (domain, (from, to)) in &set.coverage {
        notes.push(format!("Coverage: {domain} was {from}, is {to}"));
    }
    notes.extend(set.unjudged.iter().map(|unjudged| format!("Not judged: {unjudged}")));
    notes
}

/// How much a filter left out, of what is counted with these words.
pub(super) fn left_out_line(left_out: LeftOut, one: &str, many: &str) -> String {
    let verb = if left_out.count == 1 { "is" } else { "are" };
    format!("{} below {} {verb} left out", counted(left_out.count, one, many), left_out.below)
}

pub(super) fn endpoint(endpoint: Option<&Endpoint>) -> String {
    match endpoint {
        Some(Endpoint { commit: Some(commit), taken_at }) => format!("{} ({taken_at})", short_commit(commit)),
        Some(Endpoint { commit: None, taken_at }) => format!("what is not committed ({taken_at})"),
        None => "nothing".to_owned(),
    }
}

/// As much of a commit's id as tells it from all others of a trail.
pub(super) fn short_commit(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// What happened around a change, and what depends on what changed.
pub(super) fn around(classified: &ClassifiedChange) -> Vec<String> {
    let reach = classified.reach.as_ref().and_then(|reach| reach.words.as_ref());
    circumstances(&classified.change).into_iter().chain(reach.map(|words| format!("It {words}"))).collect()
}

/// What happened around a change.
pub(super) fn circumstances(change: &Change) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(previous) = &change.previous_key {
        lines.push(format!("It was {previous} and is {} now", change.key));
    }
    if change.followers > 0 {
        let places = counted(change.followers, "reference elsewhere follows", "references elsewhere follow");
        lines.push(format!("{places} it"));
    }
    if let Some(parent) = &change.because {
        lines.push(format!("It went with its parent {parent}"));
    }
    lines
}
