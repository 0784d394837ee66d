use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::*;
use crate::canonical::{canonical_text, read_str};
use crate::catalogue::{Catalogue, Segment, ShapeId, embedded_file};
use crate::model::{DomainId, DomainSnapshot, EntityKey, Finding, Severity, Subject};

/// Valid until 20 March 2026, 12:00.
const LOGIN: &str = include_str!("../../../tests/fixtures/expiry/login.pem");

/// Valid until 1 January 2055.
const ROOT: &str = include_str!("../../../tests/fixtures/expiry/root.pem");

const DAY: u64 = 24 * 60 * 60;

fn ends() -> Ends {
    Ends::read(embedded_file("expiry/ends.toml").unwrap()).unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The lines of a certificate without those around it, in one.
fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// What is found in some entities at an instant, looking thirty days ahead.
fn found(entities: &[(&str, &str, serde_json::Value)], now: &str) -> Vec<Finding> {
    let (catalogue, ends) = (Catalogue::built_in().unwrap(), ends());
    let mut domains: BTreeMap<DomainId, DomainSnapshot> = BTreeMap::new();
    for (domain, key, entity) in entities {
        let id: DomainId = domain.parse().unwrap();
        let content = domains.entry(id.clone()).or_insert_with(|| DomainSnapshot::empty(id, 1));
        content.entities.insert(EntityKey::new(key), canonical_text(&read_str(&entity.to_string()).unwrap()));
    }
    let mut expiring = ends.at(instant(now), Duration::from_secs(30 * DAY));
    for (id, content) in &domains {
        expiring.look_at(catalogue.get(id).unwrap(), content);
    }
    expiring.findings()
}

fn okta(certificate: &str) -> (&'static str, &'static str, serde_json::Value) {
    ("identityproviders.okta", "okta", serde_json::json!({ "name": "Okta", "certificate": certificate }))
}

/// Rule, level and message of each.
fn told(findings: &[Finding]) -> Vec<(&str, Severity, &str)> {
    findings.iter().map(|one| (one.rule.as_str(), one.severity, one.message.as_str())).collect()
}

#[test]
fn a_certificate_is_told_by_how_far_away_its_end_is() {
    let at = |now: &str| {
        let findings = found(&[okta(LOGIN)], now);
        findings.first().map(|one| (one.rule.clone(), one.severity, one.message.clone()))
    };
    let what = "The certificate of the identity provider Okta";
    let expires = |level, rest: &str| Some(("login-certificate-expires".to_owned(), level, format!("{what} {rest}")));
    assert_eq!(at("2026-02-18T11:59:59Z"), None);
    assert_eq!(at("2026-02-18T12:00:00Z"), expires(Severity::Medium, "expires on 2026-03-20 (in 30 days)"));
    assert_eq!(at("2026-03-12T23:59:59Z"), expires(Severity::Medium, "expires on 2026-03-20 (in 7 days)"));
    assert_eq!(at("2026-03-13T00:00:00Z"), expires(Severity::High, "expires on 2026-03-20 (in 7 days)"));
    assert_eq!(at("2026-03-20T11:00:00Z"), expires(Severity::High, "expires on 2026-03-20 (in less than a day)"));
    assert_eq!(at("2026-03-20T12:00:00Z"), expires(Severity::High, "expires on 2026-03-20 (in less than a day)"));
    let (rule, level, message) = at("2026-03-21T12:00:01Z").unwrap();
    assert_eq!((rule.as_str(), level), ("login-certificate-expired", Severity::Critical));
    assert_eq!(message, format!("{what} expired on 2026-03-20 (1 day ago)"));
}

#[test]
fn a_certificate_that_stands_in_several_places_is_told_once_and_keeps_its_fingerprint() {
    let both = serde_json::json!({ "name": "Okta", "certificate": bare(LOGIN), "certificates": [LOGIN, ROOT] });
    let all = serde_json::json!({ "name": "okta", "certificates": [LOGIN.replace('\n', "\r\n")] });
    let entities = [("identityproviders.okta", "o1", both), ("identityproviders.all", "o1", all)];
    let findings = found(&entities, "2026-03-02T08:00:00Z");
    let [finding] = findings.as_slice() else { panic!("{findings:#?}") };
    let evidence: Vec<(&str, &str)> = finding.evidence.iter().map(|one| (&*one.name, &*one.text)).collect();
    let digest = evidence.iter().find(|(name, _)| *name == "sha256").unwrap().1;
    assert_eq!(
        evidence,
        [
            ("until", "2026-03-20T12:00:00Z"),
            ("subject", "O=Example,CN=login.example.com"),
            ("issuer", "O=Example,CN=login.example.com"),
            ("serial", "2A"),
            ("sha256", digest),
            ("also at", "identityproviders.okta/o1 certificate"),
            ("also at", "identityproviders.okta/o1 certificates.*"),
        ]
    );
    assert!(matches!(&finding.subject, Subject::Entity { domain, .. } if domain.as_str() == "identityproviders.all"));
    assert_eq!(found(&[okta(LOGIN)], "2026-03-19T08:00:00Z")[0].fingerprint, finding.fingerprint);
    assert_ne!(found(&[okta(LOGIN)], "2026-03-22T08:00:00Z")[0].fingerprint, finding.fingerprint);
}

#[test]
fn a_chain_has_an_end_for_each_certificate() {
    let chain = format!("Root\n{ROOT}\nLogin\n{LOGIN}");
    assert_eq!(certificates(&chain).unwrap().len(), 2);
    let authority = serde_json::json!({ "name": "Ours", "certificate": chain });
    let findings = found(&[("telephony.certificate-authorities", "a1", authority)], "2056-01-01T00:00:00Z");
    let ends: Vec<&str> = findings.iter().map(|one| one.evidence[0].text.as_str()).collect();
    assert_eq!(ends, ["2026-03-20T12:00:00Z", "2055-01-01T00:00:00Z"]);
}

#[test]
fn what_is_no_certificate_is_told_as_not_known_and_never_breaks_anything() {
    let truncated = &LOGIN[..300];
    let wrong = ["no certificate", "====", truncated, "-----BEGIN CERTIFICATE-----", &format!("{truncated}{LOGIN}")];
    for text in wrong {
        let findings = found(&[okta(text)], "2026-03-02T08:00:00Z");
        let message = "The certificate of the identity provider Okta cannot be read, so when it is over is not known";
        assert_eq!(told(&findings), [("login-certificate-unreadable", Severity::Low, message)], "{text}");
    }
    for nothing in ["", " \n", "-----BEGIN CERTIFICATE----------END CERTIFICATE-----"] {
        assert!(certificates(nothing).is_none(), "{nothing:?}");
    }
    assert!(found(&[okta("")], "2026-03-02T08:00:00Z").is_empty());
    let hidden = serde_json::json!({ "$secret": format!("hmac-sha256:{}", "a".repeat(64)) });
    let secret = serde_json::json!({ "name": "Okta", "certificate": hidden });
    assert!(found(&[("identityproviders.okta", "okta", secret)], "2026-03-02T08:00:00Z").is_empty());
}

#[test]
fn clients_and_trusted_organisations_end_at_an_instant() {
    let client =
        |day: &str| serde_json::json!({ "name": "CRM", "dateToDelete": format!("2026-03-{day}T00:00:00.000Z") });
    let trustee = serde_json::json!({ "dateExpired": "2026-03-01T00:00:00Z" });
    let entities = [
        ("oauth.clients", "c1", client("05")),
        ("oauth.clients", "c2", client("30")),
        ("oauth.clients", "c3", serde_json::json!({ "name": "Other", "dateToDelete": "soon" })),
        ("orgauthorization.trustees", "t1", trustee),
    ];
    assert_eq!(
        told(&found(&entities, "2026-03-02T08:00:00Z")),
        [
            ("oauth-client-expires", Severity::High, "The OAuth client CRM expires on 2026-03-05 (in 2 days)"),
            ("oauth-client-expires", Severity::Medium, "The OAuth client CRM expires on 2026-03-30 (in 27 days)"),
            (
                "oauth-client-unreadable",
                Severity::Low,
                "The OAuth client Other cannot be read, so when it is over is not known"
            ),
            (
                "trustee-access-expired",
                Severity::Low,
                "The access of the trusted organisation t1 expired on 2026-03-01 (1 day ago)"
            ),
        ]
    );
}

/// Whether the schema of a domain knows a path.
fn is_known(catalogue: &Catalogue, id: &DomainId, path: &crate::catalogue::FieldPath) -> bool {
    let shape = &catalogue.get(id).unwrap().shape;
    let step = |at: Option<ShapeId>, segment: &Segment| match segment {
        Segment::Name(name) => shape.step(at?, Some(name)),
        Segment::Each | Segment::Pattern(_) => shape.step(at?, None),
    };
    path.segments().iter().fold(Some(shape.entity()), step).is_some()
}

#[test]
fn every_end_is_at_a_place_that_the_schema_of_a_domain_has() {
    let (catalogue, ends) = (Catalogue::built_in().unwrap(), ends());
    let concerned: Vec<&DomainId> = catalogue.names().filter(|id| ends.concern(id)).collect();
    assert!(concerned.len() > 10);
    let mut lacking: Vec<String> = Vec::new();
    for id in concerned {
        let paths = ends.paths(id);
        if !paths.iter().any(|path| is_known(&catalogue, id, path)) {
            lacking.push(id.to_string());
        }
    }
    // The platform's own login has no certificate.
    assert_eq!(lacking, ["identityproviders.purecloud"]);
    for id in ["oauth.clients", "orgauthorization.trustees", "telephony.certificate-authorities"] {
        assert!(ends.concern(&id.parse().unwrap()), "{id}");
    }
}

#[test]
fn a_file_of_ends_that_cannot_be_used_is_refused() {
    let whole = embedded_file("expiry/ends.toml").unwrap();
    assert!(matches!(Ends::read(&whole.replace("what =", "waht =")), Err(EndsError::Malformed(_))));
    let error = Ends::read(&whole.replace("oauth.clients", "oauth.{clients")).unwrap_err();
    assert_eq!(error, EndsError::Glob("oauth.{clients".to_owned()));
}
