//! Which path means what: routes from the catalogue, parameters from the contract, answers from the world.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::audit;
use super::census::ORGANISATION_PATH;
use super::contract::{Contract, Endpoint, Method, Permissions};
use super::executions;
use super::fault::Effect;
use super::filter::{Filter, member_of};
use super::grants::{self, SUBJECTS_PATH};
use super::noise::{Noise, write};
use super::page;
use super::path::{Paths, Placeholders};
use super::place;
use super::population::Member;
use super::query;
use super::reply::Refusal;
use super::rng::Rng;
use super::world::World;
use crate::catalogue::{Catalogue, Domain, Paging, Source};
use crate::model::{DomainId, EntityKey, Object, Value};

/// The path at which a program learns who it is.
const TOKEN_PATH: &str = "/api/v2/tokens/me";

/// The path of the programs that can log in.
pub(super) const CLIENTS_PATH: &str = "/api/v2/oauth/clients";

/// Parameters that arrange an answer and choose nothing.
const ARRANGING: [&str; 5] = ["pageNumber", "pageSize", "sortBy", "sortOrder", "expand"];

/// The paths that are answered.
pub(super) struct Api {
    routes: Paths<Route>,
}

struct Route {
    domain: DomainId,
    purpose: Purpose,
    method: Method,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Listing,
    Detail,
}

/// What a request asks for.
pub(super) struct Asked<'r> {
    pub(super) path: &'r str,
    /// The parameters of the address and the body.
    pub(super) query: Vec<(String, String)>,
    /// What the contract says of the path; a domain that the user added may be unknown to it.
    pub(super) endpoint: Option<&'r Endpoint>,
}

/// A request, as far as it says what it wants.
pub(super) struct Call<'c> {
    pub(super) method: &'c str,
    pub(super) path: &'c str,
    pub(super) query: &'c str,
    pub(super) body: &'c str,
    /// The present by the clock of the server.
    pub(super) at: DateTime<Utc>,
    /// Where the server is.
    pub(super) base: &'c str,
}

impl<'r> Asked<'r> {
    /// Reads the parameters of a request, and refuses those that the path does not have.
    fn read(call: &Call<'r>, method: Method) -> Result<Self, Refusal> {
        let mut query = query::read(call.query);
        if method == Method::Query {
            query.extend(
                query::read_body(call.body).ok_or_else(|| Refusal::bad_request("The body is no JSON object."))?,
            );
        }
        let endpoint = Contract::embedded().endpoint(method, call.path);
        let unknown = query.iter().find(|(name, _)| endpoint.is_some_and(|endpoint| !endpoint.takes(name)));
        match unknown {
            Some((name, _)) => Err(Refusal::bad_request(format!("{} has no parameter {name}.", call.path))),
            None => Ok(Self { path: call.path, query, endpoint }),
        }
    }

    /// The value of a parameter, given or by default; several of one name are a list.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let given: Vec<&str> = self.query.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.as_str()).collect();
        if given.is_empty() {
            self.endpoint?.defaults().find(|(parameter, _)| *parameter == name).map(|(_, value)| value)
        } else {
            Some(given.join(","))
        }
    }

    /// The parameters as a filter of the entities of a domain, without those that mean something else.
    pub(super) fn filter(&self, domain: &Domain) -> Filter {
        let given = self.query.iter().map(|(name, _)| name.as_str());
        let by_default = self.endpoint.iter().flat_map(|endpoint| endpoint.defaults()).map(|(name, _)| name);
        let cursor = &domain.source.cursor;
        let is_paging = |name: &str| {
            ARRANGING.contains(&name)
                || (domain.source.paging == Paging::Cursor && (name == cursor.parameter || name == cursor.size))
        };
        let mut filter = Filter::default();
        for name in given.chain(by_default).collect::<BTreeSet<&str>>() {
            let values = self.parameter(name).unwrap_or_default();
            if !values.is_empty() && !is_paging(name) && !domain.source.bind.contains_key(name) {
                filter.want(member_of(domain, name), &values);
            }
        }
        filter
    }

    /// Members that are left out because the request does not ask for them.
    pub(super) fn left_out(&self, detail_only: &[String]) -> Vec<String> {
        let asked_for = self.parameter("expand").unwrap_or_default();
        let optional = self.endpoint.and_then(|endpoint| endpoint.parameter("expand"));
        let names = optional.iter().flat_map(|parameter| parameter.values());
        let names = names.chain(detail_only.iter().map(String::as_str));
        names.filter(|name| asked_for.split(',').all(|asked| asked != *name)).map(ToOwned::to_owned).collect()
    }
}

