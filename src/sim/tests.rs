//! The simulated API as a program meets it, without the socket.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::gate::{Gate, Incoming};
use super::making::give_stamps;
use super::query;
use super::reply::{Body, Reply};
use super::{Effect, Fault, RateHeaders, Repeat, Scale, ServerOptions, When, World};
use crate::canonical::{Canonical, Canonicaliser, Notes, Scan, SecretKey, read};
use crate::catalogue::{Catalogue, Counting, Domain, Paging, Under};
use crate::model::{EntityKey, OwnedValue, Value};

mod audits;
mod listings;

/// A program that has logged in, and a clock that it can move.
struct Program {
    gate: Gate,
    bearer: String,
    seconds: Arc<AtomicU64>,
}

const GRANT: &str = "grant_type=client_credentials";

impl Program {
    fn new(world: World, allowed_per_minute: Option<u32>) -> Self {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let options = ServerOptions {
            allowed_per_minute,
            token_lifetime: Duration::from_secs(600),
            client: Some(("program".to_owned(), "secret".to_owned())),
            now: Arc::new(move || Duration::from_secs(clock.load(Ordering::Relaxed))),
            ..ServerOptions::default()
        };
        let mut program = Self { gate: Gate::new(world, options), bearer: String::new(), seconds };
        // Base64 of `program:secret`.
        let token = json(&program.log_in("Basic cHJvZ3JhbTpzZWNyZXQ=", GRANT));
        program.bearer = format!("Bearer {}", text(&token, "access_token"));
        program
    }

    fn of_built_in() -> Self {
        Self::new(World::generate(&Arc::new(Catalogue::built_in().unwrap()), Scale::Small, 1), None)
    }

    fn log_in(&self, authorization: &str, body: &str) -> Reply {
        let authorization = Some(authorization);
        self.gate.serve(&Incoming { method: "POST", path: "/oauth/token", query: "", authorization, body })
    }

    fn send(&self, method: &str, address: &str, authorization: Option<&str>) -> Reply {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        self.gate.serve(&Incoming { method, path, query, authorization, body: "" })
    }

    fn post(&self, path: &str, body: &str) -> Reply {
        let authorization = Some(self.bearer.as_str());
        self.gate.serve(&Incoming { method: "POST", path, query: "", authorization, body })
    }

    fn get(&self, address: &str) -> Reply {
        self.send("GET", address, Some(&self.bearer))
    }

    fn page(&self, address: &str) -> OwnedValue {
        let reply = self.get(address);
        assert_eq!(reply.status, 200, "{address}: {reply:?}");
        json(&reply)
    }

    fn code(&self, address: &str) -> (u16, String) {
        let reply = self.get(address);
        (reply.status, text(&json(&reply), "code"))
    }

    fn strike(&self, effect: Effect) {
        self.gate.desk().faults.add(Fault { when: When::Always, effect, repeat: Repeat::Once });
    }
}

fn json(reply: &Reply) -> OwnedValue {
    match &reply.body {
        Body::Json(body) => read(body).unwrap().into_owned(),
        other => panic!("{other:?}"),
    }
}

fn text(value: &OwnedValue, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap().to_owned()
}

fn header(reply: &Reply, name: &str) -> Option<String> {
    reply.headers.iter().find(|header| header.0 == name).map(|header| header.1.clone())
}

fn address(path: &str, queries: &[&BTreeMap<String, String>], more: &[(&str, &str)]) -> String {
    let pairs = queries.iter().flat_map(|query| query.iter()).map(|(name, value)| (name.as_str(), value.as_str()));
    format!("{path}?{}", query::write(pairs.chain(more.iter().copied())))
}

/// Asks for a page of a listing, by GET or by POST as its domain says.
fn ask(program: &Program, domain: &Domain, path: &str, parameters: &[(&str, &str)]) -> Reply {
    if domain.source.body.is_none() {
        return program.get(&address(path, &[], parameters));
    }
    let body: serde_json::Map<String, serde_json::Value> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    program.post(path, &serde_json::Value::Object(body).to_string())
}

