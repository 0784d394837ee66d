//! Fills the outbox: what is new goes over the routes, what holds begins or ends, and every alert is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::AlertOptions;
use super::incidents;
use super::news::{self, Begin, News};
use super::sources::{self, Holding};
use crate::alert::{
    Alert, Deliveries, Episode, Fate, Inhibition, Occasion, Outgoing, Raised, Route, Routing, Told,
    built_in_inhibitions, compose,
};
use crate::model::Severity;
use crate::notify::ChannelKind;
use crate::report::alerts::{ExplainedAlert, RouteWord};
use crate::session::observer::Observer;
use crate::session::revision::last_run;
use crate::session::time::{instant, written};
use crate::session::workspace::archive;
use crate::session::{Exit, Failure, Workspace};

/// What is to be told, and why.
pub(super) struct Planned {
    /// What will have been planned then.
    pub(super) deliveries: Deliveries,
    /// What became of each alert on each route.
    pub(super) explained: Vec<ExplainedAlert>,
}

/// Something to tell, wherever it comes from.
struct Item {
    told: Told,
    raised: Raised,
    /// Who lets it stay; then nobody is told.
    acknowledged: Option<String>,
    /// The routes that told it and do not tell it again yet.
    told_by: BTreeSet<String>,
    /// Whether it was looked at before, and is only explained.
    is_past: bool,
}

/// What is put into the outbox.
struct Plan<'p> {
    routes: &'p [Route],
    kinds: &'p BTreeMap<String, ChannelKind>,
    org: String,
    run: String,
    at: String,
    now: String,
    known: Deliveries,
}

/// Plans what is told.
pub(super) fn plan(
    workspace: &Workspace,
    before: Option<Deliveries>,
    kinds: &BTreeMap<String, ChannelKind>,
    options: &AlertOptions,
    observer: &dyn Observer,
) -> Result<Planned, Failure> {
    let state = archive(workspace, workspace.tip()?)?;
    let Some(org) = state.ledger().map(|ledger| ledger.org.clone()) else {
        return Ok(Planned { deliveries: before.unwrap_or_else(Deliveries::new), explained: Vec::new() });
    };
    let is_first = before.as_ref().is_none_or(|known| known.watermark.is_none());
    let mut known = before.unwrap_or_else(Deliveries::new);
    let begin = Begin::of(workspace, options.since, Some(&known))?;
    let teller = news::teller(workspace, &workspace.scan, &org);
    let mut since = news::since(workspace, &begin, &teller, observer)?;
    // Where nothing is new the last run is what somebody asks about.
    let is_past = since.news.is_empty() && options.explains;
    if is_past {
        let last = Begin::Commit(last_run(workspace)?.0);
        since.news = news::since(workspace, &last, &teller, observer)?.news;
    }
    let (once, findings_until) = sources::once(workspace, known.findings_until.as_deref().filter(|_| !is_first))?;
    let now = written(options.now);
    let latest = since.watermark.as_ref();
    let run = latest.and_then(|mark| mark.run.clone()).unwrap_or_else(|| now.clone());

    let mut items: Vec<Item> = since.news.into_iter().map(|news| Item::of_change(news, is_past)).collect();
    for found in once {
        let occasion = Occasion { run: found.run.clone(), at: found.at.clone(), ..Occasion::default() };
        items.push(Item {
            told: teller.finding(&found.finding, found.explained, &occasion),
            raised: Raised::Once,
            acknowledged: None,
            told_by: BTreeSet::new(),
            is_past: false,
        });
    }
    let holding = sources::holding(workspace, options.now)?;
    let over = episodes_over(&mut known, &holding);
    for Holding { source, findings } in &holding {
        for finding in findings {
            let episode = known.episodes.entry(finding.fingerprint.clone()).or_insert_with(|| Episode {
                rule: finding.rule.clone(),
                source: (*source).to_owned(),
                run: run.clone(),
                at: now.clone(),
                told: BTreeMap::new(),
            });
            let (is_again, told_by) = again(episode, &workspace.config.routes, options);
            // Told again it is another event, or whoever hears of it would take it for the same one.
            let run = if is_again { now.clone() } else { episode.run.clone() };
            let occasion = Occasion { run, at: episode.at.clone(), ..Occasion::default() };
            let told = teller.finding(finding, None, &occasion);
            items.push(Item { told, raised: Raised::Finding, acknowledged: None, told_by, is_past: false });
        }
    }

    let at = latest.map_or_else(|| now.clone(), |mark| mark.at.clone());
    let mut plan = Plan { routes: &workspace.config.routes, kinds, org, run, at, now, known };
    let explained = plan.fill(&items, &inhibitions(workspace)?, options);
    plan.resolve(workspace, &over)?;
    let mut deliveries = plan.known;
    deliveries.watermark = deliveries.watermark.max(since.watermark);
    deliveries.findings_until = deliveries.findings_until.max(findings_until);
    Ok(Planned { deliveries, explained })
}

