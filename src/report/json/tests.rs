use super::super::sample;
use super::*;
use crate::catalogue::embedded_file;
use crate::model::Severity;

fn rendered(set: &ChangeSet) -> String {
    let mut out = Vec::new();
    render(set, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Fails unless a document is what a schema under `schemas/output/` says.
pub(in crate::report) fn assert_follows(schema: &str, document: &str) {
    let schema = embedded_file(&format!("output/{schema}")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let document = serde_json::from_str(document).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(problems, [""; 0]);
}

#[test]
fn the_document_follows_its_schema() {
    let set = sample::change_set();
    assert_follows("changes.v1.json", &rendered(&set));
    assert_follows("changes.v1.json", &rendered(&set.at_least(Severity::High)));
    assert_follows("changes.v1.json", &rendered(&ChangeSet::default()));
}

#[test]
fn the_document_says_everything_losslessly() {
    let mut set = sample::change_set().at_least(Severity::High);
    set.changes.retain(|change| change.change.key.as_str() != "q1");
    set.changes[0].fields.retain(|field| ["/limit", "/script", "/sip"].contains(&field.field.path.as_str()));
    insta::assert_snapshot!(rendered(&set), @r#"
    {
      "schema_version": 1,
      "from": {
        "commit": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "taken_at": "2026-03-02T10:00:00Z"
      },
      "to": {
        "commit": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "taken_at": "2026-03-02T10:15:00Z"
      },
      "counts": {
        "critical": 0,
        "high": 2,
        "medium": 0,
        "low": 0
      },
      "left_out": {
        "below": "high",
        "changes": 2
      },
      "baselines": {
        "routing.languages": 1,
        "users.users": 10000
      },
      "new_fields": {
        "routing.queues": [
          "/agentAssist",
          "/rings/*/x"
        ]
      },
      "migrations": {
        "oauth.clients": [
          "schema-migration",
          "rekey"
        ]
      },
      "coverage": {
        "telephony.trunks": {
          "from": "complete",
          "to": "forbidden"
        }
      },
      "unjudged": [
        "rule trunk-disabled could not be told for telephony.trunks: no such key: state"
      ],
      "acknowledged": {},
      "changes": [
        {
          "fingerprint": "6dca87b7d285193e",
          "domain": "routing.queues",
          "kind": "modified",
          "entity": {
            "id": "q2",
            "name": "Support EN"
          },
          "severity": "high",
          "rule": "queue-routing",
          "message": "The routing of Support EN changed",
          "remedy": "Check that it was asked for; put the old state back if it was not.",
          "explained": "not-covered",
          "actors": [],
          "reach": {
            "counts": {
              "architect.flows": 14,
              "telephony.dids": 3,
              "users.users": 212
            },
            "whole": false
          },
          "fields": [
            {
              "path": "/limit",
              "kind": "modified",
              "old": 123456789012345678901234567890,
              "new": 1.5,
              "severity": "high",
              "rule": "queue-routing",
              "actors": [],
              "fingerprint": "092155741204bb20"
            },
            {
              "path": "/script",
              "kind": "modified",
              "old": "step 1\nstep 2\nstep 3\nstep 4\nstep 5\nstep 6\nstep 7\nstep 8\nstep 9\nstep 10\nstep 11\nstep 12",
              "new": "step 1\nstep 2\nstep 3\nstep 4\nstep 5\nstep ```6\nstep 7\nstep 8\nstep 9\nstep 10\nstep 11\nstep 12",
              "text_diff": "@@ -3,7 +3,7 @@\n step 3\n step 4\n step 5\n-step 6\n+step ```6\n step 7\n step 8\n step 9\n",
              "severity": "high",
              "rule": "queue-routing",
              "actors": [],
              "fingerprint": "79a7046356d65b4a"
            },
            {
              "path": "/sip",
              "kind": "modified",
              "old": {
                "$secret": "hmac-sha256:1111111111111111111111111111111111111111111111111111111111111111"
              },
              "new": {
                "$secret": "hmac-sha256:2222222222222222222222222222222222222222222222222222222222222222"
              },
              "severity": "high",
              "rule": "queue-routing",
              "actors": [],
              "fingerprint": "7f4fec9c236487a6"
            }
          ]
        },
        {
          "fingerprint": "374bb0225abaf279",
          "domain": "users.users",
          "kind": "recreated",
          "entity": {
            "id": "u9",
            "name": "Ada"
          },
          "previous_id": "u7",
          "followers": 1204,
          "severity": "high",
          "rule": "users-users-recreated",
          "message": "Ada was removed and made again",
          "remedy": "Check that it was asked for; put the old state back if it was not.",
          "explained": "not-covered",
          "actors": [],
          "fields": [
            {
              "path": "/title",
              "kind": "modified",
              "old": "Agent",
              "new": "Administrator",
              "severity": "high",
              "rule": "users-users-recreated",
              "actors": [],
              "fingerprint": "abf63d09196b4309"
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn a_removed_entity_is_there_as_a_whole() {
    let mut set = ChangeSet { changes: sample::change_set().changes, ..ChangeSet::default() };
    set.changes.retain(|change| change.change.because.is_some());
    insta::assert_snapshot!(rendered(&set), @r#"
    {
      "schema_version": 1,
      "from": null,
      "to": null,
      "counts": {
        "critical": 0,
        "high": 0,
        "medium": 0,
        "low": 1
      },
      "left_out": null,
      "baselines": {},
      "new_fields": {},
      "migrations": {},
      "coverage": {},
      "unjudged": [],
      "acknowledged": {},
      "changes": [
        {
          "fingerprint": "d76384177a14925d",
          "domain": "routing.queue-members",
          "kind": "removed",
          "entity": {
            "id": "q1:u1",
            "name": "VIP · Ada"
          },
          "because": "q1",
          "severity": "low",
          "rule": "routing-queue-members-removed",
          "message": "VIP · Ada was removed",
          "remedy": "Check that it was asked for; put the old state back if it was not.",
          "explained": "not-covered",
          "actors": [],
          "value": {
            "id": "u1",
            "joined": true,
            "ringNumber": 1
          }
        }
      ]
    }
    "#);
}