/// All entities of a listing under one query, two on a page.
fn walk(program: &Program, domain: &Domain, under: Option<&Under>, pass: &BTreeMap<String, String>) -> Vec<OwnedValue> {
    let source = &domain.source;
    let path = source.listing_path(under);
    let own = source.query.iter().chain(pass).map(|(name, value)| (name.as_str(), value.as_str()));
    let own: Vec<(&str, &str)> = own.chain(source.bound_query(under)).collect();
    let page = |more: &[(&str, &str)]| {
        let reply = ask(program, domain, &path, &[&own, more].concat());
        let is_none = reply.status == 404 && source.optional;
        assert!(reply.status == 200 || is_none, "{path}: {reply:?}");
        (!is_none).then(|| json(&reply))
    };
    let entities = |page: &OwnedValue| page.get(&source.entities).and_then(Value::as_array).unwrap().to_vec();
    let Some(first) = page(&[]) else { return Vec::new() };
    match source.paging {
        Paging::Singleton => vec![first],
        Paging::Array => first.as_array().unwrap().to_vec(),
        Paging::Unpaged => entities(&first),
        Paging::PageNumber => {
            let pages = (1..).filter_map(|number: u32| page(&[("pageNumber", &number.to_string()), ("pageSize", "2")]));
            let walked: Vec<OwnedValue> = pages.take_while(|page| !entities(page).is_empty()).collect();
            let all: Vec<OwnedValue> = walked.iter().flat_map(entities).collect();
            for page in &walked {
                let is_counted = source.counting == Counting::Counted;
                let total = is_counted.then_some(all.len() as u64);
                assert_eq!(page.get("total").and_then(Value::as_u64), total, "{}", domain.id);
                let count = is_counted.then_some(walked.len() as u64);
                assert_eq!(page.get("pageCount").and_then(Value::as_u64), count, "{}", domain.id);
            }
            let with_next = walked.iter().filter(|page| page.get("nextUri").is_some()).count();
            assert_eq!(with_next, walked.len().saturating_sub(1), "{}", domain.id);
            all
        }
        Paging::Cursor => {
            let names = &source.cursor;
            let mut all = Vec::new();
            let mut cursor = None;
            loop {
                let size = (names.size.as_str(), "2");
                let next = cursor.as_deref().map(|cursor| (names.parameter.as_str(), cursor));
                let page = page(&[size].into_iter().chain(next).collect::<Vec<_>>()).unwrap();
                assert!(entities(&page).len() <= 2, "{}", domain.id);
                all.extend(entities(&page));
                cursor = next_cursor(domain, &page);
                if cursor.is_none() {
                    return all;
                }
            }
        }
    }
}

fn next_cursor(domain: &Domain, page: &OwnedValue) -> Option<String> {
    let names = &domain.source.cursor;
    if let Some(next) = &names.next {
        assert_eq!(page.get("nextUri"), None);
        return next.find(page).and_then(Value::as_str).map(ToOwned::to_owned);
    }
    let (_, query) = page.get("nextUri").and_then(Value::as_str)?.split_once('?').unwrap();
    let pairs = query::read(query);
    Some(pairs.iter().find(|(name, _)| *name == names.parameter).unwrap().1.clone())
}

/// Every listing of a domain.
fn listings(world: &World, domain: &Domain) -> Vec<Option<Under>> {
    let Some(parent) = &domain.source.parent else { return vec![None] };
    let parents = world.keys(parent).map(|key| (key, world.entity(parent, key).unwrap()));
    parents.flat_map(|(key, body)| domain.source.listings_under(key, body)).map(Some).collect()
}

/// An item of a listing as an entity.
fn dressed(domain: &Domain, item: OwnedValue, under: Option<&Under>) -> OwnedValue {
    let mut entity = match (item, &domain.source.text_items) {
        (text @ Value::String(_), Some(member)) => {
            Value::Object(std::iter::once((member.clone().into(), text)).collect())
        }
        (item, _) => item,
    };
    for (name, _) in domain.source.stamps(under) {
        assert_eq!(entity.get(name), None, "{} serves what is stamped", domain.id);
    }
    give_stamps(domain, &mut entity, under);
    entity
}

