//! What a run would cost: for people, for a pull request, and `schemas/output/plan.v1.json`.

use std::io::{self, Write};
use std::time::Duration;

use super::json::write_document;
use super::markdown::{code, prose};
use super::shown::{counted, grouped, visible};
use super::style::Style;
use super::table::number_table;
use crate::estimate::{DomainEstimate, Estimate, Proof, Told};
use crate::model::DomainId;

/// Most domains that a line names.
const NAMED: usize = 6;

/// The columns of the table; the second to the fifth hold numbers.
const HEADER: [&str; 6] = ["DOMAIN", "REQUESTS", "PARENTS", "PAGES", "DETAILS", "TOLD"];

/// Writes a line for each domain, the costliest first, the total, the time, and what to know of it.
pub fn render_text(estimate: &Estimate, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rows: Vec<[String; 6]> =
        estimate.by_cost().into_iter().map(|(id, domain)| row(id.to_string(), domain)).collect();
    rows.push(sum("the run itself", estimate.own));
    rows.push(sum("total of this run", estimate.requests()));
    writeln!(out, "{}\n", number_table(HEADER, &rows, &[1, 2, 3, 4]))?;
    writeln!(out, "{}", style.heading(&time(estimate)))?;
    notes(estimate).iter().try_for_each(|note| writeln!(out, "{}", visible(note)))
}

/// Writes the same as a table of Markdown.
pub fn render_markdown(estimate: &Estimate, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n\n{}\n", counted(estimate.requests(), "request", "requests"), prose(&time(estimate)))?;
    writeln!(out, "| Domain | Requests | Parents | Pages | Details | Told |\n|---|---:|---:|---:|---:|---|")?;
    for (id, domain) in estimate.by_cost() {
        writeln!(out, "| {} |", row(code(id.as_str()), domain).join(" | "))?;
    }
    writeln!(out, "| {} |", sum("the run itself", estimate.own).join(" | "))?;
    for (index, note) in notes(estimate).iter().enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        writeln!(out, "{gap}- {}", prose(note))?;
    }
    Ok(())
}

/// Writes the document, indented, with a final newline.
pub fn render_json(org: &str, estimate: &Estimate, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::of(org, estimate), out)
}

fn row(name: String, domain: &DomainEstimate) -> [String; 6] {
    let parents = domain.parents.map(grouped).unwrap_or_default();
    let told = domain.told.as_str().to_owned();
    [name, grouped(domain.requests()), parents, grouped(domain.pages), grouped(domain.details), told]
}

fn sum(name: &str, requests: u64) -> [String; 6] {
    let nothing = String::new;
    [name.to_owned(), grouped(requests), nothing(), nothing(), nothing(), nothing()]
}

fn time(estimate: &Estimate) -> String {
    match (estimate.rate, estimate.duration()) {
        (Some(rate), Some(duration)) => format!(
            "At {} of the {} requests a minute that the API allows: {}",
            grouped(rate.used),
            grouped(rate.allowed),
            spelled(duration)
        ),
        _ => "The API told no rate limit, so that the time is not known".to_owned(),
    }
}

fn spelled(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", grouped(seconds / 3_600), seconds % 3_600 / 60),
    }
}

/// What is to be known of the numbers.
fn notes(estimate: &Estimate) -> Vec<String> {
    let those = |is: fn(&DomainEstimate) -> bool| -> Vec<&DomainId> {
        estimate.domains.iter().filter(|(_, domain)| is(domain)).map(|(id, _)| id).collect()
    };
    let resting: Vec<&DomainId> = estimate.resting.iter().collect();
    let portion = format!(
        "Captured portion by portion, {} a run at most, {} in {} to the end of the round",
        counted(estimate.portion, "request", "requests"),
        grouped(estimate.portioned()),
        counted(estimate.runs(), "run", "runs")
    );
    let lines: [(&str, Vec<&DomainId>); 7] = [
        (&portion, those(|domain| domain.is_portioned)),
        ("Captured on another day, as their last round is not long ago", resting),
        ("Listed for the sake of those below them", those(|domain| !domain.is_selected)),
        ("Read twice, as only that tells a short first listing", those(|domain| domain.is_read_twice)),
        ("Assumed, as nothing tells how much there is", those(|domain| domain.told == Told::Assumed)),
        ("A removal is confirmed by a second listing alone", those(|domain| domain.proof == Proof::Listing)),
        ("Nothing confirms a removal", those(|domain| domain.proof == Proof::Nothing)),
    ];
    let line = |(what, domains): (&str, Vec<&DomainId>)| {
        (!domains.is_empty()).then(|| format!("{what}: {}", enumerated(&domains)))
    };
    let mut notes: Vec<String> = lines.into_iter().filter_map(line).collect();
    let trouble = |(id, domain): (&DomainId, &DomainEstimate)| Some(format!("{id}: {}", domain.trouble.as_ref()?));
    notes.extend(estimate.domains.iter().filter_map(trouble));
    notes
}

/// Some names, and how many more there are.
fn enumerated(domains: &[&DomainId]) -> String {
    let named: Vec<&str> = domains.iter().take(NAMED).map(|id| id.as_str()).collect();
    match domains.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {} more", named.join(", "), grouped(more as u64)),
    }
}

mod v1 {
    use std::collections::{BTreeMap, BTreeSet};

    use serde::Serialize;

    use crate::estimate::{AllowedRate, DomainEstimate, Estimate, Proof, Told};
    use crate::model::DomainId;

    #[derive(Serialize)]
    pub(super) struct Document<'e> {
        schema_version: u32,
        org: &'e str,
        requests: u64,
        own_requests: u64,
        rate: Option<AllowedRate>,
        seconds: Option<u64>,
        portion: Option<Portion>,
        domains: BTreeMap<&'e DomainId, Domain<'e>>,
        resting: &'e BTreeSet<DomainId>,
    }

    #[derive(Serialize)]
    struct Portion {
        limit: u64,
        requests: u64,
        runs: u64,
    }

    #[derive(Serialize)]
    #[allow(clippy::struct_excessive_bools, reason = "each says a thing of its own")]
    struct Domain<'e> {
        requests: u64,
        told: Told,
        parents: Option<u64>,
        entities: Option<u64>,
        pages: u64,
        details: u64,
        selected: bool,
        portioned: bool,
        read_twice: bool,
        removal_confirmed_by: Proof,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<&'e str>,
    }

    impl<'e> Document<'e> {
        pub(super) fn of(org: &'e str, estimate: &'e Estimate) -> Self {
            let portion = Portion { limit: estimate.portion, requests: estimate.portioned(), runs: estimate.runs() };
            Self {
                schema_version: 1,
                org,
                requests: estimate.requests(),
                own_requests: estimate.own,
                rate: estimate.rate,
                seconds: estimate.duration().map(|duration| duration.as_secs()),
                portion: estimate.domains.values().any(|domain| domain.is_portioned).then_some(portion),
                domains: estimate.domains.iter().map(|(id, domain)| (id, Domain::from(domain))).collect(),
                resting: &estimate.resting,
            }
        }
    }

    impl<'e> From<&'e DomainEstimate> for Domain<'e> {
        fn from(domain: &'e DomainEstimate) -> Self {
            Self {
                requests: domain.requests(),
                told: domain.told,
                parents: domain.parents,
                entities: domain.entities,
                pages: domain.pages,
                details: domain.details,
                selected: domain.is_selected,
                portioned: domain.is_portioned,
                read_twice: domain.is_read_twice,
                removal_confirmed_by: domain.proof,
                cause: domain.trouble.as_deref(),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
