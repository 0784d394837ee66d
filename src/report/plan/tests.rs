use std::collections::{BTreeMap, BTreeSet};

use super::super::json::assert_follows;
use super::*;
use crate::estimate::AllowedRate;

fn domain(pages: u64, details: u64, told: Told) -> DomainEstimate {
    DomainEstimate {
        is_selected: true,
        told,
        parents: None,
        entities: Some(1),
        pages,
        details,
        is_portioned: false,
        is_read_twice: false,
        proof: Proof::Read,
        trouble: None,
    }
}

fn estimate() -> Estimate {
    let queues = DomainEstimate { is_selected: false, ..domain(4, 0, Told::Recorded) };
    let members = DomainEstimate {
        parents: Some(1_200),
        is_portioned: true,
        proof: Proof::Listing,
        ..domain(1_200, 0, Told::Assumed)
    };
    let refused = "could not read /api/v2/x: the login lacks x:y:view\u{1b}[2J";
    let trunks = DomainEstimate {
        entities: None,
        is_read_twice: true,
        proof: Proof::Nothing,
        trouble: Some(refused.to_owned()),
        ..domain(1, 0, Told::Counted)
    };
    let domains = [
        ("routing.queue-members", members),
        ("routing.queues", queues),
        ("telephony.trunks", trunks),
        ("users.users", domain(20, 50, Told::Counted)),
    ];
    Estimate {
        own: 2,
        domains: domains.into_iter().map(|(id, domain)| (id.parse().unwrap(), domain)).collect::<BTreeMap<_, _>>(),
        portion: 500,
        resting: BTreeSet::from(["architect.flow-versions".parse().unwrap()]),
        rate: Some(AllowedRate { allowed: 300, used: 240 }),
    }
}

fn rendered(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_costliest_domain_is_first_and_the_total_last() {
    insta::assert_snapshot!(rendered(|out| render_text(&estimate(), Style::Plain, out)), @r#"
    DOMAIN                 REQUESTS  PARENTS  PAGES  DETAILS  TOLD
    routing.queue-members     1,200    1,200  1,200        0  assumed
    users.users                  70              20       50  counted
    routing.queues                4               4        0  recorded
    telephony.trunks              1               1        0  counted
    the run itself                2
    total of this run           577

    At 240 of the 300 requests a minute that the API allows: 2 min 25 s
    Captured portion by portion, 500 requests a run at most, 1,200 in 3 runs to the end of the round: routing.queue-members
    Captured on another day, as their last round is not long ago: architect.flow-versions
    Listed for the sake of those below them: routing.queues
    Read twice, as only that tells a short first listing: telephony.trunks
    Assumed, as nothing tells how much there is: routing.queue-members
    A removal is confirmed by a second listing alone: routing.queue-members
    Nothing confirms a removal: telephony.trunks
    telephony.trunks: could not read /api/v2/x: the login lacks x:y:view\u001b[2J
    "#);
}

#[test]
fn the_markdown_says_the_same() {
    insta::assert_snapshot!(rendered(|out| render_markdown(&estimate(), out)), @r#"
    ## 577 requests

    At 240 of the 300 requests a minute that the API allows: 2 min 25 s

    | Domain | Requests | Parents | Pages | Details | Told |
    |---|---:|---:|---:|---:|---|
    | `routing.queue-members` | 1,200 | 1,200 | 1,200 | 0 | assumed |
    | `users.users` | 70 |  | 20 | 50 | counted |
    | `routing.queues` | 4 |  | 4 | 0 | recorded |
    | `telephony.trunks` | 1 |  | 1 | 0 | counted |
    | the run itself | 2 |  |  |  |  |

    - Captured portion by portion, 500 requests a run at most, 1,200 in 3 runs to the end of the round: `routing.queue-members`
    - Captured on another day, as their last round is not long ago: `architect.flow-versions`
    - Listed for the sake of those below them: `routing.queues`
    - Read twice, as only that tells a short first listing: `telephony.trunks`
    - Assumed, as nothing tells how much there is: `routing.queue-members`
    - A removal is confirmed by a second listing alone: `routing.queue-members`
    - Nothing confirms a removal: `telephony.trunks`
    - `telephony.trunks`: could not read `/api/v2/x`: the login lacks `x:y:view\u001b[2J`
    "#);
}

#[test]
fn the_document_follows_its_schema() {
    let text = rendered(|out| render_json("org", &estimate(), out));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_follows("plan.v1.json", &text);
    assert_eq!(document["requests"], 2 + 500 + 4 + 1 + 70);
    assert_eq!(document["seconds"], 145);
    assert_eq!(document["portion"]["runs"], 3);
}

#[test]
fn time_is_spelled_in_two_units_at_most() {
    let spelled = |seconds| super::spelled(Duration::from_secs(seconds));
    assert_eq!(
        [0, 59, 60, 3_599, 20_000_000].map(spelled),
        ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "5,555 h 33 min"]
    );
}