fn assert_listings_hold_all(program: &Program) {
    let world = program.gate.world().clone();
    let secrets = SecretKey::new("a key that is long enough for a test").unwrap();
    let scan = Scan::built_in().unwrap();
    for domain in world.catalogue().iter() {
        let canonicaliser = Canonicaliser::new(domain, &secrets, &scan, world.org_id());
        let mut listed = BTreeSet::new();
        for under in listings(&world, domain) {
            let (under, parent) = (under.as_ref(), under.as_ref().map(|under| &under.parent));
            for pass in &domain.source.passes {
                let mut passed = BTreeSet::new();
                for item in walk(program, domain, under, pass) {
                    let entity = dressed(domain, item, under);
                    match canonicaliser.entity(entity, parent, &mut Notes::default()).unwrap() {
                        Canonical::Entity(key, _) => assert!(passed.insert(key.clone()), "{} {key} twice", domain.id),
                        Canonical::Deleted(key) => panic!("{} {key} is deleted", domain.id),
                    }
                }
                listed.extend(passed);
            }
        }
        assert_eq!(listed, world.keys(&domain.id).cloned().collect(), "{}", domain.id);
    }
}

#[test]
fn every_domain_is_listed_the_way_its_file_says() {
    assert_listings_hold_all(&Program::of_built_in());
}

/// Domains of a user, in the styles of paging that few have.
fn own_domains() -> Arc<Catalogue> {
    let domain = |name: &str, source: &str, key: &str| {
        let file = format!(
            "about = \"Things.\"\nschema_version = 1\ntier = \"standard\"\n[source]\n{source}\n\
             [identity]\nkey = {key}\nname = \"name\"\n[references]\nowner = \"own.arrays\"\n\
             [risk]\nadded = \"low\"\nremoved = \"low\"\nmodified = \"low\"\n"
        );
        let schema = r#"{"properties":{"entities":{"additionalProperties":{"type":"object","properties":{
            "id":{"type":"string"},"name":{"type":"string"},"size":{"type":"integer"},
            "owner":{"type":"object","properties":{"id":{"type":"string"}}},
            "kind":{"type":"string","x-values":["a","b"]}}}}}}"#;
        Domain::read(name.parse().unwrap(), name, &file, name, schema).unwrap()
    };
    let array = "path = \"/api/v2/own/arrays\"\npaging = \"array\"\npasses = [{ kind = \"a\" }, { kind = \"b\" }]";
    let cursor = "path = \"/api/v2/own/cursors\"\npaging = \"cursor\"\npage_size = 2\nentities = \"things\"";
    let child = "path = \"/api/v2/own/arrays/{arrayId}/one\"\npaging = \"singleton\"\nparent = \"own.arrays\"";
    let domains = vec![
        domain("own.arrays", array, "[\"id\"]"),
        domain("own.cursors", cursor, "[\"id\"]"),
        domain("own.children", child, "[\"$parent\"]"),
    ];
    Arc::new(Catalogue::from_domains(domains).unwrap())
}

#[test]
fn a_domain_that_only_the_user_knows_is_made_up_and_served() {
    let world = World::generate(&own_domains(), Scale::Small, 1);
    let program = Program::new(world, None);
    assert_listings_hold_all(&program);
    let page = program.page("/api/v2/own/cursors?whatever=1");
    let owner = page.get("things").and_then(Value::as_array).unwrap()[0].get("owner").unwrap();
    assert!(text(owner, "name").starts_with("arrays "));
    assert_eq!(program.page("/api/v2/own/arrays?kind=a").as_array().unwrap().len(), 2);
}

#[test]
fn what_the_contract_does_not_have_is_refused() {
    let program = Program::of_built_in();
    let world = program.gate.world().clone();
    let paged = |domain: &&Domain| domain.source.paging == Paging::PageNumber && domain.source.parent.is_none();
    let listing = &world.catalogue().iter().find(paged).unwrap().source.path;
    let bad = (400, "bad.request".to_owned());
    for query in ["what=1", "pageSize=0", "pageSize=100000", "pageNumber=x"] {
        assert_eq!(program.code(&format!("{listing}?{query}")), bad, "{query}");
    }
    let unpaged = world.catalogue().iter().find(|domain| domain.source.paging == Paging::Unpaged).unwrap();
    assert_eq!(program.code(&format!("{}?pageSize=10", unpaged.source.path)), bad);
    let cursor = world.catalogue().iter().find(|domain| domain.source.paging == Paging::Cursor).unwrap();
    assert_eq!(program.code(&format!("{}?after=mine", cursor.source.path)), bad);
    assert_eq!(program.code("/api/v2/what").0, 404);
    let child = world.catalogue().iter().find(|domain| domain.source.parent.is_some()).unwrap();
    let of_nobody = child.source.path.replace(['{', '}'], "");
    assert_eq!(program.code(&of_nobody).0, 404);
    assert_eq!(program.send("DELETE", listing, Some(&program.bearer)).status, 405);
}

