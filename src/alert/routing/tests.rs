use super::super::inhibition::built_in_inhibitions;
use super::super::route::{GroupBy, RouteMatch};
use super::super::tell::Facts;
use super::super::times::Window;
use super::*;
use crate::model::{ChangeKind, EntityKey, Severity, Subject};

fn told(domain: &str, key: &str, kind: ChangeKind, severity: Severity, ids: &[&str]) -> Told {
    let alert = Alert {
        id: format!("{domain}/{key}"),
        fingerprint: format!("{domain}/{key}"),
        phase: AlertPhase::Raised,
        rule: "rule".to_owned(),
        severity,
        subject: Subject::Entity { domain: domain.parse().unwrap(), key: EntityKey::new(key), name: None, path: None },
        kind: Some(kind),
        division: None,
        message: String::new(),
        why: None,
        remedy: String::new(),
        values: Vec::new(),
        explained: None,
        actors: Vec::new(),
        at: "2026-03-02T08:00:00Z".to_owned(),
        reach: None,
        silences: 0,
        commit: None,
        link: None,
    };
    let facts = Facts {
        keys: vec![key.to_owned()],
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        rules: vec!["rule".to_owned()],
        ..Facts::default()
    };
    Told { alert, facts }
}

fn route(name: &str) -> Route {
    Route {
        name: name.to_owned(),
        matches: RouteMatch::default(),
        channels: vec!["chat".to_owned()],
        goes_on: false,
        group_by: GroupBy::None,
        repeat: None,
        mute: Vec::new(),
        hours: Vec::new(),
        except: None,
        cap: 20,
    }
}

fn monday(time: &str) -> DateTime<Utc> {
    format!("2026-03-02T{time}:00Z").parse().unwrap()
}

/// A role that is gone, and its grants.
fn role_and_grants(grants: usize) -> Vec<Told> {
    let role = told("authorization.roles", "r1", ChangeKind::Removed, Severity::High, &["r1"]);
    let grant = |index: usize| {
        let key = format!("u{index}:r1:d1");
        told("authorization.division-grants", &key, ChangeKind::Removed, Severity::High, &[&format!("u{index}"), "r1"])
    };
    (0..grants).map(grant).chain([role]).collect()
}

#[test]
fn a_role_that_is_gone_silences_its_grants_and_no_others() {
    let inhibitions = built_in_inhibitions().unwrap();
    let mut all = role_and_grants(400);
    all.push(told("authorization.division-grants", "u1:r2:d1", ChangeKind::Removed, Severity::High, &["u1", "r2"]));
    all.push(told("authorization.division-grants", "u1:r1:d2", ChangeKind::Removed, Severity::Critical, &["r1"]));
    let fates = Routing { routes: &[route("all")], inhibitions: &inhibitions }.route(&all, monday("08:00"));
    let silenced = fates.iter().filter(|fates| fates[0] == Fate::Silenced(400)).count();
    let told = fates.iter().filter(|fates| fates[0] == Fate::Told).count();
    // The role, the grant of another role, and the one that matters more than the role.
    assert_eq!((silenced, told), (400, 3));
}

#[test]
fn who_does_not_hear_of_the_role_hears_of_its_grants() {
    let inhibitions = built_in_inhibitions().unwrap();
    let mut grants_alone = route("grants");
    grants_alone.matches.domains = vec![globset::Glob::new("authorization.division-grants").unwrap().compile_matcher()];
    let fates =
        Routing { routes: &[grants_alone], inhibitions: &inhibitions }.route(&role_and_grants(3), monday("08:00"));
    assert_eq!(fates.iter().filter(|fates| fates[0] == Fate::Told).count(), 3);
    assert_eq!(fates[3][0], Fate::Missed(Miss::Domain));
}