impl Item {
    fn of_change(news: News, is_past: bool) -> Self {
        let News { told, raised, acknowledged } = news;
        let acknowledged = acknowledged.map(|ack| format!("{} until {}: {}", ack.owner, ack.until, ack.reason));
        Self { told, raised, acknowledged, told_by: BTreeSet::new(), is_past }
    }
}

/// All inhibitions there are.
fn inhibitions(workspace: &Workspace) -> Result<Vec<Inhibition>, Failure> {
    let mut all = built_in_inhibitions().map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Internal, format!("the built-in inhibitions cannot be read: {}", lines.join("; ")))
    })?;
    all.extend(workspace.config.inhibitions.iter().cloned());
    Ok(all)
}

/// Ends the episodes of what does not hold any more, and says which these are. What no source was asked for goes on.
fn episodes_over(known: &mut Deliveries, holding: &[Holding]) -> BTreeSet<String> {
    let is_over = |fingerprint: &String, episode: &Episode| {
        let source = holding.iter().find(|one| one.source == episode.source);
        source.is_some_and(|one| one.findings.iter().all(|finding| finding.fingerprint != *fingerprint))
    };
    let over: BTreeSet<String> = known
        .episodes
        .iter()
        .filter(|(fingerprint, episode)| is_over(fingerprint, episode))
        .map(|(fingerprint, _)| fingerprint.clone())
        .collect();
    known.episodes.retain(|fingerprint, _| !over.contains(fingerprint));
    over
}

/// Whether an episode is due to be told again by a route, and the routes that are not to tell it now.
fn again(episode: &Episode, routes: &[Route], options: &AlertOptions) -> (bool, BTreeSet<String>) {
    let is_due = |route: &Route| {
        let told = episode.told.get(&route.name).and_then(|told| instant(told));
        let repeat = route.repeat.and_then(|repeat| TimeDelta::from_std(repeat).ok());
        match (told, repeat) {
            (None, _) => true,
            (Some(told), Some(repeat)) => options.now - told >= repeat,
            (Some(_), None) => false,
        }
    };
    let told_by = routes.iter().filter(|route| !is_due(route)).map(|route| route.name.clone()).collect();
    let is_again = routes.iter().any(|route| is_due(route) && episode.told.contains_key(&route.name));
    (is_again, told_by)
}