/// The path that reads an entity.
fn detail_path(world: &World, domain: &Domain, key: &EntityKey) -> Option<String> {
    domain.detail_path(key, world.member(&domain.id, key)?.under.as_deref())
}

#[test]
fn every_entity_can_be_read_by_itself_unless_its_state_forbids() {
    let program = Program::of_built_in();
    let world = program.gate.world().clone();
    let secrets = SecretKey::new("a key that is long enough for a test").unwrap();
    let scan = Scan::built_in().unwrap();
    let mut hidden = 0;
    for domain in world.catalogue().iter() {
        let canonicaliser = Canonicaliser::new(domain, &secrets, &scan, world.org_id());
        for key in world.keys(&domain.id) {
            let Some(path) = detail_path(&world, domain, key) else { continue };
            let under = world.member(&domain.id, key).unwrap().under.as_deref();
            let reply = program.get(&address(&path, &[&domain.source.detail_query], &[]));
            if reply.status == 200 {
                let entity = dressed(domain, json(&reply), under);
                let found = canonicaliser.key(&entity, under.map(|under| &under.parent)).unwrap();
                assert_eq!(found, *key, "{path}");
            } else {
                assert!(!domain.removal.not_found_proves, "{path}: {reply:?}");
                hidden += 1;
            }
        }
    }
    assert!(hidden > 0, "no entity is in a state that hides it");
}

#[test]
fn a_removed_entity_is_not_found_or_bears_the_mark_of_its_domain() {
    let program = Program::of_built_in();
    let catalogue = Arc::clone(program.gate.world().catalogue());
    let secrets = SecretKey::new("a key that is long enough for a test").unwrap();
    let scan = Scan::built_in().unwrap();
    let (mut marked, mut missing) = (0, 0);
    for domain in catalogue.iter() {
        let Some(key) = program.gate.world().keys(&domain.id).next().cloned() else { continue };
        let Some(path) = detail_path(&program.gate.world(), domain, &key) else { continue };
        let read_it = || program.get(&address(&path, &[&domain.removal.query], &[]));
        let restricted = domain.source.detail_query != domain.removal.query;
        assert_eq!(read_it().status, if restricted { 404 } else { 200 }, "{path}");
        program.gate.world().remove(&domain.id, &key);
        let reply = read_it();
        if reply.status == 200 {
            assert!(Canonicaliser::new(domain, &secrets, &scan, "org").is_deleted(&json(&reply)), "{}", domain.id);
            marked += 1;
        } else {
            assert_eq!(reply.status, 404, "{}", domain.id);
            assert!(domain.removal.not_found_proves, "{}", domain.id);
            missing += 1;
        }
    }
    assert!(marked > 0 && missing > 0);
    assert_listings_hold_all(&program);
}

#[test]
fn members_that_must_be_asked_for_are_missing_otherwise() {
    let program = Program::of_built_in();
    let catalogue = Arc::clone(program.gate.world().catalogue());
    let expands = |domain: &&Domain| domain.source.query.contains_key("expand");
    let domain = catalogue.iter().find(expands).unwrap();
    let members: Vec<&str> = domain.source.query["expand"].split(',').collect();
    let has_any = |address: &str| {
        let page = program.page(address);
        let entities = page.get("entities").and_then(Value::as_array).unwrap();
        entities.iter().any(|entity| members.iter().any(|name| entity.get(name).is_some()))
    };
    assert!(!has_any(&domain.source.path));
    assert!(has_any(&address(&domain.source.path, &[&domain.source.query], &[])));
}

