//! A change set and findings with everything that a renderer has to cope with.

use std::collections::BTreeSet;

use super::change_set::{ChangeSet, Endpoint};
use super::findings::{Findings, Places};
use crate::canonical::{canonical_text, fingerprint_of_change, fingerprint_of_field, read_str};
use crate::model::{
    Acknowledged, Actor, Attribution, CanonicalText, Change, ChangeKind, DomainId, EntityKey, Evidence, FieldChange,
    FieldKind, Finding, OwnedValue, Place, Pointer, Severity, Subject,
};
use crate::policy::{ClassifiedChange, ClassifiedField, Judgement, Reached, Unjudged};
use crate::record::CommitKind;

/// A name that tries a terminal, a table, a code span, HTML, a link and a mention.
pub(super) const HOSTILE: &str =
    "VIP | `a` ``b`` </details><img src=x> [x](http://e.example) @admins #1\n# \u{1b}[31m\u{202e}";

/// The change set, its changes given in no order.
pub(super) fn change_set() -> ChangeSet {
    let endpoint =
        |digit: &str, taken_at: &str| Some(Endpoint { commit: Some(digit.repeat(40)), taken_at: taken_at.to_owned() });
    let from = endpoint("a", "2026-03-02T10:00:00Z");
    let to = endpoint("b", "2026-03-02T10:15:00Z");
    let changes = vec![added_skill(), modified_queue(), removed_member(), removed_queue(), recreated_user()];
    ChangeSet {
        baselines: [(domain("routing.languages"), 1), (domain("users.users"), 10_000)].into(),
        new_fields: [(domain("routing.queues"), vec!["/agentAssist".to_owned(), "/rings/*/x".to_owned()])].into(),
        migrations: [(domain("oauth.clients"), vec![CommitKind::SchemaMigration, CommitKind::Rekey])].into(),
        coverage: [(domain("telephony.trunks"), ("complete".to_owned(), "forbidden".to_owned()))].into(),
        unjudged: BTreeSet::from([Unjudged {
            rule: "trunk-disabled".to_owned(),
            domain: "telephony.trunks".to_owned(),
            problem: "no such key: state".to_owned(),
        }]),
        ..ChangeSet::arranged(from, to, changes)
    }
}

