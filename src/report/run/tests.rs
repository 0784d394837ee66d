use super::super::json::assert_follows;
use super::*;
use crate::model::{Severity, SeverityCounts};
use crate::record::{RunDomain, RunFinding};

fn run() -> RunDocument {
    let domain = |status, entities, expected, cause: Option<&str>| RunDomain {
        received: entities,
        pages: 1,
        status,
        entities,
        expected,
        targeted: false,
        requests: 3,
        cause: cause.map(ToOwned::to_owned),
    };
    let domains = [
        ("routing.queues", domain(RunStatus::Complete, 2_000, Some(2_000), None)),
        ("routing.skills", domain(RunStatus::Skipped, 120, None, None)),
        ("telephony.trunks", domain(RunStatus::Forbidden, 0, None, Some("telephony:plugin:all is missing"))),
        ("users.users", domain(RunStatus::Partial, 9_000, Some(10_000), Some("2,112 removals to confirm\u{1b}[2J"))),
    ];
    RunDocument {
        schema_version: 1,
        run: "20260302T101500Z-1a2b3c4d".to_owned(),
        org: "5f0c1f0a-0000-4000-8000-000000000001".to_owned(),
        commits: vec!["a".repeat(40), "b".repeat(40)],
        changed: true,
        superseded: false,
        counts: SeverityCounts { high: 2, low: 1, ..SeverityCounts::default() },
        baselines: [("routing.queues".parse().unwrap(), 2_000)].into(),
        requests: 1_412,
        duration_ms: 62_345,
        exit_codes: vec![4],
        domains: domains.into_iter().map(|(id, domain)| (id.parse().unwrap(), domain)).collect(),
        findings: vec![RunFinding {
            rule: "coverage-lost".to_owned(),
            actors: Vec::new(),
            severity: Severity::High,
            domain: Some("telephony.trunks".parse().unwrap()),
            entity: None,
            place: None,
            message: "telephony.trunks was complete and is forbidden".to_owned(),
            remedy: "Give the client the permission back.".to_owned(),
        }],
    }
}

fn quiet_run() -> RunDocument {
    RunDocument {
        commits: Vec::new(),
        changed: false,
        superseded: false,
        counts: SeverityCounts::default(),
        baselines: [].into(),
        domains: run().domains.into_iter().take(1).collect(),
        duration_ms: 12_345,
        exit_codes: vec![0],
        findings: Vec::new(),
        ..run()
    }
}

fn rendered(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_run_says_what_it_did_and_what_is_missing() {
    insta::assert_snapshot!(rendered(|out| render_text(&run(), Style::Plain, out)), @r"
    3 changes: 2 high, 1 low
    Run 20260302T101500Z-1a2b3c4d of 5f0c1f0a-0000-4000-8000-000000000001
    Committed aaaaaaaaaaaa bbbbbbbbbbbb
    Captured for the first time: routing.queues, 2,000 entities
    1 of 4 domains complete, 1,412 requests in 1 min 2 s

    DOMAIN            STATUS     ENTITIES         CAUSE
    routing.skills    skipped    120
    telephony.trunks  forbidden  0                telephony:plugin:all is missing
    users.users       partial    9,000 of 10,000  2,112 removals to confirm\u001b[2J

    partial: what did not come stays as it was on record; the next run goes on from here
    forbidden: grant the permission (`orgtrail doctor --role` prints the role), or accept it under [coverage]

    HIGH coverage-lost telephony.trunks
      telephony.trunks was complete and is forbidden
      remedy: Give the client the permission back.
    ");
}

#[test]
fn a_run_without_anything_new_is_short() {
    insta::assert_snapshot!(rendered(|out| render_text(&quiet_run(), Style::Plain, out)), @r#"
    No changes
    Run 20260302T101500Z-1a2b3c4d of 5f0c1f0a-0000-4000-8000-000000000001
    Nothing to commit
    1 of 1 domain complete, 1,412 requests in 12.3 s
    "#);
}

#[test]
fn the_document_follows_its_schema() {
    for run in [run(), quiet_run()] {
        assert_follows("run.v1.json", &rendered(|out| render_json(&run, out)));
    }
}

#[test]
fn the_document_says_everything() {
    insta::assert_snapshot!(rendered(|out| render_json(&run(), out)), @r#"
    {
      "schema_version": 1,
      "run": "20260302T101500Z-1a2b3c4d",
      "org": "5f0c1f0a-0000-4000-8000-000000000001",
      "commits": [
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      ],
      "changed": true,
      "counts": {
        "critical": 0,
        "high": 2,
        "medium": 0,
        "low": 1
      },
      "baselines": {
        "routing.queues": 2000
      },
      "requests": 1412,
      "duration_ms": 62345,
      "exit_codes": [
        4
      ],
      "domains": {
        "routing.queues": {
          "status": "complete",
          "entities": 2000,
          "expected": 2000,
          "received": 2000,
          "pages": 1,
          "requests": 3
        },
        "routing.skills": {
          "status": "skipped",
          "entities": 120,
          "expected": null,
          "received": 120,
          "pages": 1,
          "requests": 3,
          "cause": "skipped"
        },
        "telephony.trunks": {
          "status": "forbidden",
          "entities": 0,
          "expected": null,
          "received": 0,
          "pages": 1,
          "requests": 3,
          "cause": "telephony:plugin:all is missing"
        },
        "users.users": {
          "status": "partial",
          "entities": 9000,
          "expected": 10000,
          "received": 9000,
          "pages": 1,
          "requests": 3,
          "cause": "2,112 removals to confirm\u001b[2J"
        }
      },
      "findings": [
        {
          "rule": "coverage-lost",
          "severity": "high",
          "entity": null,
          "message": "telephony.trunks was complete and is forbidden",
          "remedy": "Give the client the permission back.",
          "evidence": {
            "domain": "telephony.trunks"
          },
          "fingerprint": "2a317bd232f53101"
        }
      ]
    }
    "#);
}