#[test]
fn a_program_learns_who_and_where_it_is() {
    let program = Program::of_built_in();
    let org = program.gate.world().org_id().to_owned();
    let token = program.page("/api/v2/tokens/me");
    assert_eq!(text(token.get("OAuthClient").unwrap(), "id"), "program");
    assert_eq!(text(token.get("organization").unwrap(), "id"), org);
    assert_eq!(text(&program.page("/api/v2/organizations/me"), "id"), org);
}

#[test]
fn a_login_needs_the_secret_and_the_right_grant() {
    let program = Program::of_built_in();
    let error = |authorization, form| {
        let reply = program.log_in(authorization, form);
        (reply.status, text(&json(&reply), "error"))
    };
    assert_eq!(error("Basic cHJvZ3JhbTp3cm9uZw==", GRANT), (401, "invalid_client".to_owned()));
    assert_eq!(error("Bearer x", GRANT), (401, "invalid_client".to_owned()));
    let wrong_grant = error("Basic cHJvZ3JhbTpzZWNyZXQ=", "grant_type=password");
    assert_eq!(wrong_grant, (400, "unsupported_grant_type".to_owned()));
}

#[test]
fn a_token_counts_until_it_expires() {
    let program = Program::of_built_in();
    let path = "/api/v2/organizations/me";
    let code = |authorization| text(&json(&program.send("GET", path, authorization)), "code");
    assert_eq!(code(None), "authentication.required");
    assert_eq!(code(Some("Bearer wrong")), "bad.credentials");
    assert_eq!(program.get(path).status, 200);
    program.seconds.store(599, Ordering::Relaxed);
    assert_eq!(program.get(path).status, 200);
    program.seconds.store(600, Ordering::Relaxed);
    assert_eq!(program.code(path), (401, "bad.credentials".to_owned()));
}

#[test]
fn the_rate_limit_is_told_and_kept() {
    let path = "/api/v2/organizations/me";
    let world = World::generate(&Arc::new(Catalogue::built_in().unwrap()), Scale::Small, 1);
    let program = Program::new(world, Some(2));
    let rate = |reply: &Reply| {
        ["count", "allowed", "reset"].map(|part| header(reply, &format!("inin-ratelimit-{part}")).unwrap())
    };
    assert_eq!(rate(&program.get(path)), ["1", "2", "60"]);
    program.seconds.store(20, Ordering::Relaxed);
    assert_eq!(rate(&program.get(path)), ["2", "2", "40"]);
    let refused = program.get(path);
    assert_eq!((refused.status, header(&refused, "retry-after").as_deref()), (429, Some("40")));
    assert_eq!(text(&json(&refused), "code"), "too.many.requests");
    assert_eq!(rate(&refused), ["3", "2", "40"]);
    program.seconds.store(60, Ordering::Relaxed);
    assert_eq!(program.get(path).status, 200);
    assert_eq!(header(&Program::of_built_in().get(path), "inin-ratelimit-count"), None);
}

#[test]
fn an_error_bears_the_id_that_its_header_has() {
    let program = Program::of_built_in();
    let reply = program.get("/api/v2/what");
    assert_eq!(header(&reply, "inin-correlation-id"), Some(text(&json(&reply), "contextId")));
}

#[test]
fn faults_of_status_say_what_they_are() {
    let program = Program::of_built_in();
    let world = program.gate.world().clone();
    let needs_one = |domain: &&Domain| {
        domain.source.permission.len() == 1 && domain.source.parent.is_none() && domain.source.body.is_none()
    };
    let domain = world.catalogue().iter().find(needs_one).unwrap();
    let path = &domain.source.path;
    for (effect, status, code) in [
        (Effect::Unauthorised, 401, "bad.credentials"),
        (Effect::Forbidden, 403, "missing.permissions"),
        (Effect::NotFound, 404, "not.found"),
        (Effect::Gone, 410, "gone"),
        (Effect::InternalError, 500, "internal.server.error"),
        (Effect::Unavailable, 503, "service.unavailable"),
    ] {
        program.strike(effect);
        assert_eq!(program.code(path), (status, code.to_owned()));
        assert_eq!(program.get(path).status, 200);
    }
    program.strike(Effect::Forbidden);
    assert!(text(&json(&program.get(path)), "message").ends_with(&domain.source.permission[0]));
    for (retry_after, rate_headers) in [(Some(7), RateHeaders::Missing), (None, RateHeaders::UsedUp)] {
        program.strike(Effect::TooManyRequests { retry_after, rate_headers });
        let reply = program.get(path);
        assert_eq!(reply.status, 429);
        assert_eq!(header(&reply, "retry-after"), retry_after.map(|seconds| seconds.to_string()));
        let is_told = header(&reply, "inin-ratelimit-reset").is_some();
        assert_eq!(is_told, rate_headers == RateHeaders::UsedUp);
    }
}

