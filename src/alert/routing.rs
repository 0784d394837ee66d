//! Which alert is told by which route, and why not by the others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::content::{Alert, AlertPhase, Group, Message, message_id};
use super::inhibition::{Inhibition, Tie};
use super::route::{Miss, Route, When};
use super::tell::Told;
use crate::model::SeverityCounts;

/// All routes, and what need not be told beside something else.
pub struct Routing<'r> {
    /// The routes, in the order in which they are looked at.
    pub routes: &'r [Route],
    /// What says what became of what.
    pub inhibitions: &'r [Inhibition],
}

/// What a route makes of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It tells it.
    Told,
    /// It tells it when its hours begin, at an instant.
    Held(DateTime<Utc>),
    /// It is muted at this time.
    Muted,
    /// Another alert, by its index, says what became of it.
    Silenced(usize),
    /// It is about something else.
    Missed(Miss),
    /// A route before it, by its index, was enough.
    Taken(usize),
}

impl Routing<'_> {
    /// What each route makes of each alert: by alert, then by route.
    ///
    /// An alert is silenced on a route only by one that the same route tells, so that nobody who hears of grants alone loses them
    /// to a role that they never hear of.
    #[must_use]
    pub fn route(&self, told: &[Told], now: DateTime<Utc>) -> Vec<Vec<Fate>> {
        let mut fates: Vec<Vec<Fate>> = told.iter().map(|one| self.matched(one, now)).collect();
        let sources = self.sources(told);
        for route in 0..self.routes.len() {
            let is_told = |index: usize| matches!(fates[index][route], Fate::Told | Fate::Held(_));
            let silenced: Vec<(usize, usize)> = (0..told.len())
                .filter(|index| is_told(*index))
                .filter_map(|index| Some((index, root(index, &sources, &is_told)?)))
                .collect();
            for (index, by) in silenced {
                fates[index][route] = Fate::Silenced(by);
            }
        }
        fates
    }

    fn matched(&self, told: &Told, now: DateTime<Utc>) -> Vec<Fate> {
        let mut taken = None;
        let mut fate = |(index, route): (usize, &Route)| {
            if let Some(by) = taken {
                return Fate::Taken(by);
            }
            if let Err(miss) = route.matches.check(told) {
                return Fate::Missed(miss);
            }
            if !route.goes_on {
                taken = Some(index);
            }
            match route.when(&told.alert, now) {
                When::Now => Fate::Told,
                When::Never => Fate::Muted,
                When::Later(begin) => Fate::Held(begin),
            }
        };
        self.routes.iter().enumerate().map(&mut fate).collect()
    }

    /// For each alert those that say what became of it.
    fn sources(&self, told: &[Told]) -> Vec<Vec<usize>> {
        let mut sources = vec![Vec::new(); told.len()];
        let raised: Vec<(usize, &Told)> =
            told.iter().enumerate().filter(|(_, one)| one.alert.phase == AlertPhase::Raised).collect();
        for inhibition in self.inhibitions {
            // By what the two have in common, as there can be thousands of either.
            let mut by_tie: HashMap<String, Vec<usize>> = HashMap::new();
            for (index, one) in raised.iter().filter(|(_, one)| inhibition.source.is(one)) {
                for tie in ties(inhibition.tie, one, true) {
                    by_tie.entry(tie).or_default().push(*index);
                }
            }
            if by_tie.is_empty() {
                continue;
            }
            for (index, one) in &raised {
                let ties = ties(inhibition.tie, one, false);
                let found = ties.iter().filter_map(|tie| by_tie.get(tie)).flatten();
                let found: Vec<usize> =
                    found.copied().filter(|source| inhibition.applies(&told[*source], one)).collect();
                sources[*index].extend(found);
            }
        }
        for list in &mut sources {
            list.sort_unstable();
            list.dedup();
        }
        sources
    }
}

/// What alerts are looked up by that have something in common.
fn ties(tie: Tie, told: &Told, is_source: bool) -> Vec<String> {
    let facts = &told.facts;
    match (tie, is_source) {
        (Tie::Reference | Tie::Parent, true) => facts.keys.clone(),
        (Tie::Reference, false) => facts.ids.iter().cloned().collect(),
        (Tie::Parent, false) => facts.because.iter().cloned().collect(),
        (Tie::Domain, _) => told.alert.subject.domain().map(ToString::to_string).into_iter().collect(),
    }
}

/// The alert that nothing silences and that says what became of this one; none where this one has to be told itself.
fn root(index: usize, sources: &[Vec<usize>], is_told: &dyn Fn(usize) -> bool) -> Option<usize> {
    let mut seen = vec![index];
    let mut next = vec![index];
    let mut roots = Vec::new();
    while let Some(current) = next.pop() {
        let above: Vec<usize> = sources[current].iter().copied().filter(|source| is_told(*source)).collect();
        if above.is_empty() && current != index {
            roots.push(current);
        }
        for source in above {
            if !seen.contains(&source) {
                seen.push(source);
                next.push(source);
            }
        }
    }
    // Of those that silence each other in a circle the first is told.
    let first = || seen.iter().copied().min().filter(|first| seen.len() > 1 && *first != index);
    roots.into_iter().min().or_else(first)
}

/// The one message of a route: the worst alerts up to a limit, what belongs together side by side, and how many more there are.
#[must_use]
pub fn compose(
    route: &Route,
    (org, run, at): (&str, &str, &str),
    mut alerts: Vec<Alert>,
    cap: Option<usize>,
) -> Message {
    let id = message_id(&route.name, alerts.iter().map(|alert| alert.id.as_str()));
    alerts.sort_by_key(|alert| Reverse(alert.severity));
    let more = cap.map(|cap| alerts.split_off(cap.min(alerts.len()))).unwrap_or_default();
    let mut groups: Vec<(String, Vec<Alert>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for alert in alerts {
        let title = route.group_by.title(&alert);
        let place = *places.entry(title.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((title, Vec::new()));
        }
        groups[place].1.push(alert);
    }
    let titles = groups.iter().filter(|(title, _)| !title.is_empty());
    Message {
        id,
        org: org.to_owned(),
        run: run.to_owned(),
        route: route.name.clone(),
        at: at.to_owned(),
        groups: titles.map(|(title, alerts)| Group { title: title.clone(), alerts: alerts.len() }).collect(),
        alerts: groups.into_iter().flat_map(|(_, alerts)| alerts).collect(),
        more: more.iter().map(|alert| alert.severity).collect::<SeverityCounts>(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