#[test]
fn the_first_route_that_matches_takes_an_alert_unless_it_goes_on() {
    let mut first = route("first");
    let alerts = [told("routing.queues", "q1", ChangeKind::Modified, Severity::High, &[])];
    let fates = |first: &Route| {
        let routes = [first.clone(), route("second")];
        Routing { routes: &routes, inhibitions: &[] }.route(&alerts, monday("08:00")).remove(0)
    };
    assert_eq!(fates(&first), [Fate::Told, Fate::Taken(0)]);
    first.goes_on = true;
    assert_eq!(fates(&first), [Fate::Told, Fate::Told]);
    first.matches.level = Some(Severity::Critical);
    assert_eq!(fates(&first), [Fate::Missed(Miss::Level), Fate::Told]);
}

#[test]
fn what_is_muted_is_not_told_and_what_is_out_of_hours_waits_for_them() {
    let mut quiet = route("quiet");
    quiet.hours = vec![Window::parse("Mon-Fri 08:00-18:00").unwrap()];
    quiet.mute = vec![Window::parse("Mon 12:00-13:00").unwrap()];
    quiet.except = Some(Severity::Critical);
    let fate = |severity, time: &str| {
        let alerts = [told("routing.queues", "q1", ChangeKind::Modified, severity, &[])];
        Routing { routes: std::slice::from_ref(&quiet), inhibitions: &[] }.route(&alerts, monday(time))[0][0]
    };
    assert_eq!(fate(Severity::High, "09:00"), Fate::Told);
    assert_eq!(fate(Severity::High, "12:30"), Fate::Muted);
    assert_eq!(fate(Severity::High, "07:00"), Fate::Held(monday("08:00")));
    assert_eq!(fate(Severity::Critical, "07:00"), Fate::Told);
    assert_eq!(fate(Severity::Critical, "12:30"), Fate::Told);
}

#[test]
fn a_message_has_the_worst_up_to_the_cap_group_by_group_and_counts_the_rest() {
    let mut grouped = route("grouped");
    grouped.group_by = GroupBy::Domain;
    let of = |domain: &str, key: &str, severity| told(domain, key, ChangeKind::Modified, severity, &[]).alert;
    let alerts = vec![
        of("routing.queues", "q1", Severity::Low),
        of("users.users", "u1", Severity::High),
        of("routing.queues", "q2", Severity::Critical),
        of("users.users", "u2", Severity::Medium),
        of("routing.queues", "q3", Severity::High),
    ];
    let message = compose(&grouped, ("org", "run", "2026-03-02T08:00:00Z"), alerts.clone(), Some(4));
    let ids: Vec<&str> = message.alerts.iter().map(|alert| alert.id.as_str()).collect();
    assert_eq!(ids, ["routing.queues/q2", "routing.queues/q3", "users.users/u1", "users.users/u2"]);
    let groups: Vec<(&str, usize)> = message.groups.iter().map(|group| (group.title.as_str(), group.alerts)).collect();
    assert_eq!(groups, [("routing.queues", 2), ("users.users", 2)]);
    assert_eq!(message.more, SeverityCounts { low: 1, ..SeverityCounts::default() });
    // The id is of all that the message stands for, in whatever order that came.
    let other_way = compose(&grouped, ("org", "run", "x"), alerts.into_iter().rev().collect(), None);
    assert_eq!(message.id, other_way.id);
    assert_eq!(other_way.more.total(), 0);
}

#[test]
fn of_alerts_that_silence_each_other_one_is_told() {
    let inhibition = |tie: &str| {
        let text = format!("about = 'x'\ntie = '{tie}'\n[source]\nkind = 'removed'\n[target]\nkind = 'removed'\n");
        Inhibition::read("circle", toml::from_str(&text).unwrap()).unwrap()
    };
    let alerts = [
        told("routing.queues", "a", ChangeKind::Removed, Severity::High, &["a", "b"]),
        told("routing.queues", "b", ChangeKind::Removed, Severity::High, &["a", "b"]),
    ];
    let inhibitions = [inhibition("reference")];
    let fates = Routing { routes: &[route("all")], inhibitions: &inhibitions }.route(&alerts, monday("08:00"));
    assert_eq!((fates[0][0], fates[1][0]), (Fate::Told, Fate::Silenced(0)));
    assert!(Inhibition::read("x", toml::from_str("about = 'x'\ntie = 'moon'\n[source]").unwrap()).is_err());
}