impl Plan<'_> {
    /// Routes what there is to tell, and says what became of it.
    fn fill(&mut self, items: &[Item], inhibitions: &[Inhibition], options: &AlertOptions) -> Vec<ExplainedAlert> {
        let open: Vec<usize> = (0..items.len()).filter(|index| items[*index].acknowledged.is_none()).collect();
        let told: Vec<Told> = open.iter().map(|index| items[*index].told.clone()).collect();
        let fates = Routing { routes: self.routes, inhibitions }.route(&told, options.now);
        let mut words: Vec<Vec<RouteWord>> = vec![Vec::new(); items.len()];
        for (place, route) in self.routes.iter().enumerate() {
            let mut silences: BTreeMap<usize, u64> = BTreeMap::new();
            for fates in &fates {
                if let Fate::Silenced(by) = fates[place] {
                    *silences.entry(by).or_default() += 1;
                }
            }
            let mut now = Vec::new();
            let mut held = Vec::new();
            let mut begin = None;
            for (index, fates) in fates.iter().enumerate() {
                let item = &items[open[index]];
                let alert = Alert { silences: silences.get(&index).copied().unwrap_or(0), ..told[index].alert.clone() };
                let is_known = item.is_past || item.told_by.contains(&route.name);
                match fates[place] {
                    Fate::Told if !is_known => now.push((alert, item.raised.clone())),
                    Fate::Held(at) if !is_known => {
                        begin = begin.max(Some(at));
                        held.push((alert, item.raised.clone()));
                    }
                    _ => {}
                }
            }
            let begin = begin.map(written);
            let sent = self.send(route, now, None);
            let waiting = self.send(route, held, begin);
            for (index, fates) in fates.iter().enumerate() {
                let item = &items[open[index]];
                let id = &told[index].alert.id;
                let by = |by: usize| told[by].alert.message.clone();
                let word = match fates[place] {
                    _ if item.told_by.contains(&route.name) => RouteWord::already(&route.name),
                    Fate::Told | Fate::Held(_) if item.is_past => RouteWord::already(&route.name),
                    Fate::Told => sent.word(&route.name, id),
                    Fate::Held(at) if waiting.is_new(id) => RouteWord::held(&route.name, &written(at)),
                    Fate::Held(_) => waiting.word(&route.name, id),
                    Fate::Muted => RouteWord::muted(&route.name),
                    Fate::Silenced(index) => RouteWord::silenced(&route.name, &by(index)),
                    Fate::Missed(miss) => RouteWord::missed(&route.name, miss.as_str()),
                    Fate::Taken(by) => RouteWord::taken(&route.name, &self.routes[by].name),
                };
                let is_told = matches!(fates[place], Fate::Told | Fate::Held(_));
                if is_told
                    && !item.told_by.contains(&route.name)
                    && let Some(episode) = self.known.episodes.get_mut(&told[index].alert.fingerprint)
                {
                    episode.told.insert(route.name.clone(), self.now.clone());
                }
                words[open[index]].push(word);
            }
        }
        let explained = items.iter().zip(words).map(|(item, routes)| {
            let routes = match &item.acknowledged {
                Some(by) => self.routes.iter().map(|route| RouteWord::acknowledged(&route.name, by)).collect(),
                None => routes,
            };
            ExplainedAlert::of(&item.told.alert, routes)
        });
        explained.collect()
    }

    /// Puts what a route tells into the outbox, one message for each of its channels.
    fn send(&mut self, route: &Route, alerts: Vec<(Alert, Raised)>, held_until: Option<String>) -> Queued {
        let mut queued = Queued { channels: route.channels.len(), ..Queued::default() };
        if alerts.is_empty() {
            return queued;
        }
        for channel in &route.channels {
            let is_open = |alert: &Alert| {
                !self.known.is_settled(channel, &alert.id) && !self.known.is_pending(channel, &alert.id)
            };
            let mut fresh: Vec<(Alert, Raised)> = alerts.iter().filter(|(alert, _)| is_open(alert)).cloned().collect();
            if fresh.is_empty() {
                continue;
            }
            queued.new.extend(fresh.iter().map(|(alert, _)| alert.id.clone()));
            let kind = self.kinds.get(channel).copied();
            // Something that keeps events keeps all of them, whoever reads or is woken gets no more than they can take.
            let cap = (kind != Some(ChannelKind::Siem)).then_some(route.cap);
            let mut more = crate::model::SeverityCounts::default();
            // What waited and what is new go together, as long as nobody else may be sending the one.
            let is_waiting = |one: &Outgoing| {
                let is_of_route = one.channel == *channel && one.message.route == route.name;
                let is_ripe = one.not_before.as_ref().is_some_and(|begin| held_until.is_some() || *begin <= self.now);
                is_of_route && is_ripe && one.tries == 0 && one.claim.is_none()
            };
            if let Some(place) = self.known.outbox.iter().position(is_waiting) {
                let earlier = self.known.outbox.remove(place);
                more = earlier.message.more;
                fresh.extend(earlier.message.alerts.into_iter().map(|alert| (alert, Raised::Once)));
            }
            let all: Vec<Alert> = fresh.iter().map(|(alert, _)| alert.clone()).collect();
            let mut message = compose(route, (&self.org, &self.run, &self.at), all, cap);
            message.more = sum(message.more, more);
            let kept: BTreeSet<&str> = message.alerts.iter().map(|alert| alert.id.as_str()).collect();
            let capped = fresh.iter().filter(|(alert, _)| !kept.contains(alert.id.as_str()));
            let left_out: Vec<String> = capped.map(|(alert, _)| alert.id.clone()).collect();
            if kind == Some(ChannelKind::Pager) {
                for (alert, raised) in fresh.iter().filter(|(alert, _)| kept.contains(alert.id.as_str())) {
                    if alert.severity >= Severity::High {
                        incidents::follow(&mut self.known, channel, &route.name, alert, raised.clone());
                    }
                }
            }
            queued.capped.extend(left_out.iter().cloned());
            self.known.outbox.push(Outgoing {
                channel: channel.clone(),
                message,
                not_before: held_until.clone(),
                claim: None,
                tries: 0,
                trouble: None,
            });
            // What is counted and not told is told: nobody hears of it again.
            let now = self.now.clone();
            self.known.settle(channel, left_out, &now);
        }
        queued
    }

    /// Puts what is over into the outbox of those who were told that it began.
    fn resolve(&mut self, workspace: &Workspace, over: &BTreeSet<String>) -> Result<(), Failure> {
        let is_over = |fingerprint: &str| over.contains(fingerprint);
        let facts = (self.org.as_str(), self.run.as_str(), self.now.as_str());
        for ((channel, route), alerts) in incidents::over(workspace, &self.known, &is_over, facts)? {
            if let Some(incidents) = self.known.incidents.get_mut(&channel) {
                incidents.retain(|fingerprint, _| alerts.iter().all(|alert| alert.fingerprint != *fingerprint));
            }
            let Some(route) = self.routes.iter().find(|known| known.name == route) else { continue };
            let message = compose(route, (&self.org, &self.run, &self.at), alerts, None);
            let outgoing = Outgoing { channel, message, not_before: None, claim: None, tries: 0, trouble: None };
            self.known.outbox.push(outgoing);
        }
        Ok(())
    }
}

/// What was put into the outbox for a route.
#[derive(Default)]
struct Queued {
    channels: usize,
    new: BTreeSet<String>,
    capped: BTreeSet<String>,
}

impl Queued {
    fn is_new(&self, event: &str) -> bool {
        self.new.contains(event)
    }

    fn word(&self, route: &str, event: &str) -> RouteWord {
        match (self.channels, self.is_new(event), self.capped.contains(event)) {
            (0, ..) => RouteWord::nobody(route),
            (_, true, true) => RouteWord::capped(route),
            (_, true, false) => RouteWord::sent(route),
            (_, false, _) => RouteWord::already(route),
        }
    }
}

fn sum(left: crate::model::SeverityCounts, right: crate::model::SeverityCounts) -> crate::model::SeverityCounts {
    crate::model::SeverityCounts {
        critical: left.critical + right.critical,
        high: left.high + right.high,
        medium: left.medium + right.medium,
        low: left.low + right.low,
    }
}