fn removed_queue() -> ClassifiedChange {
    let change = Change {
        before: Some(text(r#"{"id":"q1","name":"see the change"}"#)),
        ..change("routing.queues", "q1", ChangeKind::Removed)
    };
    let judgement = judgement(Severity::Critical, "routing-queues-removed", &format!("{HOSTILE} was removed"));
    classified(change, Some(HOSTILE), judgement, Vec::new())
}

fn removed_member() -> ClassifiedChange {
    let change = Change {
        before: Some(text(r#"{"id":"u1","joined":true,"ringNumber":1}"#)),
        because: Some(EntityKey::new("q1")),
        ..change("routing.queue-members", "q1:u1", ChangeKind::Removed)
    };
    let judgement = judgement(Severity::Low, "routing-queue-members-removed", "VIP · Ada was removed");
    classified(change, Some("VIP · Ada"), judgement, Vec::new())
}

fn recreated_user() -> ClassifiedChange {
    let change = Change {
        previous_key: Some(EntityKey::new("u7")),
        followers: 1_204,
        ..change("users.users", "u9", ChangeKind::Recreated)
    };
    let whole = judgement(Severity::High, "users-users-recreated", "Ada was removed and made again");
    let fields = vec![field("/title", "title", Some(r#""Agent""#), Some(r#""Administrator""#), &whole)];
    classified(change, Some("Ada"), whole, fields)
}

fn added_skill() -> ClassifiedChange {
    let members: Vec<String> = (0..11).map(|number| format!(r#""m{number:02}":{number}"#)).collect();
    let after =
        format!(r#"{{"id":"s1","name":"Latin","list":[1],{},{}}}"#, secret_member("aa", '1'), members.join(","));
    let change = Change { after: Some(text(&after)), ..change("routing.skills", "s1", ChangeKind::Added) };
    let judgement = judgement(Severity::Low, "routing-skills-added", "Latin was added");
    classified(change, Some("Latin"), judgement, Vec::new())
}

fn modified_queue() -> ClassifiedChange {
    let whole = judgement(Severity::High, "queue-routing", "The routing of Support EN changed");
    let minor = judgement(Severity::Medium, "routing-queues-modified", "description of Support EN was changed");
    let script: Vec<String> = (1..=12).map(|number| format!("step {number}")).collect();
    let (old_script, new_script) = (script.join("\n"), script.join("\n").replace("step 6", "step ```6"));
    let long = "x".repeat(2_461);
    let fields = vec![
        field("/acwSettings/timeoutMs", "acwSettings.timeoutMs", Some("30000"), Some("10000"), &whole),
        field("/description", "description", Some(r#""was\u001b[2J|\\""#), None, &minor),
        field("/limit", "limit", Some("123456789012345678901234567890"), Some("1.50"), &whole),
        field("/memberGroups/g1", "memberGroups[Team | A]", None, Some(r#"{"id":"g1","type":"GROUP"}"#), &whole),
        field("/notes", "notes", None, Some(&format!("\"{long}\"")), &minor),
        ClassifiedField {
            old_name: Some("Day".to_owned()),
            new_name: Some("Night`s".to_owned()),
            ..field("/queueFlow/id", "queueFlow.id", Some(r#""f1""#), Some(r#""f2""#), &whole)
        },
        field("/script", "script", Some(&json(&old_script)), Some(&json(&new_script)), &whole),
        field("/sip", "sip", Some(&secret('1')), Some(&secret('2')), &whole),
    ];
    let whole = classified(change("routing.queues", "q2", ChangeKind::Modified), Some("Support EN"), whole, fields);
    let counts = [(domain("architect.flows"), 14), (domain("telephony.dids"), 3), (domain("users.users"), 212)].into();
    let words = Some("reaches at least 3 DIDs, 14 flows, 212 agents".to_owned());
    ClassifiedChange { reach: Some(Reached { counts, is_whole: false, words }), ..whole }
}

/// A fingerprint of a secret.
pub(super) fn secret(digit: char) -> String {
    format!(r#"{{"$secret":"hmac-sha256:{}"}}"#, digit.to_string().repeat(64))
}

fn secret_member(name: &str, digit: char) -> String {
    format!("\"{name}\":{}", secret(digit))
}

fn json(text: &str) -> String {
    canonical_text(&OwnedValue::from(text)).as_str().to_owned()
}

fn domain(name: &str) -> DomainId {
    name.parse().unwrap()
}

fn text(json: &str) -> CanonicalText {
    canonical_text(&read_str(json).unwrap())
}

fn change(domain_name: &str, key: &str, kind: ChangeKind) -> Change {
    Change {
        domain: domain(domain_name),
        key: EntityKey::new(key),
        kind,
        previous_key: None,
        before: None,
        after: None,
        fields: Vec::new(),
        because: None,
        followers: 0,
    }
}

/// A judgement with a remedy.
pub(super) fn judgement(severity: Severity, rule: &str, message: &str) -> Judgement {
    let remedy = "Check that it was asked for; put the old state back if it was not.";
    Judgement { severity, rule: rule.to_owned(), message: message.to_owned(), remedy: remedy.to_owned() }
}

/// A field that differs as two texts of JSON say.
pub(super) fn field(
    path: &str,
    place: &str,
    old: Option<&str>,
    new: Option<&str>,
    judgement: &Judgement,
) -> ClassifiedField {
    let value = |json: Option<&str>| json.map(|json| read_str(json).unwrap().into_owned());
    let (old, new) = (value(old), value(new));
    let kind = match (&old, &new) {
        (None, _) => FieldKind::Added,
        (_, None) => FieldKind::Removed,
        _ => FieldKind::Modified,
    };
    ClassifiedField {
        field: FieldChange { path: Pointer::from_text(path), kind, old, new },
        place: place.to_owned(),
        old_name: None,
        new_name: None,
        judgement: judgement.clone(),
        fingerprint: String::new(),
    }
}

fn classified(
    mut change: Change,
    name: Option<&str>,
    judgement: Judgement,
    mut fields: Vec<ClassifiedField>,
) -> ClassifiedChange {
    change.fields = fields.iter().map(|field| field.field.clone()).collect();
    for field in &mut fields {
        field.fingerprint = fingerprint_of_field(&change, &field.field);
    }
    let fingerprint = fingerprint_of_change(&change);
    ClassifiedChange {
        change,
        name: name.map(ToOwned::to_owned),
        judgement,
        fields,
        attribution: Attribution::default(),
        reach: None,
        fingerprint,
    }
}

/// Findings about everything that a finding can be about, given in no order.
pub(super) fn findings() -> Findings {
    let entity = |domain_name: &str, key: &str, name: Option<&str>, path: Option<&str>| Subject::Entity {
        domain: domain(domain_name),
        key: EntityKey::new(key),
        name: name.map(ToOwned::to_owned),
        path: path.map(Pointer::from_text),
    };
    let place = |file: &str, line| Some(Place { file: file.to_owned(), line, column: 7 });
    let unused = Finding {
        acknowledged: Some(Acknowledged {
            owner: "ann@example.com".to_owned(),
            reason: "wanted for <b>Easter</b>\u{1b}[2J".to_owned(),
            ticket: Some("OPS-17".to_owned()),
            until: "2026-06-30".to_owned(),
        }),
        ..finding("unused-queue", Severity::Low, entity("routing.queues", "q3", Some("Easter"), None))
    };
    let dangling = Finding {
        evidence: vec![Evidence::new("refers to", "f9"), Evidence::new("name", HOSTILE)],
        actors: vec![Actor {
            id: Some("u1".to_owned()),
            name: Some("=Ann|Lee".to_owned()),
            at: "2026-03-02T09:14:59Z".to_owned(),
            ..Actor::default()
        }],
        place: place("snapshot/routing/queues.json", 12),
        ..finding(
            "dangling-reference",
            Severity::High,
            entity("routing.queues", "q1", Some(HOSTILE), Some("/queueFlow/id")),
        )
    };
    let edited = Finding {
        place: place("snapshot/users/users/3 f%.json", 1),
        ..finding("edited-file", Severity::Medium, Subject::File("snapshot/users/users/3 f%.json".to_owned()))
    };
    let found = vec![
        finding("gap", Severity::Low, Subject::Trail),
        unused,
        edited,
        dangling,
        finding("foreign-commit", Severity::Critical, Subject::Commit("c".repeat(40))),
        finding("stale-domain", Severity::Low, Subject::Domain(domain("telephony.trunks"))),
    ];
    let at = Endpoint { commit: Some("b".repeat(40)), taken_at: "2026-03-02T10:15:00Z".to_owned() };
    Findings::arranged("Audit of references", Some(at), found)
}

fn finding(rule: &str, severity: Severity, subject: Subject) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        subject,
        message: format!("{rule}: 1 thing, 100% <sure>"),
        remedy: "Look at it, then decide.".to_owned(),
        evidence: Vec::new(),
        actors: Vec::new(),
        place: None,
        fingerprint: format!("{:016x}", rule.len()),
        acknowledged: None,
    }
}

/// Where the changes of the change set are written, one after the other.
pub(super) fn places() -> Places {
    let fingerprints = change_set().changes.into_iter().flat_map(|change| {
        let fields = change.fields.into_iter().map(|field| field.fingerprint);
        std::iter::once(change.fingerprint).chain(fields)
    });
    let place = |line| Place { file: "snapshot/routing/queues.json".to_owned(), line, column: 5 };
    fingerprints.zip((1..).map(place)).collect()
}

/// What a renderer writes.
pub(super) fn text_of(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}
