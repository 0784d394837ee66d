use super::*;

const RANGES: &str = r#"about = "The addresses that Genesys Cloud calls from, and can be called at."
schema_version = 1
tier = "standard"
[source]
path = "/api/v2/ipranges"
paging = "unpaged"
[identity]
key = ["region", "service", "direction", "cidr"]
[risk]
added = "high"
removed = "high"
modified = "high"
"#;

const RANGES_SCHEMA: &str = r##"{
  "properties": {
    "domain": { "const": "network.ip-ranges" },
    "schema_version": { "const": 1 },
    "entities": { "type": "object", "additionalProperties": { "$ref": "#/$defs/Range" } }
  },
  "$defs": {
    "Range": {
      "type": "object",
      "properties": {
        "cidr": { "type": "string" },
        "direction": { "type": "string" },
        "region": { "type": "string" },
        "service": { "type": "string" }
      }
    }
  }
}
"##;

fn own(path: &str, text: &str) -> UserFile {
    UserFile { path: format!("{USER_DIR}/{path}"), content: text.as_bytes().to_vec() }
}

fn ranges() -> [UserFile; 2] {
    [own("network/ip-ranges.toml", RANGES), own("network/ip-ranges.v1.json", RANGES_SCHEMA)]
}

fn told(files: &[UserFile]) -> String {
    let problems = Catalogue::with(files).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn id(name: &str) -> DomainId {
    name.parse().unwrap()
}

/// A built-in file with something else in it.
fn changed(path: &str, from: &str, to: &str) -> UserFile {
    let text = embedded_file(path).unwrap();
    assert!(text.contains(from), "{path} lacks {from}");
    own(path, &text.replacen(from, to, 1))
}

#[test]
fn every_built_in_domain_can_be_read() {
    match Catalogue::built_in() {
        Ok(catalogue) => assert!(catalogue.iter().all(|domain| domain.origin == Origin::BuiltIn)),
        Err(problems) => panic!("{problems:#?}"),
    }
}

#[test]
fn two_files_add_a_domain() {
    let catalogue = Catalogue::with(&ranges()).unwrap();
    let domain = catalogue.get(&id("network.ip-ranges")).unwrap();
    assert_eq!(domain.origin, Origin::Added);
    assert_eq!(domain.own_file(), Some("orgtrail.d/network/ip-ranges.toml"));
    assert_eq!(catalogue.iter().count(), Catalogue::built_in().unwrap().iter().count() + 1);
}

#[test]
fn a_file_replaces_the_whole_built_in_one_and_the_other_stays() {
    let built_in = Catalogue::built_in().unwrap();
    let skills = id("routing.skills");
    let before = built_in.get(&skills).unwrap();
    let domain_file = changed("routing/skills.toml", "volatile = [", "volatile = [\"state\", ");
    let schema = changed(
        "routing/skills.v1.json",
        "\"properties\": {\n        ",
        "\"properties\": {\n        \"mood\": {},\n        ",
    );
    for (files, own_file) in [
        (vec![domain_file.clone()], "orgtrail.d/routing/skills.toml"),
        (vec![schema.clone()], "orgtrail.d/routing/skills.v1.json"),
        (vec![domain_file, schema], "orgtrail.d/routing/skills.toml"),
    ] {
        let catalogue = Catalogue::with(&files).unwrap();
        let domain = catalogue.get(&skills).unwrap();
        assert_eq!((domain.origin, domain.own_file()), (Origin::Overridden, Some(own_file)));
        assert_ne!(domain.treatment(), before.treatment(), "{own_file}");
        let others = |catalogue: &Catalogue| {
            let others = catalogue.iter().filter(|domain| domain.id != skills);
            others.map(|domain| (domain.id.clone(), domain.treatment(), domain.origin)).collect::<Vec<_>>()
        };
        assert_eq!(others(&catalogue), others(&built_in));
    }
    let same = changed("routing/skills.toml", "about = ", "about = ");
    let catalogue = Catalogue::with(&[same]).unwrap();
    assert_eq!(catalogue.get(&skills).unwrap().treatment(), before.treatment());
}

#[test]
fn every_mistake_in_two_files_is_told_at_its_line() {
    let domain_file = r#"about = ""
schema_version = 1
tier = "deeep"
terraform = ["genesyscloud_x", "x"]
colour = "red"

[source]
path = "/api/v2/queues/{queueId}/wrap-up{id}"
pagin = "cursor"
paging = "page-number"
page_size = "many"
cursor = "after"
query = { expand = true }
detail = "https://example.com/api/v2/queues"
permission_mode = "both"

[identity]
key = ["id", 3]
name = "nmae"

[treat]
volatile = [
  "selfUri",
  "counters.*.mebers",
]
sets = { "tags" = ["id", "kind"], "labels" = "." }

[references]
"owner" = "users.user"
"division" = { domain = "divisions", kep = ["a"] }

[risk]
added = "hihg"
removed = "low"
changed = "low"
"modified name" = "low"
"modified /tags/*/knd" = "low"
"#;
    let schema = r#"{
  "properties": {
    "domain": { "const": "own.others" },
    "entities": {
      "additionalProperties": {
        "type": "object",
        "properties": {
          "id": { "type": "string" },
          "name": { "type": "strng" },
          "selfUri": { "type": "string" },
          "owner": { "type": "object" },
          "tags": { "type": "array", "items": { "type": "object", "properties": { "id": {}, "kind": {} } } }
        }
      }
    }
  }
}
"#;
    let files = [own("own/things.toml", domain_file), own("own/things.v1.json", schema)];
    insta::assert_snapshot!(told(&files), @r#"
    orgtrail.d/own/things.toml:1: about: the text is empty
    orgtrail.d/own/things.toml:3: tier must be "standard", "deep" or "content", not "deeep"; did you mean "deep"?
    orgtrail.d/own/things.toml:4: each of terraform: "x" is no resource type, whose names begin with genesyscloud_
    orgtrail.d/own/things.toml:5: unknown key "colour"
    orgtrail.d/own/things.toml:8: source.path: "wrap-up{id}" in "/api/v2/queues/{queueId}/wrap-up{id}" is neither a name nor a {placeholder}
    orgtrail.d/own/things.toml:9: unknown key "pagin" in [source]; did you mean "paging"?
    orgtrail.d/own/things.toml:11: source.page_size must be a whole number above zero, not a string
    orgtrail.d/own/things.toml:12: source.cursor has a meaning only where paging is "cursor"
    orgtrail.d/own/things.toml:13: source.query.expand must be a string, not a boolean
    orgtrail.d/own/things.toml:14: source.detail: "https://example.com/api/v2/queues" does not begin with /api/v2/
    orgtrail.d/own/things.toml:15: source.permission_mode must be "any" or "all", not "both"
    orgtrail.d/own/things.toml:18: each of identity.key must be a string, not an integer
    orgtrail.d/own/things.toml:19: identity.name: the schema has no nmae; did you mean "name"?
    orgtrail.d/own/things.toml:24: treat.volatile: the schema has no counters.*.mebers
    orgtrail.d/own/things.toml:26: treat.sets: the schema has no labels
    orgtrail.d/own/things.toml:29: references: there is no domain users.user; did you mean "users.users"?
    orgtrail.d/own/things.toml:30: references.division.domain: "divisions" is not a domain name: it must be <family>.<name>, in lower-case letters, digits and hyphens
    orgtrail.d/own/things.toml:30: unknown key "kep" in [references.division]; did you mean "keep"?
    orgtrail.d/own/things.toml:32: risk.modified is missing
    orgtrail.d/own/things.toml:33: risk.added must be "critical", "high", "medium" or "low", not "hihg"; did you mean "high"?
    orgtrail.d/own/things.toml:35: risk.changed: "changed" is no kind of change, which is "added", "removed", "modified" or "recreated"
    orgtrail.d/own/things.toml:36: risk."modified name": "name" does not begin with a slash
    orgtrail.d/own/things.toml:37: risk: the schema has no tags.*.knd; did you mean "tags.*.kind"?
    orgtrail.d/own/things.v1.json:3: properties.domain.const must be "own.things"
    orgtrail.d/own/things.v1.json:9: type "strng" is none of "string", "integer", "number", "boolean", "array", "object"; did you mean "string"?
    "#);
}

#[test]
fn what_does_not_fit_together_is_told_once_what_it_is_made_of_can_be_read() {
    let domain_file = r#"about = "Things."
schema_version = 1
tier = "standard"

[source]
path = "/api/v2/a/{x}/b/{y}"
paging = "page-number"
size = "limit"
parent = "own.parents"
bind = { x = "$key", kind = "knd" }
stamp = ["z"]
immutable = true
detail = "/api/v2/a/{w}"
body = {}

[identity]
key = ["id"]

[treat]
secret = ["hush"]

[risk]
added = "low"
removed = "low"
"#;
    let parents = RANGES.replace("unpaged", "array").replace("/ipranges", "/parents");
    let files = [
        own("own/things.toml", domain_file),
        own("own/things.v1.json", &RANGES_SCHEMA.replace("network.ip-ranges", "own.things")),
        own("own/parents.toml", &parents),
        own("own/parents.v1.json", &RANGES_SCHEMA.replace("network.ip-ranges", "own.parents")),
    ];
    insta::assert_snapshot!(told(&files), @r#"
    orgtrail.d/own/things.toml:6: source.bind does not say what {y} takes of the parent
    orgtrail.d/own/things.toml:7: source.page_size is missing
    orgtrail.d/own/things.toml:8: source.size has a meaning only where paging is "cursor"
    orgtrail.d/own/things.toml:9: neither identity.key nor a reference tells which entity of own.parents an entity belongs to
    orgtrail.d/own/things.toml:10: source.bind: the schema of own.parents has no knd
    orgtrail.d/own/things.toml:11: source.stamp names z, which nothing of the parent is bound to
    orgtrail.d/own/things.toml:11: source.stamp: the schema has no z
    orgtrail.d/own/things.toml:12: source.immutable needs a singleton and a stamp that tells one answer from the next
    orgtrail.d/own/things.toml:13: source.detail: {w} is neither a field of identity.key nor taken of the parent
    orgtrail.d/own/things.toml:14: source.body makes a query by POST, which only paths that end in /query or /search are
    orgtrail.d/own/things.toml:17: identity.key: the schema has no id; did you mean "cidr"?
    orgtrail.d/own/things.toml:20: treat.secret: the schema has no hush
    orgtrail.d/own/things.toml:22: risk.modified is missing
    "#);
}

#[test]
fn what_is_no_toml_or_no_json_is_told_with_all_the_rest() {
    let files = [
        own("a/b.toml", "about = \"x\ntier = \n\n[source\n"),
        own("a/b.v1.json", "{\n  \"properties\": {\n    \"entities\": [\n  }\n}"),
        own("a/c.toml", RANGES),
        own("a/c.v1.json", "{\"properties\":{}}"),
        UserFile { path: "orgtrail.d/routing/queues.toml".to_owned(), content: b"about = \"x\"\n# \xff\n".to_vec() },
    ];
    insta::assert_snapshot!(told(&files), @r#"
    orgtrail.d/a/b.toml:1: not TOML: invalid basic string, expected `"`
    orgtrail.d/a/b.toml:2: not TOML: string values must be quoted, expected literal string
    orgtrail.d/a/b.toml:4: not TOML: unclosed table, expected `]`
    orgtrail.d/a/b.v1.json:4: not JSON: unexpected character
    orgtrail.d/a/c.v1.json:1: properties.entities.additionalProperties is missing, which describes an entity
    orgtrail.d/routing/queues.toml:2: not UTF-8
    "#);
}

#[test]
fn mistakes_of_a_schema_are_told_at_their_lines() {
    let schema = r##"{
  "properties": {
    "domain": { "const": "network.ranges" },
    "schema_version": { "const": 2 },
    "entities": { "additionalProperties": { "$ref": "#/$defs/Range" } }
  },
  "$defs": {
    "Range": {
      "type": ["object", "null"],
      "properties": {
        "cidr": { "type": "strin" },
        "direction": { "$ref": "#/$defs/Direktion" },
        "region": { "oneOf": [{ "type": "string" }] },
        "service": { "anyOf": [] },
        "more": { "properties": [], "items": "x" },
        "other": { "$ref": "https://example.com/schema" }
      }
    },
    "Direction": { "type": "string" }
  }
}
"##;
    insta::assert_snapshot!(told(&[own("network/ip-ranges.toml", RANGES), own("network/ip-ranges.v1.json", schema)]), @r#"
    orgtrail.d/network/ip-ranges.v1.json:3: properties.domain.const must be "network.ip-ranges"
    orgtrail.d/network/ip-ranges.v1.json:4: properties.schema_version.const must be 1
    orgtrail.d/network/ip-ranges.v1.json:9: type "null" is none of "string", "integer", "number", "boolean", "array", "object"
    orgtrail.d/network/ip-ranges.v1.json:11: type "strin" is none of "string", "integer", "number", "boolean", "array", "object"; did you mean "string"?
    orgtrail.d/network/ip-ranges.v1.json:12: $defs has no Direktion; did you mean "Direction"?
    orgtrail.d/network/ip-ranges.v1.json:13: oneOf is not read: say it with properties, additionalProperties, items, anyOf or $ref
    orgtrail.d/network/ip-ranges.v1.json:14: anyOf must be a list of schemas
    orgtrail.d/network/ip-ranges.v1.json:15: a schema must be an object, not a string
    orgtrail.d/network/ip-ranges.v1.json:15: properties must be an object, not an array
    orgtrail.d/network/ip-ranges.v1.json:16: $ref must begin with #/$defs/: only definitions of the same file are read
    "#);
}

#[test]
fn a_file_that_belongs_to_no_domain_is_named() {
    let [domain_file, schema] = ranges();
    let files = [
        domain_file.clone(),
        schema.clone(),
        own("network/ip-ranges.v2.json", RANGES_SCHEMA),
        own("skills.toml", RANGES),
        own("routing/Skills.toml", RANGES),
        own("routing/deep/skills.toml", RANGES),
        own("routing/skills.json", RANGES_SCHEMA),
        own("routing/skills.v01.json", RANGES_SCHEMA),
        own("routing/skills.v7.json", RANGES_SCHEMA),
        own("routing/nothing.v1.json", RANGES_SCHEMA),
        own("routing/lonely.toml", RANGES),
        own(
            "routing/queues.toml",
            &embedded_file("routing/queues.toml").unwrap().replacen("version = 1", "version = 9", 1),
        ),
    ];
    insta::assert_snapshot!(told(&files), @r#"
    orgtrail.d/network/ip-ranges.v2.json: nothing uses it: orgtrail.d/network/ip-ranges.toml has schema_version = 1
    orgtrail.d/routing/Skills.toml: "routing.Skills" is not a domain name: it must be <family>.<name>, in lower-case letters, digits and hyphens
    orgtrail.d/routing/deep/skills.toml: a domain is orgtrail.d/<family>/<domain>.toml, and its schema orgtrail.d/<family>/<domain>.v<version>.json beside it
    orgtrail.d/routing/lonely.toml:2: schema_version: orgtrail.d/routing/lonely.v1.json is missing
    orgtrail.d/routing/nothing.v1.json: orgtrail.d/routing/nothing.toml is missing, and no domain of that name comes with orgtrail
    orgtrail.d/routing/queues.toml:2: schema_version: orgtrail.d/routing/queues.v9.json is missing, and no schema of that version comes with orgtrail
    orgtrail.d/routing/skills.json: a domain is orgtrail.d/<family>/<domain>.toml, and its schema orgtrail.d/<family>/<domain>.v<version>.json beside it
    orgtrail.d/routing/skills.v01.json: a domain is orgtrail.d/<family>/<domain>.toml, and its schema orgtrail.d/<family>/<domain>.v<version>.json beside it
    orgtrail.d/routing/skills.v7.json: nothing uses it: routing/skills.toml, which comes with orgtrail, has schema_version = 1
    orgtrail.d/skills.toml: a domain is orgtrail.d/<family>/<domain>.toml, and its schema orgtrail.d/<family>/<domain>.v<version>.json beside it
    "#);
}

#[test]
fn a_schema_that_the_built_in_domain_file_does_not_fit_is_told_at_the_schema() {
    let schema = embedded_file("routing/skills.v1.json").unwrap().replace("\"selfUri\"", "\"selfUrl\"");
    assert_eq!(
        told(&[own("routing/skills.v1.json", &schema)]),
        "orgtrail.d/routing/skills.v1.json:28: routing/skills.toml:23, which comes with orgtrail, does not fit: \
         treat.volatile: the schema has no selfUri; did you mean \"selfUrl\"?"
    );
}

#[test]
fn parents_in_a_circle_are_told_with_the_circle() {
    let listed_under = |name: &str, parent: &str| {
        let domain_file = RANGES
            .replace("/api/v2/ipranges\"", &format!("/api/v2/{name}/{{id}}\"\nparent = \"{parent}\""))
            .replace("\"region\",", "\"$parent\",");
        let schema = RANGES_SCHEMA.replace("network.ip-ranges", &format!("own.{name}"));
        [own(&format!("own/{name}.toml"), &domain_file), own(&format!("own/{name}.v1.json"), &schema)]
    };
    let files = [
        listed_under("a", "own.b"),
        listed_under("b", "own.c"),
        listed_under("c", "own.a"),
        listed_under("itself", "own.itself"),
        listed_under("below", "own.a"),
        listed_under("lost", "own.d"),
    ];
    let mut files = files.concat();
    insta::assert_snapshot!(told(&files), @r#"
    orgtrail.d/own/a.toml:6: source.parent: the parents go in a circle: own.a → own.b → own.c → own.a
    orgtrail.d/own/itself.toml:6: source.parent: the parents go in a circle: own.itself → own.itself
    orgtrail.d/own/lost.toml:6: source.parent: there is no domain own.d; did you mean "own.a"?
    "#);
    let queues = embedded_file("routing/queues.toml").unwrap();
    let queues = queues
        .replace("\"/api/v2/routing/queues\"", "\"/api/v2/routing/queues/{x}/y\"\nparent = \"routing.queue-members\"")
        .replace("key = [\"id\"]", "key = [\"id\", \"$parent\"]");
    files = vec![own("routing/queues.toml", &queues)];
    assert_eq!(
        told(&files),
        "orgtrail.d/routing/queues.toml:13: source.parent: the parents go in a circle: \
         routing.queues → routing.queue-members → routing.queues"
    );
}

#[test]
fn nothing_but_the_api_can_be_asked() {
    for (path, is_taken) in [
        ("/api/v2/ipranges", true),
        ("/api/v2/routing/email-domains/v1.0/x_y~z", true),
        ("https://example.com/api/v2/ipranges", false),
        ("//example.com/api/v2/ipranges", false),
        ("/api/v1/ipranges", false),
        ("/api/v2", false),
        ("/api/v2/", false),
        ("/api/v2/../../oauth/token", false),
        ("/api/v2/./x", false),
        ("/api/v2/%2e%2e/x", false),
        ("/api/v2/a//b", false),
        ("/api/v2/a/", false),
        ("/api/v2/a?x=y", false),
        ("/api/v2/a#b", false),
        ("/api/v2/a\\\\..\\\\b", false),
        ("/api/v2/a b", false),
        ("/api/v2/a@b", false),
        ("/api/v2/q{id}", false),
        ("/api/v2/{a}{b}", false),
        ("/api/v2/{}", false),
    ] {
        let [_, schema] = ranges();
        let domain_file = own("network/ip-ranges.toml", &RANGES.replace("/api/v2/ipranges", path));
        let read = Catalogue::with(&[domain_file, schema]);
        assert_eq!(read.is_ok(), is_taken, "{path}");
        if let Err(problems) = read {
            assert_eq!(problems.len(), 1, "{path}");
            assert!(problems[0].to_string().starts_with("orgtrail.d/network/ip-ranges.toml:5: source.path: "));
        }
    }
}
