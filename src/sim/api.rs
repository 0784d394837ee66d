//! Which path means what: routes from the catalogue, parameters from the contract, answers from the world.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::contract::{Contract, Endpoint};
use super::fault::Effect;
use super::grants::{self, SUBJECTS_PATH};
use super::noise::{Noise, write};
use super::page;
use super::path::{PathTemplate, Placeholders, best};
use super::population::Member;
use super::recipe::ORGANISATION_PATH;
use super::reply::Refusal;
use super::rng::Rng;
use super::world::World;
use crate::catalogue::{Catalogue, Domain, FieldPath, Paging, Segment};
use crate::model::{DomainId, Object, OwnedValue, Value};

/// The path at which a program learns who it is.
const TOKEN_PATH: &str = "/api/v2/tokens/me";

/// The path of the programs that can log in.
pub(super) const CLIENTS_PATH: &str = "/api/v2/oauth/clients";

/// The paths that are answered.
pub(super) struct Api {
    contract: Contract,
    routes: Vec<(PathTemplate, Route)>,
}

struct Route {
    domain: DomainId,
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Listing,
    Detail,
}

/// What a request asks for.
pub(super) struct Asked<'r> {
    pub(super) path: &'r str,
    pub(super) query: &'r [(String, String)],
    /// What the contract says of the path; a domain that the user added may be unknown to it.
    pub(super) endpoint: Option<&'r Endpoint>,
}

impl Asked<'_> {
    /// The value of a parameter, given or by default; several of one name are a list.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let given: Vec<&str> = self.query.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.as_str()).collect();
        if given.is_empty() {
            self.endpoint?.defaults().find(|(parameter, _)| *parameter == name).map(|(_, value)| value)
        } else {
            Some(given.join(","))
        }
    }

    /// Refuses parameters that the path does not have.
    fn check(&self) -> Result<(), Refusal> {
        let Some(endpoint) = self.endpoint else { return Ok(()) };
        match self.query.iter().find(|(name, _)| endpoint.parameter(name).is_none()) {
            Some((name, _)) => Err(Refusal::bad_request(format!("{} has no parameter {name}.", self.path))),
            None => Ok(()),
        }
    }

    /// The parameters as a filter of entities.
    pub(super) fn filter(&self) -> Filter {
        let given = self.query.iter().map(|(name, _)| name.as_str());
        let by_default = self.endpoint.iter().flat_map(|endpoint| endpoint.defaults()).map(|(name, _)| name);
        let names: BTreeSet<&str> = given.chain(by_default).collect();
        let wanted = |name: &str| {
            let values = self.parameter(name).unwrap_or_default();
            (FieldPath::parse(name), values.split(',').map(ToOwned::to_owned).collect())
        };
        Filter(names.into_iter().map(wanted).collect())
    }

    /// Members that are left out because the request does not ask for them.
    pub(super) fn left_out(&self, detail_only: &[String]) -> Vec<String> {
        let asked_for = self.parameter("expand").unwrap_or_default();
        let optional = self.endpoint.and_then(|endpoint| endpoint.parameter("expand"));
        let optional = optional.map(|parameter| parameter.values.as_slice()).unwrap_or_default();
        let names = optional.iter().chain(detail_only);
        names.filter(|name| asked_for.split(',').all(|asked| asked != name.as_str())).cloned().collect()
    }
}

/// Which entities a request lets be seen: a parameter that is named like a member of an entity wants one of its values there.
pub(super) struct Filter(Vec<(FieldPath, Vec<String>)>);

impl Filter {
    pub(super) fn shows(&self, entity: &OwnedValue) -> bool {
        self.0.iter().all(|(path, wanted)| {
            let actual = match path.find(entity) {
                Some(Value::String(text)) => text.as_ref(),
                Some(Value::Bool(true)) => "true",
                Some(Value::Bool(false)) => "false",
                _ => return true,
            };
            wanted.iter().any(|wanted| wanted == "any" || wanted.eq_ignore_ascii_case(actual))
        })
    }
}

