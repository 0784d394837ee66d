//! The ways of listing that few domains have.

use super::*;
use crate::model::{DomainId, Object};

/// The domains of `tests/fixtures/listings/`, each listed in another way.
fn catalogue() -> Arc<Catalogue> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/listings");
    let schema = std::fs::read_to_string(folder.join("thing.v1.json")).unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let domains = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        Domain::read(id(&name), &name, &text, "thing.v1.json", &schema).unwrap()
    });
    Arc::new(Catalogue::from_domains(domains.collect()).unwrap())
}

fn id(name: &str) -> DomainId {
    format!("own.{name}").parse().unwrap()
}

fn program() -> Program {
    Program::new(World::generate(&catalogue(), Scale::Small, 1), None)
}

/// The path of the first listing of a domain.
fn path_of(program: &Program, name: &str) -> String {
    let world = program.gate.world();
    let domain = world.catalogue().get(&id(name)).unwrap();
    domain.source.listing_path(listings(&world, domain)[0].as_ref())
}

fn any_of(program: &Program, name: &str) -> EntityKey {
    program.gate.world().keys(&id(name)).next().unwrap().clone()
}

fn status(program: &Program, path: &str) -> u16 {
    program.get(path).status
}

#[test]
fn every_listing_holds_all_however_it_is_paged() {
    for scale in [Scale::Small, Scale::Medium] {
        assert_listings_hold_all(&Program::new(World::generate(&catalogue(), scale, 2), None));
    }
}

#[test]
fn a_query_is_taken_by_post_and_nothing_else_is() {
    let program = program();
    assert_eq!(program.post("/api/v2/own/bins/query", "{}").status, 200);
    assert_eq!(program.post("/api/v2/own/bins/query", "[]").status, 400);
    assert_eq!(program.post("/api/v2/own/bins/query", r#"{"pageSize":0}"#).status, 400);
    assert_eq!(status(&program, "/api/v2/own/bins/query"), 405);
    for path in ["/api/v2/own/bases", "/api/v2/what/query", "/api/v2/routing/queues"] {
        assert_eq!(program.post(path, "{}").status, 405, "{path}");
    }
}

#[test]
fn a_page_says_where_the_next_one_is_in_the_words_of_its_listing() {
    let program = program();
    let page = program.page("/api/v2/own/bases?limit=2");
    let after = text(page.get("cursors").unwrap(), "after");
    assert_eq!((page.get("nextUri"), page.get("after")), (None, None));
    let last = program.page(&format!("/api/v2/own/bases?limit=2&cursor={after}"));
    assert_eq!(last.get("cursors"), None);
    assert!(text(&program.page("/api/v2/own/programs?pageSize=1"), "nextUri").contains("nextPage="));
    let page = json(&program.post("/api/v2/own/bins/query", r#"{"pageSize":1}"#));
    let rest = program.post("/api/v2/own/bins/query", &format!(r#"{{"after":"{}"}}"#, text(&page, "after")));
    assert_eq!(json(&rest).get("entities").and_then(Value::as_array).unwrap().len(), 2);
}

#[test]
fn bare_texts_are_served_as_such() {
    let program = program();
    let items = |page: &OwnedValue| page.get("entities").and_then(Value::as_array).unwrap().to_vec();
    let texts = items(&program.page("/api/v2/own/namespaces"));
    assert_eq!(texts.len(), 3);
    assert!(texts.iter().all(|text| text.as_str().is_some_and(|text| !text.is_empty())));
    program.strike(Effect::EntityWithoutId);
    assert_eq!(items(&program.page("/api/v2/own/namespaces"))[0], Value::from(""));
}

#[test]
fn a_listing_by_parameter_needs_it() {
    let program = program();
    let path = path_of(&program, "phrases");
    let unit = any_of(&program, "units");
    let language = {
        let world = program.gate.world();
        let unit = world.entity(&id("units"), &unit).unwrap();
        text(&unit.get("languages").and_then(Value::as_array).unwrap()[0], "tag")
    };
    assert_eq!(status(&program, &path), 400);
    assert_eq!(status(&program, &address(&path, &[], &[("language", &language)])), 200);
    assert_eq!(status(&program, &format!("{path}?language=none")), 404);
}

#[test]
fn one_path_can_belong_to_several_domains() {
    let program = program();
    for name in ["flow-grants", "unit-grants"] {
        assert_eq!(status(&program, &path_of(&program, name)), 200);
    }
    assert_eq!(status(&program, "/api/v2/own/subjects/nobody"), 404);
}

#[test]
fn what_is_optional_is_there_for_some_and_can_come_and_go() {
    let program = program();
    let flows: Vec<EntityKey> = program.gate.world().keys(&id("flows")).cloned().collect();
    let world = World::generate(&catalogue(), Scale::Large, 1);
    let with_policy = world.keys(&id("policies")).count();
    assert!((20..45).contains(&with_policy), "{with_policy} of 50");
    for flow in flows {
        let path = format!("/api/v2/own/flows/{flow}/policy");
        let is_there = program.gate.world().entity(&id("policies"), &flow).is_some();
        assert_eq!(status(&program, &path), if is_there { 200 } else { 404 });
        if is_there {
            program.gate.world().remove(&id("policies"), &flow);
        } else {
            program.gate.world().insert(&id("policies"), Some(&flow), Value::Object(Object::default())).unwrap();
        }
        assert_eq!(status(&program, &path), if is_there { 404 } else { 200 });
    }
}

#[test]
fn a_parent_that_comes_later_has_what_every_parent_has_and_nothing_else() {
    let program = program();
    let flow = program.gate.world().insert(&id("flows"), None, Value::Object(Object::default())).unwrap();
    let versions = program.page(&format!("/api/v2/own/flows/{flow}/versions"));
    assert_eq!(versions.get("total").and_then(Value::as_u64), Some(0));
    assert_eq!(status(&program, &format!("/api/v2/own/subjects/{flow}")), 200);
    assert_eq!(status(&program, &format!("/api/v2/own/flows/{flow}/policy")), 404);
    assert_eq!(status(&program, &format!("/api/v2/own/flows/{flow}/versions/none/plan")), 404);
}

#[test]
fn a_missing_permission_says_whether_one_of_several_would_do() {
    let domain = |name: &str, mode: &str| {
        let file = format!(
            "about = \"Things.\"\nschema_version = 1\ntier = \"standard\"\n[source]\npath = \"/api/v2/own/{name}\"\n\
             paging = \"unpaged\"\npermission = [\"a:b:view\", \"a:c:view\"]\npermission_mode = \"{mode}\"\n\
             [identity]\nkey = [\"id\"]\n[risk]\nadded = \"low\"\nremoved = \"low\"\nmodified = \"low\"\n"
        );
        let schema = r#"{"properties":{"entities":{"additionalProperties":{"properties":{"id":{}}}}}}"#;
        Domain::read(id(name), name, &file, name, schema).unwrap()
    };
    let catalogue = Catalogue::from_domains(vec![domain("either", "any"), domain("both", "all")]).unwrap();
    let program = Program::new(World::generate(&Arc::new(catalogue), Scale::Small, 1), None);
    for (name, code) in [("either", "missing.any.permissions"), ("both", "missing.permissions")] {
        program.strike(Effect::Forbidden);
        assert_eq!(program.code(&format!("/api/v2/own/{name}")), (403, code.to_owned()));
    }
}