#[test]
fn faults_of_a_body_spoil_it() {
    let program = Program::of_built_in();
    let path = "/api/v2/organizations/me";
    program.strike(Effect::TruncatedJson);
    let Reply { status: 200, body: Body::Json(cut), .. } = program.get(path) else { panic!() };
    assert!(read(&cut).is_err());
    program.strike(Effect::Html);
    assert!(matches!(program.get(path), Reply { status: 200, body: Body::Html(_), .. }));
    program.strike(Effect::Reset);
    assert_eq!(program.get(path).body, Body::Reset);
}

#[test]
fn faults_of_a_page_contradict_what_it_says() {
    let program = Program::of_built_in();
    let world = program.gate.world().clone();
    let is_plain = |domain: &&Domain| domain.source.paging == Paging::PageNumber && domain.source.parent.is_none();
    let path = &world.catalogue().iter().find(is_plain).unwrap().source.path;
    let facts = |effect: Option<Effect>| {
        if let Some(effect) = effect {
            program.strike(effect);
        }
        let page = program.page(path);
        let entities = page.get("entities").and_then(Value::as_array).unwrap().to_vec();
        let ids: Vec<_> = entities.iter().filter_map(|entity| entity.get("id").cloned()).collect();
        let total = page.get("total").and_then(Value::as_u64).unwrap();
        (entities.len() as u64, ids.len() as u64, ids.first() == ids.last(), total)
    };
    let (all, _, _, _) = facts(None);
    assert_eq!(facts(None), (all, all, false, all));
    assert_eq!(facts(Some(Effect::ShortPage)), (all - 1, all - 1, false, all));
    assert_eq!(facts(Some(Effect::DuplicateId)), (all, all, true, all));
    assert_eq!(facts(Some(Effect::EntityWithoutId)), (all, all - 1, false, all));
    assert_eq!(facts(Some(Effect::ContradictingTotal)), (all, all, false, all + 1));
    assert_eq!(facts(Some(Effect::EmptyPage)), (0, 0, true, all));
}

#[test]
fn a_program_reads_its_own_grants_and_nobody_elses() {
    let program = Program::of_built_in();
    let pairs = |program: &Program| -> Vec<(String, String)> {
        let subject = program.page("/api/v2/authorization/subjects/program");
        let grants = subject.get("grants").and_then(Value::as_array).unwrap();
        grants
            .iter()
            .map(|grant| (text(grant.get("role").unwrap(), "id"), text(grant.get("division").unwrap(), "id")))
            .collect()
    };
    let before = pairs(&program);
    assert!(before.len() > 2);
    let mut fewer = program.gate.world().client_grants().to_vec();
    fewer.pop();
    program.gate.world().set_client_grants(fewer);
    assert_eq!(pairs(&program), before[..before.len() - 1]);
    assert_eq!(program.code("/api/v2/authorization/subjects/somebody").0, 404);
}

#[test]
fn a_hidden_entity_is_missing_from_its_listing_alone() {
    let program = Program::of_built_in();
    let is_plain = |domain: &&Domain| {
        domain.source.parent.is_none() && domain.source.paging == Paging::PageNumber && domain.source.detail.is_some()
    };
    let catalogue = Arc::clone(program.gate.world().catalogue());
    let domain = catalogue.iter().find(is_plain).unwrap();
    let total = || program.page(&domain.source.path).get("total").and_then(Value::as_u64).unwrap();
    let before = total();
    let key = program.gate.world().keys(&domain.id).next().unwrap().clone();
    let detail = domain.detail_path(&key, None).unwrap();
    program.gate.world().hide(&domain.id, &key, true);
    assert_eq!(total(), before - 1);
    assert_eq!(program.get(&detail).status, 200);
    program.gate.world().hide(&domain.id, &key, false);
    assert_eq!(total(), before);
}
