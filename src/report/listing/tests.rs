use super::super::json::assert_follows;
use super::*;
use crate::catalogue::{Catalogue, Origin};
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
    let mut own = members();
    own.file = "orgtrail.d/routing/queue-members.toml".to_owned();
    own.origin = Origin::Overridden;
    insta::assert_snapshot!(rendered(|out| domains_text([&members(), &own], out)), @r"
    DOMAIN                 TIER  REQUESTS                                PERMISSION                                        ORIGIN                                             ABOUT
    routing.queue-members  deep  1 per 1000, for each of routing.queues  routing:queue:view or routing:queueMember:manage  built-in                                           Who takes interactions from which queue.
    routing.queue-members  deep  1 per 1000, for each of routing.queues  routing:queue:view or routing:queueMember:manage  overridden: orgtrail.d/routing/queue-members.toml  Who takes interactions from which queue.
    ");
}

#[test]
fn a_domain_is_explained() {
    insta::assert_snapshot!(rendered(|out| explain_domain(&members(), out)), @r"
    routing.queue-members
    Who takes interactions from which queue.

    tier            deep: captured with `--tier deep`, or where [capture] says so
    origin          built-in
    defined in      members.toml
                    members.v1.json
    schema version  2
    treatment       daa91799e36ae2ab35e9ab28bba318f53c6e8f746a9e2e67b61ab58bbbe67a27
    CX as Code      genesyscloud_routing_queue
    listing         GET /api/v2/routing/queues/{queueId}/members
    paging          page-number, 1,000 a page, in entities; the reply says how many there are
    parent          routing.queues, for each of which there is a listing
    taken of it     its key → {queueId}
    one entity      GET /api/v2/routing/queues/{queueId}/members/{id}
    permission      any of: routing:queue:view, routing:queueMember:manage
    removal         what two listings in a row lack is gone if its own read answers 404
    key             the parent's key, id
    name            name
    natural key     id, name: an entity with the same under another key was made again
    volatile        dropped, as it changes by itself and says nothing:
                      selfUri
    state           dropped, as it is what is going on, not what is configured:
                      joined
                      routingStatus
    secret          replaced by a keyed fingerprint:
                      pin
    sets            sorted, as their order means nothing:
                      skills, by id
    references      kept without what they copy from their target:
                      id → users.users
                      skills.* → routing.skills or routing.languages
    risk            added medium, removed medium, modified high, recreated medium
    ");
}

/// Three domains of one family in one text, apart by lines of `---`: between them they use every word of the grammar.
const GRAMMAR: &str = r#"
about = "Versions of a plan."
schema_version = 3
tier = "content"
[source]
path = "/api/v2/plans/{planId}/versions/{versionId}"
paging = "singleton"
parent = "plans.plans"
bind = { planId = "$2", versionId = "published.id", kind = "$key" }
stamp = ["versionId"]
immutable = true
optional = true
permission = ["plans:plan:view", "plans:version:view"]
permission_mode = "all"
[identity]
key = ["$parent", "versionId"]
live = "id"
[treat]
metadata = ["by"]
copied = ["plan.name"]
personal = ["by.name"]
[references]
"plan" = { domain = "plans.plans", keep = ["order"] }
[risk]
added = "low"
removed = "low"
modified = "low"
"modified /plan/**" = "high"
"modified /by" = "medium"
[audit]
service = "Plans"
entity = "Version"
---
about = "Plans."
schema_version = 1
tier = "standard"
[source]
path = "/api/v2/plans/query"
paging = "cursor"
page_size = 50
cursor = "page"
size = "limit"
next = "cursors.after"
body = { filters = [{ name = "state" }] }
query = { order = "asc" }
passes = [{ state = "open", kind = "a" }, { state = "closed" }]
entities = "plans"
detail = "/api/v2/plans/{id}"
detail_query = { expand = "all" }
read_detail = true
[removal]
query = { state = "deleted" }
gone_when = { state = "deleted", gone = true }
not_found_proves = false
[identity]
key = ["id"]
random_uuid = true
[treat.sets]
"tags" = "."
"steps.*.groups" = ["id", "type"]
[risk]
added = "low"
removed = "low"
modified = "low"
---
about = "Where plans are kept."
schema_version = 1
tier = "standard"
[source]
path = "/api/v2/plans/places"
paging = "unpaged"
text_items = "place"
[identity]
key = ["place"]
[risk]
added = "low"
removed = "low"
modified = "low"
"#;

#[test]
fn a_domain_is_explained_with_every_word_of_the_grammar() {
    let schema = r#"{"properties": {"entities": {"additionalProperties": {}}}}"#;
    let mut explained = String::new();
    for (name, text) in ["plans.versions", "plans.plans", "plans.places"].iter().zip(GRAMMAR.split("---")) {
        let file = name.replace('.', "/");
        let (file, schema_file) = (format!("orgtrail.d/{file}.toml"), format!("orgtrail.d/{file}.v1.json"));
        let mut domain = Domain::read(name.parse().unwrap(), &file, text, &schema_file, schema).unwrap();
        domain.origin = Origin::Added;
        explained.push_str(&rendered(|out| explain_domain(&domain, out)));
        explained.push_str("---\n");
    }
    insta::assert_snapshot!(explained, @r#"
    plans.versions
    Versions of a plan.

    tier            content: captured with `--tier content`, or where [capture] says so
    origin          added
    defined in      orgtrail.d/plans/versions.toml
                    orgtrail.d/plans/versions.v1.json
    schema version  3
    treatment       eaeda231d403bdd0c8dd28bfbf4c2d5472af816e97d84a305b9f2c9d1d679ea4
    listing         GET /api/v2/plans/{planId}/versions/{versionId}
    paging          singleton: the reply is the entity
    parent          plans.plans, for each of which there is a listing
    taken of it     its key → parameter kind
                    part 2 of its key → {planId}
                    published.id → {versionId}
    stamped         versionId, stored with the entity
    immutable       an answer never changes: it is read once and carried forward
    optional        404 says that there is none
    permission      all of: plans:plan:view, plans:version:view
    removal         what two listings in a row lack is gone
    key             the parent's key, versionId
    in production   an entity that has id, unless [production] says otherwise
    metadata        dropped, as it is who and when, not what:
                      by
    copied          dropped, as it is copied from what the entity relates to:
                      plan.name
    personal        tells about a person:
                      by.name
    references      kept without what they copy from their target:
                      plan → plans.plans, with order
    risk            added low, removed low, modified low, recreated low
                    modified /plan/** high
                    modified /by medium
    audit log       service Plans, entity Version
    ---
    plans.plans
    Plans.

    tier            standard: captured by every run
    origin          added
    defined in      orgtrail.d/plans/plans.toml
                    orgtrail.d/plans/plans.v1.json
    schema version  1
    treatment       958ae5511a6402f54ff0e17a420b105e8f2e4bab357c14f1dec85508607e373a
    listing         POST /api/v2/plans/query, a query that changes nothing
    paging          cursor, 50 a page, in plans; the cursor goes into page and comes from cursors.after, the size goes into limit
    body            {"filters":[{"name":"state"}]}
    parameters      order = asc
    passes          kind = a, state = open
                    state = closed
    one entity      GET /api/v2/plans/{id}, which gives the stored form
    with            expand = all
    permission      the API names none
    removal         what two listings in a row lack is gone if its own read with state = deleted says gone = true and state = deleted; 404 proves nothing, as that read does not see every state
    key             id; begins with a random UUID
    sets            sorted, as their order means nothing:
                      steps.*.groups, by id and type
                      tags, of plain values
    risk            added low, removed low, modified low, recreated low
    ---
    plans.places
    Where plans are kept.

    tier            standard: captured by every run
    origin          added
    defined in      orgtrail.d/plans/places.toml
                    orgtrail.d/plans/places.v1.json
    schema version  1
    treatment       2a3d89f640e8d34a92dd0d9d396577d98e83a2d3215ec19c9a43c6bbdb153e1c
    listing         GET /api/v2/plans/places
    paging          unpaged: all at once, in entities
    items           texts, each stored as place
    permission      the API names none
    removal         what two listings in a row lack is gone
    key             place
    risk            added low, removed low, modified low, recreated low
    ---
    "#);
}

#[test]
fn rules_are_listed_in_a_table() {
    insta::assert_snapshot!(rendered(|out| rules_text(&own_rules(), out)), @r"
    RULE       LEVEL     LAYER  LOOKS AT  MESSAGE
    own-hours  low       user   changes   {name} \u001b[2J
    own-queue  critical  user   changes   {name} has another name
    ");
}

#[test]
fn a_rule_is_explained() {
    insta::assert_snapshot!(rendered(|out| explain_rule(&own_rules()[1], out)), @r"
    own-queue

    level     critical
    layer     user
    looks at  changes
    domain    routing.queues
    kind      modified
    path      /name
    entity    VIP*
    division  Home
    when      has(entity.name)
                && entity.name != ''
    message   {name} has another name
    remedy    Ask who did it.
    ");
}