impl Api {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let mut routes = Vec::new();
        for domain in catalogue.iter() {
            let mut add = |path: &str, purpose| {
                routes.push((PathTemplate::new(path), Route { domain: domain.id.clone(), purpose }));
            };
            add(&domain.source.path, Purpose::Listing);
            if let Some(path) = &domain.source.detail {
                add(path, Purpose::Detail);
            }
        }
        Self { contract: Contract::embedded(), routes }
    }

    /// Whether a path is that of a listing.
    pub(super) fn is_listing(&self, world: &World, path: &str) -> bool {
        best(&self.routes, path).is_some_and(|(route, _)| {
            let domain = world.catalogue().get(&route.domain);
            route.purpose == Purpose::Listing && domain.is_some_and(|domain| domain.source.paging != Paging::Singleton)
        })
    }

    /// The permissions that a path needs.
    pub(super) fn permissions(&self, world: &World, path: &str) -> Vec<String> {
        match (self.contract.endpoint(path), best(&self.routes, path)) {
            (Some(endpoint), _) => endpoint.permissions().to_vec(),
            (None, Some((route, _))) => {
                world.catalogue().get(&route.domain).map(|domain| domain.source.permission.clone()).unwrap_or_default()
            }
            (None, None) => Vec::new(),
        }
    }

    /// The body of an answer.
    pub(super) fn answer(
        &self,
        world: &World,
        path: &str,
        query: &[(String, String)],
        client: &str,
        effect: Option<Effect>,
        rng: &mut Rng,
    ) -> Result<Vec<u8>, Refusal> {
        let asked = Asked { path, query, endpoint: self.contract.endpoint(path) };
        let found = best(&self.routes, path);
        if found.is_none() && asked.endpoint.is_none() {
            return Err(Refusal::not_found(path));
        }
        asked.check()?;
        let domain = found.as_ref().and_then(|(route, _)| world.catalogue().get(&route.domain));
        match (found, domain) {
            (Some((Route { purpose: Purpose::Listing, .. }, placeholders)), Some(domain)) => {
                page::answer(world, domain, &asked, &placeholders, effect, rng)
            }
            (Some((Route { purpose: Purpose::Detail, .. }, placeholders)), Some(domain)) => {
                detail(world, domain, &asked, &placeholders, rng)
            }
            _ => by_hand(world, path, client, rng),
        }
    }
}

/// One entity, or the mark of a deleted one where the request lets it be seen.
fn detail(
    world: &World,
    domain: &Domain,
    asked: &Asked<'_>,
    placeholders: &Placeholders,
    rng: &mut Rng,
) -> Result<Vec<u8>, Refusal> {
    let wanted: Vec<(FieldPath, &str)> =
        placeholders.iter().map(|(name, text)| (FieldPath::parse(name), text.as_str())).collect();
    let is_wanted = |member: &Member| {
        wanted.iter().all(|(path, text)| match path.find(&member.value) {
            Some(value) => value.as_str() == Some(text),
            None => member.parent.as_ref().is_some_and(|parent| parent.as_str() == *text),
        })
    };
    let living = world.members(&domain.id).iter().find(|member| is_wanted(member)).cloned();
    let marks = !domain.removal.gone_when.is_empty();
    let gone = || world.gone(&domain.id).find(|member| marks && is_wanted(member)).map(|member| marked(domain, member));
    let filter = asked.filter();
    let member = living.or_else(gone).filter(|member| filter.shows(&member.value));
    let member = member.ok_or_else(|| Refusal::not_found(asked.path))?;
    Ok(Noise::of(domain).answer(world, &member, &asked.left_out(&[]), rng))
}

/// A removed entity with the marks of its domain.
fn marked(domain: &Domain, member: &Member) -> Member {
    let mut member = member.clone();
    for (path, mark) in &domain.removal.gone_when {
        if let (Value::Object(object), [Segment::Name(name)]) = (&mut member.value, path.segments()) {
            object.insert(name.clone(), mark.clone());
        }
    }
    member
}

/// The few answers that no domain gives.
fn by_hand(world: &World, path: &str, client: &str, rng: &mut Rng) -> Result<Vec<u8>, Refusal> {
    let organisation = named(world.org_id(), organisation_name(world));
    let subject = path.strip_prefix(SUBJECTS_PATH).and_then(|rest| rest.strip_prefix('/'));
    let answer = match path {
        TOKEN_PATH => {
            let mut program = named(client, client_name(world, client));
            program.insert("organization", Value::Object(organisation.clone()));
            let program = [("OAuthClient", program), ("organization", organisation.clone())];
            let members = program.into_iter().chain([("homeOrganization", organisation)]);
            Value::Object(members.map(|(name, object)| (Cow::Borrowed(name), Value::Object(object))).collect())
        }
        ORGANISATION_PATH => Value::Object(organisation),
        _ if subject == Some(client) => {
            let mut program = named(client, client_name(world, client));
            program.insert("grants", Value::Array(grants::told(world.client_grants(), client)));
            Value::Object(program)
        }
        _ => return Err(Refusal::not_found(path)),
    };
    let mut text = Vec::new();
    write(&answer, rng, &mut text);
    Ok(text)
}

fn named(id: &str, name: &str) -> Object<'static> {
    Object::from_iter([(Cow::Borrowed("id"), Value::from(id)), (Cow::Borrowed("name"), Value::from(name))])
}

/// The first domain that is listed at a path.
pub(super) fn domain_at<'w>(world: &'w World, path: &str) -> Option<&'w Domain> {
    world.catalogue().iter().find(|domain| domain.source.path == path)
}

fn organisation_name(world: &World) -> &str {
    let of = |domain: &Domain| world.members(&domain.id).first()?.value.get("name")?.as_str();
    domain_at(world, ORGANISATION_PATH).and_then(of).unwrap_or("Simulated Organisation")
}

fn client_name<'w>(world: &'w World, id: &str) -> &'w str {
    let is_client = |member: &&Member| member.key.as_str() == id;
    let of = |domain: &Domain| world.members(&domain.id).iter().find(is_client)?.value.get("name")?.as_str();
    domain_at(world, CLIENTS_PATH).and_then(of).unwrap_or("Program")
}
