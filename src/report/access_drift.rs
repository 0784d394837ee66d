//! What became of who may do what between two states, in every form that has one of its own.

mod csv;
mod json;
mod markdown;
mod text;

pub use csv::{HEADER, render as render_csv};
pub use json::render as render_json;
pub use markdown::render as render_markdown;
pub use text::render as render_text;

use super::change_set::{Endpoint, LeftOut};
use super::notes::{endpoint, left_out_line};
use super::shown::{counted, summary_of};
use crate::audit::rbac::{Drift, PrincipalDrift, Shift};
use crate::model::{Finding, Severity, SeverityCounts};

/// What became of who may do what between two states.
#[derive(Debug)]
pub struct AccessDrift {
    /// The earlier state.
    pub from: Endpoint,
    /// The later state.
    pub to: Endpoint,
    /// What became of it.
    pub drift: Drift,
    /// The same as findings.
    pub findings: Vec<Finding>,
    /// The principals that a filter took out.
    pub left_out: Option<LeftOut>,
}

impl AccessDrift {
    /// Takes out the principals that matter less than `least`, and remembers how many they were.
    #[must_use]
    pub fn at_least(mut self, least: Severity) -> Self {
        let before = self.drift.principals.len();
        self.drift.principals.retain(|one| one.severity >= least);
        self.left_out = LeftOut::also(self.left_out, least, before - self.drift.principals.len());
        self
    }

    /// How many principals it touches, by severity.
    #[must_use]
    pub fn counts(&self) -> SeverityCounts {
        self.drift.principals.iter().map(|one| one.severity).collect()
    }

    /// What there is, in a line.
    fn summary(&self) -> String {
        summary_of(&self.counts(), "principal", "principals")
    }

    /// What belongs to it as a whole, a line each.
    fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!("From {} to {}", endpoint(Some(&self.from)), endpoint(Some(&self.to)))];
        notes.extend(self.left_out.map(|left_out| left_out_line(left_out, "principal", "principals")));
        for one in &self.drift.recreated {
            notes.push(format!("The role {} was made again: it was {} and is {} now", one.name, one.from, one.to));
        }
        for domain in &self.drift.not_compared {
            notes.push(format!("Not compared: {domain} is not known in both states"));
        }
        for gap in &self.drift.gaps {
            notes.push(format!("Not known: {}; {} is {}", gap.without, gap.domain, gap.standing.as_str()));
        }
        notes
    }

    /// Principals to which the same happened, together, in order of the first of them.
    fn alike(&self) -> Vec<Vec<&PrincipalDrift>> {
        let mut together: Vec<Vec<&PrincipalDrift>> = Vec::new();
        let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        for one in &self.drift.principals {
            let told = |shifts: &[Shift]| shifts.iter().map(Shift::told).collect::<Vec<_>>().join("\n");
            let what = format!("{}\n\n{}\n\n{}", one.severity, told(&one.gained), told(&one.lost));
            let place = *places.entry(what).or_insert(together.len());
            match together.get_mut(place) {
                Some(known) => known.push(one),
                None => together.push(vec![one]),
            }
        }
        together
    }
}

/// A principal as a person reads it.
fn who(one: &PrincipalDrift) -> String {
    format!("{} {}", one.kind, one.name.as_deref().unwrap_or(&one.id))
}

/// The first of some principals, and how many more there are.
fn names(together: &[&PrincipalDrift], most: usize) -> String {
    let mut names: Vec<String> = together.iter().take(most).map(|one| who(one)).collect();
    if together.len() > most {
        names.push(format!("and {}", counted((together.len() - most) as u64, "other", "others")));
    }
    names.join(", ")
}
