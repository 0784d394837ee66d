use super::super::json::assert_follows;
use super::*;
use crate::catalogue::Catalogue;
use crate::policy::{Layer, Policy, Production, built_in_rules, user_rules};

fn rendered(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const MEMBERS: &str = r#"
about = "Who takes interactions from which queue."
schema_version = 2
tier = "deep"
terraform = ["genesyscloud_routing_queue"]
[source]
path = "/api/v2/routing/queues/{queueId}/members"
paging = "page-number"
page_size = 1000
parent = "routing.queues"
detail = "/api/v2/routing/queues/{queueId}/members/{id}"
permission = ["routing:queue:view", "routing:queueMember:manage"]
[identity]
key = ["$parent", "id"]
name = "name"
natural = ["id", "name"]
[treat]
volatile = ["selfUri"]
state = ["joined", "routingStatus"]
secret = ["pin"]
[treat.sets]
"skills" = "id"
[references]
"id" = "users.users"
"skills.*" = { domain = ["routing.skills", "routing.languages"] }
[risk]
added = "medium"
removed = "medium"
modified = "high"
"#;

const RULES: &str = r#"
[[rule]]
id = "own-hours"
level = "low"
message = "{name} \u001b[2J"
remedy = "Wait."
[[rule]]
id = "own-queue"
level = "critical"
match = { domain = "routing.queues", kind = "modified", path = "/name", entity = "VIP*", division = "Home" }
when = """
has(entity.name)
  && entity.name != ''
"""
message = "{name} has another name"
remedy = "Ask who did it."
"#;

fn members() -> Domain {
    let schema = r#"{"properties": {"entities": {"additionalProperties": {}}}}"#;
    Domain::read("routing.queue-members".parse().unwrap(), "members.toml", MEMBERS, "members.v1.json", schema).unwrap()
}

fn own_rules() -> Vec<RuleSummary> {
    let rules = user_rules("rules.toml", RULES, &Catalogue::built_in().unwrap()).unwrap();
    rules.iter().map(|rule| rule.summary(Layer::User)).collect()
}

#[test]
fn the_documents_follow_their_schemas() {
    let catalogue = Catalogue::built_in().unwrap();
    assert_follows("domains.v1.json", &rendered(|out| domains_json(catalogue.iter(), out)));
    let built_in = built_in_rules(&catalogue).unwrap();
    let rules = Policy::new(&catalogue, built_in, Vec::new(), Production::default()).rules();
    assert_follows("rules.v1.json", &rendered(|out| rules_json(&rules, out)));
    assert_follows("rules.v1.json", &rendered(|out| rules_json(&own_rules(), out)));
}

#[test]
fn domains_are_listed_in_a_table() {
    insta::assert_snapshot!(rendered(|out| domains_text([&members(), &members()], out)), @r#"
    DOMAIN                 TIER  ABOUT
    routing.queue-members  deep  Who takes interactions from which queue.
    routing.queue-members  deep  Who takes interactions from which queue.
    "#);
}

#[test]
fn a_domain_is_explained() {
    insta::assert_snapshot!(rendered(|out| explain_domain(&members(), out)), @r#"
    routing.queue-members
    Who takes interactions from which queue.

    tier               deep
    schema version     2
    read from          /api/v2/routing/queues/{queueId}/members (page-number, 1,000 a page)
    one entity         /api/v2/routing/queues/{queueId}/members/{id}
    parent             routing.queues
    permission         routing:queue:view or routing:queueMember:manage
    key                the parent's key, id
    name               name
    natural key        id, name
    risk               added medium, removed medium, modified high, recreated medium
    secret             pin
    sets               skills by id
    refers to          id → users.users
                       skills.* → routing.skills or routing.languages
    volatile, dropped  selfUri
    state, dropped     joined
                       routingStatus
    CX as Code         genesyscloud_routing_queue
    defined in         members.toml
    "#);
}

#[test]
fn rules_are_listed_in_a_table() {
    insta::assert_snapshot!(rendered(|out| rules_text(&own_rules(), out)), @r"
    RULE       LEVEL     LAYER  MESSAGE
    own-hours  low       user   {name} \u001b[2J
    own-queue  critical  user   {name} has another name
    ");
}

#[test]
fn a_rule_is_explained() {
    insta::assert_snapshot!(rendered(|out| explain_rule(&own_rules()[1], out)), @r#"
    own-queue

    level     critical
    layer     user
    domain    routing.queues
    kind      modified
    path      /name
    entity    VIP*
    division  Home
    when      has(entity.name)
                && entity.name != ''
    message   {name} has another name
    remedy    Ask who did it.
    "#);
}
