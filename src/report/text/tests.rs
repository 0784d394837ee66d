use super::super::sample;
use super::*;
use crate::model::Severity;

fn rendered(set: &ChangeSet, style: Style) -> String {
    let mut out = Vec::new();
    render(set, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn everything_that_changed_is_told() {
    insta::assert_snapshot!(rendered(&sample::change_set(), Style::Plain), @r#"
    5 changes: 1 critical, 2 high, 2 low
    From aaaaaaaaaaaa (2026-03-02T10:00:00Z) to bbbbbbbbbbbb (2026-03-02T10:15:00Z)
    Captured for the first time: routing.languages, 1 entity
    Captured for the first time: users.users, 10,000 entities
    New in the API: routing.queues /agentAssist, /rings/*/x
    Stored anew: oauth.clients (schema-migration, rekey)
    Coverage: telephony.trunks was complete, is forbidden
    Not judged: rule trunk-disabled could not be told for telephony.trunks: no such key: state

    CRITICAL removed routing.queues "VIP | `a` ``b`` </details><img src=x> [x](http://e.example) @admins #1\n# \u001b[31m\u202e" (q1)
      VIP | `a` ``b`` </details><img src=x> [x](http://e.example) @admins #1\n# \u001b[31m\u202e was removed
        - name: "see the change"
      rule: routing-queues-removed
      remedy: Check that it was asked for; put the old state back if it was not.

    HIGH modified routing.queues "Support EN" (q2)
      The routing of Support EN changed
      It reaches at least 3 DIDs, 14 flows, 212 agents
        ~ acwSettings.timeoutMs: 30000 → 10000
        - description: "was\u001b[2J|\\" [medium, routing-queues-modified]
        ~ limit: 123456789012345678901234567890 → 1.5
        + memberGroups[Team | A]: {"id":"g1","type":"GROUP"}
        + notes: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" … (2,341 more characters) [medium, routing-queues-modified]
        ~ queueFlow.id: "f1" ("Day") → "f2" ("Night`s")
        ~ script:
            … 2 unchanged lines
              step 3
              step 4
              step 5
            - step 6
            + step ```6
              step 7
              step 8
              step 9
            … 3 unchanged lines
        ~ sip: secret changed
      rule: queue-routing
      remedy: Check that it was asked for; put the old state back if it was not.

    HIGH recreated users.users "Ada" (u9)
      Ada was removed and made again
      It was u7 and is u9 now
      1,204 references elsewhere follow it
        ~ title: "Agent" → "Administrator"
      rule: users-users-recreated
      remedy: Check that it was asked for; put the old state back if it was not.

    LOW removed routing.queue-members "VIP · Ada" (q1:u1)
      VIP · Ada was removed
      It went with its parent q1
        - id: "u1"
        - joined: true
        - ringNumber: 1
      rule: routing-queue-members-removed
      remedy: Check that it was asked for; put the old state back if it was not.

    LOW added routing.skills "Latin" (s1)
      Latin was added
        + aa: secret
        + m00: 0
        + m01: 1
        + m02: 2
        + m03: 3
        + m04: 4
        + m05: 5
        + m06: 6
        … and 5 more members
      rule: routing-skills-added
      remedy: Check that it was asked for; put the old state back if it was not.
    "#);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let set = sample::change_set();
    let coloured = rendered(&set, Style::Colour);
    let escapes = coloured.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m'));
    assert!(escapes.clone().all(|(code, _)| code.chars().all(|c| c.is_ascii_digit() || c == ';')));
    let without: String = coloured
        .split("\u{1b}[")
        .enumerate()
        .map(|(at, rest)| if at == 0 { rest } else { &rest[rest.find('m').unwrap() + 1..] })
        .collect();
    assert_eq!(without, rendered(&set, Style::Plain));
    assert!(
        coloured.lines().filter(|line| line.contains('\u{1b}')).all(|line| line
            .rsplit("\u{1b}[")
            .next()
            .unwrap()
            .starts_with("0m"))
    );
}

#[test]
fn nothing_of_the_organisation_reaches_the_terminal_as_control() {
    let plain = rendered(&sample::change_set(), Style::Plain);
    assert!(plain.chars().all(|c| c == '\n' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))));
}

#[test]
fn what_is_left_out_is_counted() {
    let set = sample::change_set().at_least(Severity::Critical);
    let text = rendered(&set, Style::Plain);
    let head: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(head, ["1 change: 1 critical", "4 changes below critical are left out"]);
    assert_eq!(rendered(&ChangeSet::default(), Style::Plain), "No changes\n");
}

#[test]
fn an_entity_without_a_name_goes_by_its_key() {
    let mut set = sample::change_set();
    set.changes[0].name = None;
    let text = rendered(&set, Style::Plain);
    assert_eq!(text.lines().find(|line| line.starts_with("CRITICAL")), Some("CRITICAL removed routing.queues q1"));
}