impl Api {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let mut routes = Vec::new();
        for domain in catalogue.iter() {
            let mut add = |path: &str, purpose, method| {
                routes.push((path.to_owned(), Route { domain: domain.id.clone(), purpose, method }));
            };
            add(&domain.source.path, Purpose::Listing, Method::of(&domain.source));
            if let Some(path) = &domain.source.detail {
                add(path, Purpose::Detail, Method::Get);
            }
        }
        Self { routes: Paths::of(routes) }
    }

    /// Whether a path is that of a listing.
    pub(super) fn is_listing(&self, world: &World, path: &str) -> bool {
        self.routes.best(path).into_iter().any(|(route, _)| {
            let domain = world.catalogue().get(&route.domain);
            route.purpose == Purpose::Listing && domain.is_some_and(|domain| domain.source.paging != Paging::Singleton)
        })
    }

    /// The permissions that a path needs.
    pub(super) fn permissions(&self, world: &World, method: &str, path: &str) -> Permissions {
        let endpoint = Method::named(method).and_then(|method| Contract::embedded().endpoint(method, path));
        if let Some(endpoint) = endpoint {
            return endpoint.permissions().clone();
        }
        let domain = self.routes.best(path).first().and_then(|(route, _)| world.catalogue().get(&route.domain));
        let of = |source: &Source| Permissions { names: source.permission.clone(), mode: source.permission_mode };
        domain.map(|domain| of(&domain.source)).unwrap_or_default()
    }

    /// The body of an answer. Where several domains have the path, it is that of the first that has something there.
    pub(super) fn answer(
        &self,
        world: &mut World,
        call: &Call<'_>,
        client: &str,
        effect: Option<Effect>,
        rng: &mut Rng,
    ) -> Result<Vec<u8>, Refusal> {
        let not_allowed = || Refusal::new(405, "method.not.allowed", "The simulated org is for reading.");
        let method = Method::named(call.method).ok_or_else(not_allowed)?;
        if Contract::embedded().endpoint(method, call.path).is_some() {
            let asked = Asked::read(call, method)?;
            if let Some(answer) = audit::answer(world, method, &asked, call.body) {
                return answer;
            }
            if let Some(answer) = executions::answer(world, method, &asked, call.body, (call.at, call.base), rng) {
                return answer;
            }
        }
        let world = &*world;
        let fitting = self.routes.best(call.path);
        let is_known = Contract::embedded().endpoint(method, call.path).is_some();
        let of_method: Vec<_> = fitting.iter().filter(|(route, _)| route.method == method).collect();
        if of_method.is_empty() && (method == Method::Query || !fitting.is_empty()) {
            return Err(not_allowed());
        }
        if of_method.is_empty() && !is_known {
            return Err(Refusal::not_found(call.path));
        }
        let asked = Asked::read(call, method)?;
        for (route, placeholders) in of_method {
            let Some(domain) = world.catalogue().get(&route.domain) else { continue };
            let answer = match route.purpose {
                Purpose::Listing => page::answer(world, domain, &asked, placeholders, effect, rng),
                Purpose::Detail => detail(world, domain, &asked, placeholders, rng),
            };
            if !matches!(answer, Err(Refusal { status: 404, .. })) {
                return answer;
            }
        }
        by_hand(world, call.path, client, rng)
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
    let (filter, noise, left_out) = (asked.filter(domain), Noise::of(domain), asked.left_out(&[]));
    if let Some(member) = world.read(domain, placeholders) {
        let member = Some(member).filter(|member| filter.shows(&member.value));
        let member = member.ok_or_else(|| Refusal::not_found(asked.path))?;
        return Ok(noise.answer(world, &member, &left_out, rng));
    }
    let has_marks = !domain.removal.gone_when.is_empty();
    let gone = world.read_gone(domain, placeholders).filter(|_| has_marks).map(|gone| marked(domain, gone));
    let gone = gone.filter(|gone| filter.shows(&gone.value)).ok_or_else(|| Refusal::not_found(asked.path))?;
    Ok(noise.answer_of_gone(world, &gone, &left_out, rng))
}

/// A removed entity with the marks of its domain.
fn marked(domain: &Domain, member: &Member) -> Member {
    let mut member = member.clone();
    for (path, mark) in &domain.removal.gone_when {
        place::put(&mut member.value, path, mark.clone());
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
    let of = |domain: &Domain| world.entity(&domain.id, &EntityKey::new(id))?.get("name")?.as_str();
    domain_at(world, CLIENTS_PATH).and_then(of).unwrap_or("Program")
}
