//! What conditions of lint rules ask for, answered from a state.
//!
//! Everything is found when it is first asked for and kept: a state whose rules ask for no references has none followed.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::missing;
use super::recurrence::end_of;
use crate::audit::graph::{Bond, Completeness, EdgeKind, Graph, Node};
use crate::canonical::value_of;
use crate::catalogue::{Catalogue, Domain, FieldPath};
use crate::model::{DomainId, DomainSnapshot, EntityKey, Evidence, Value};
use crate::policy::{Answer, Call, Names, OF_DOMAIN};
use crate::record::{Archive, ArchiveError, Tree};

/// Most names that evidence lists.
const MOST_NAMES: usize = 5;

/// What a state answers.
pub(super) struct Answers<'a, T> {
    catalogue: &'a Catalogue,
    state: &'a Archive<T>,
    graph: OnceCell<Option<Graph>>,
    /// All entities of a domain.
    whole: RefCell<HashMap<DomainId, Answer>>,
    /// The keys of what is listed under each parent, by domain.
    children: RefCell<HashMap<DomainId, Rc<Children>>>,
    /// What interactions reach from the entities of a domain.
    reached: RefCell<HashMap<DomainId, Rc<HashSet<Node>>>>,
    /// What of the state cannot be read.
    damage: RefCell<Option<ArchiveError>>,
}

type Children = BTreeMap<EntityKey, Vec<EntityKey>>;

/// What a state answers about one entity.
pub(super) struct About<'a, 'b, T> {
    answers: &'b Answers<'a, T>,
    domain: &'b Domain,
    key: &'b EntityKey,
    body: &'b Value<'b>,
    told: RefCell<BTreeMap<Call, Told>>,
}

/// What an answer said, to be shown.
enum Told {
    Entities(DomainId, Vec<EntityKey>),
    Count(usize),
    Flag(bool),
    Text(String),
}

impl Told {
    /// Whether there is anything.
    fn is_something(&self) -> bool {
        match self {
            Self::Entities(_, keys) => !keys.is_empty(),
            Self::Count(count) => *count > 0,
            Self::Flag(flag) => *flag,
            Self::Text(text) => !text.is_empty(),
        }
    }
}

/// The functions that say whether something is so.
const WHETHER: [&str; 2] = ["is_used_by", "reached_from"];

/// Why something cannot be told.
type Reason = String;

impl<'a, T: Tree> Answers<'a, T> {
    pub(super) fn new(catalogue: &'a Catalogue, state: &'a Archive<T>) -> Self {
        Self {
            catalogue,
            state,
            graph: OnceCell::new(),
            whole: RefCell::default(),
            children: RefCell::default(),
            reached: RefCell::default(),
            damage: RefCell::default(),
        }
    }

    /// What can be asked about an entity.
    pub(super) fn about<'b>(&'b self, domain: &'b Domain, key: &'b EntityKey, body: &'b Value<'b>) -> About<'a, 'b, T> {
        About { answers: self, domain, key, body, told: RefCell::default() }
    }

    /// What of the state could not be read when something was asked for.
    pub(super) fn damage(&self) -> Option<ArchiveError> {
        self.damage.borrow_mut().take()
    }

    /// How much may be concluded from what is not there in a domain, as far as the ledger says.
    pub(super) fn completeness(&self, domain: &DomainId) -> Completeness {
        Completeness::of_entry(self.state.ledger().and_then(|ledger| ledger.domains.get(domain)))
    }

    /// Nothing, or why nothing can be concluded from what is not there in a domain.
    fn known(&self, domain: &DomainId) -> Result<(), Reason> {
        let completeness = self.completeness(domain);
        if completeness.is_known() { Ok(()) } else { Err(missing(domain, completeness)) }
    }

    fn snapshot(&self, domain: &DomainId) -> Result<Option<Rc<DomainSnapshot>>, Reason> {
        self.state.domain(domain).map_err(|error| self.damaged(error))
    }

    fn damaged(&self, error: ArchiveError) -> Reason {
        let reason = error.to_string();
        self.damage.borrow_mut().get_or_insert(error);
        reason
    }

    fn graph(&self) -> Result<&Graph, Reason> {
        let built =
            self.graph.get_or_init(|| Graph::of(self.catalogue, self.state).map_err(|error| self.damaged(error)).ok());
        built.as_ref().ok_or_else(|| "the state cannot be read".to_owned())
    }

    fn children(&self, domain: &Domain) -> Result<Rc<Children>, Reason> {
        if let Some(known) = self.children.borrow().get(&domain.id) {
            return Ok(Rc::clone(known));
        }
        let mut children = Children::new();
        if let Some(snapshot) = self.snapshot(&domain.id)? {
            for (key, text) in &snapshot.entities {
                if let Some(parent) = domain.parent_of(key, &value_of(text)) {
                    children.entry(parent).or_default().push(key.clone());
                }
            }
        }
        let children = Rc::new(children);
        self.children.borrow_mut().insert(domain.id.clone(), Rc::clone(&children));
        Ok(children)
    }

    /// What interactions reach from the entities of a domain.
    fn reached(&self, domain: &DomainId) -> Result<Rc<HashSet<Node>>, Reason> {
        if let Some(known) = self.reached.borrow().get(domain) {
            return Ok(Rc::clone(known));
        }
        let graph = self.graph()?;
        let mut reached: HashSet<Node> = HashSet::new();
        let mut next: Vec<Node> = graph.nodes_of(domain).collect();
        while let Some(node) = next.pop() {
            let onward = graph.uses(node).filter(|link| link.kind.carries).map(|link| link.to);
            next.extend(onward.filter(|to| reached.insert(*to)));
        }
        let reached = Rc::new(reached);
        self.reached.borrow_mut().insert(domain.clone(), Rc::clone(&reached));
        Ok(reached)
    }

    /// The domains that the ends of the edges of a kind can belong to: of who uses, and of what is used.
    fn ends<'k>(&'k self, graph: &'k Graph, kind: &'k EdgeKind) -> (Vec<&'k DomainId>, &'k DomainId) {
        let target = graph.carrier(&kind.target);
        if kind.is_reversed {
            return (vec![target], graph.carrier(&kind.domain));
        }
        if kind.bond != Bond::Relation {
            return (vec![graph.carrier(&kind.domain)], target);
        }
        let relation = self.catalogue.get(&kind.domain);
        let ends = relation.into_iter().flat_map(Domain::key_targets).flatten().filter(|end| **end != kind.target);
        (ends.collect(), target)
    }

    /// Nothing, or why it cannot be told which entities of one domain use which of another.
    fn edges_known(&self, from: &DomainId, to: &DomainId) -> Result<(), Reason> {
        let graph = self.graph()?;
        let mut says = BTreeSet::from([from]);
        for kind in graph.kinds() {
            let (sources, target) = self.ends(graph, kind);
            if target == to && sources.contains(&from) {
                says.insert(&kind.domain);
            }
        }
        all_known(graph, says)
    }

    /// Nothing, or why it cannot be told that interactions do not come from the entities of one domain to those of another.
    fn ways_known(&self, from: &DomainId, to: &DomainId) -> Result<(), Reason> {
        let graph = self.graph()?;
        let steps: Vec<(Vec<&DomainId>, &DomainId, &DomainId)> = graph
            .kinds()
            .iter()
            .filter(|kind| kind.carries)
            .map(|kind| {
                let (sources, target) = self.ends(graph, kind);
                (sources, target, &kind.domain)
            })
            .collect();
        let mut onward = BTreeSet::from([from]);
        let mut back = BTreeSet::from([to]);
        loop {
            let before = onward.len() + back.len();
            for (sources, target, _) in &steps {
                if sources.iter().any(|source| onward.contains(source)) {
                    onward.insert(target);
                }
                if back.contains(target) {
                    back.extend(sources.iter().copied());
                }
            }
            if onward.len() + back.len() == before {
                break;
            }
        }
        let mut says = BTreeSet::from([from]);
        for (sources, target, domain) in &steps {
            if back.contains(target) && sources.iter().any(|source| onward.contains(source)) {
                says.extend([*domain, target]);
            }
        }
        all_known(graph, says)
    }
}

/// Nothing, or why nothing can be concluded from what is not there in one of some domains.
fn all_known(graph: &Graph, domains: BTreeSet<&DomainId>) -> Result<(), Reason> {
    let known = domains.into_iter().map(|domain| (domain, graph.completeness(domain)));
    let reasons: Vec<Reason> =
        known.filter(|(_, how)| !how.is_known()).map(|(domain, how)| missing(domain, how)).collect();
    if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
}

impl<T: Tree> About<'_, '_, T> {
    /// The answer to a call.
    pub(super) fn answer(&self, call: &Call) -> Result<Answer, Reason> {
        let (answer, told) = self.find(call)?;
        self.told.borrow_mut().insert(call.clone(), told);
        Ok(answer)
    }

    fn find(&self, call: &Call) -> Result<(Answer, Told), Reason> {
        let argument = call.argument.as_str();
        if !OF_DOMAIN.contains(&call.function) {
            return match call.function {
                "end_of" => end_of(argument).map(|end| (Answer::text(end.clone()), Told::Text(end))),
                _ => self.target(argument),
            };
        }
        let id: DomainId = argument.parse().map_err(|error: crate::model::DomainIdError| error.to_string())?;
        let Some(domain) = self.answers.catalogue.get(&id) else {
            return Err(format!("there is no domain {id}"));
        };
        match call.function {
            "entities" => self.entities(&id),
            "is_used_by" => self.is_used_by(&id),
            "members" => self.members(domain),
            "peer" => self.peer(&id),
            "reached_from" => self.reached_from(&id),
            "used_by" => self.used_by(&id),
            _ => self.uses(&id),
        }
    }

    fn node(&self) -> Result<Option<(&Graph, Node)>, Reason> {
        let graph = self.answers.graph()?;
        Ok(graph.node(&self.domain.id, self.key).map(|node| (graph, node)))
    }

    fn target(&self, path: &str) -> Result<(Answer, Told), Reason> {
        let parsed = FieldPath::parse(path);
        let reference = self.domain.references.iter().find(|one| one.path == parsed);
        let Some(reference) = reference else { return Err(format!("{path} is no reference of {}", self.domain.id)) };
        let found = parsed.find(self.body).map(|value| value.get("id").unwrap_or(value)).and_then(Value::as_str);
        // A part of the key says it where the entity does not.
        let of_key = || {
            let position =
                self.domain.key_targets().position(|targets| targets.iter().copied().eq(&reference.targets))?;
            self.key.parts().nth(position)
        };
        let Some(id) = found.map(ToOwned::to_owned).or_else(of_key) else {
            return Ok((Answer::entity(None), Told::Text("nothing".to_owned())));
        };
        let key = EntityKey::new(&id);
        for target in &reference.targets {
            let snapshot = self.answers.snapshot(target)?;
            if let Some(text) = snapshot.as_ref().and_then(|snapshot| snapshot.entities.get(&key)) {
                return Ok((Answer::keyed(&key, &value_of(text)), Told::Entities(target.clone(), vec![key])));
            }
        }
        reference.targets.iter().try_for_each(|target| self.answers.known(target))?;
        Ok((Answer::entity(None), Told::Text("something that is not there".to_owned())))
    }

    fn entities(&self, id: &DomainId) -> Result<(Answer, Told), Reason> {
        self.answers.known(id)?;
        let snapshot = self.answers.snapshot(id)?;
        let told = Told::Count(snapshot.as_ref().map_or(0, |snapshot| snapshot.entities.len()));
        if let Some(known) = self.answers.whole.borrow().get(id) {
            return Ok((known.clone(), told));
        }
        let entities = snapshot.iter().flat_map(|snapshot| &snapshot.entities);
        let answer = Answer::entities(entities.map(|(key, text)| (key, value_of(text))));
        self.answers.whole.borrow_mut().insert(id.clone(), answer.clone());
        Ok((answer, told))
    }

    fn members(&self, domain: &Domain) -> Result<(Answer, Told), Reason> {
        self.answers.known(&domain.id)?;
        let children = self.answers.children(domain)?;
        self.these(&domain.id, children.get(self.key).cloned().unwrap_or_default())
    }

    fn peer(&self, id: &DomainId) -> Result<(Answer, Told), Reason> {
        let snapshot = self.answers.snapshot(id)?;
        if let Some(text) = snapshot.as_ref().and_then(|snapshot| snapshot.entities.get(self.key)) {
            Ok((Answer::keyed(self.key, &value_of(text)), Told::Entities(id.clone(), vec![self.key.clone()])))
        } else {
            self.answers.known(id)?;
            Ok((Answer::entity(None), Told::Text("nothing".to_owned())))
        }
    }

    fn is_used_by(&self, id: &DomainId) -> Result<(Answer, Told), Reason> {
        let users = self.users(id)?;
        if users.is_empty() {
            self.answers.edges_known(id, &self.domain.id)?;
        }
        Ok((Answer::flag(!users.is_empty()), Told::Entities(id.clone(), users)))
    }

    fn used_by(&self, id: &DomainId) -> Result<(Answer, Told), Reason> {
        self.answers.edges_known(id, &self.domain.id)?;
        self.these(id, self.users(id)?)
    }

    fn uses(&self, id: &DomainId) -> Result<(Answer, Told), Reason> {
        self.answers.edges_known(&self.domain.id, id)?;
        self.answers.known(id)?;
        let Some((graph, node)) = self.node()? else { return self.these(id, Vec::new()) };
        let used = graph.uses(node).map(|link| link.to).filter(|to| graph.domain(*to) == id);
        let used: BTreeSet<Node> = used.collect();
        self.these(id, used.into_iter().map(|node| graph.key(node).clone()).collect())
    }

    fn reached_from(&self, id: &DomainId) -> Result<(Answer, Told), Reason> {
        let reached = self.answers.reached(id)?;
        let is_reached = self.node()?.is_some_and(|(_, node)| reached.contains(&node));
        if !is_reached {
            self.answers.ways_known(id, &self.domain.id)?;
        }
        Ok((Answer::flag(is_reached), Told::Flag(is_reached)))
    }

    /// The entities of a domain that use this one.
    fn users(&self, id: &DomainId) -> Result<Vec<EntityKey>, Reason> {
        let Some((graph, node)) = self.node()? else { return Ok(Vec::new()) };
        let users = graph.used_by(node).map(|link| link.from).filter(|from| graph.domain(*from) == id);
        let users: BTreeSet<Node> = users.collect();
        Ok(users.into_iter().map(|node| graph.key(node).clone()).collect())
    }

    /// The entities of some keys of a domain.
    fn these(&self, id: &DomainId, keys: Vec<EntityKey>) -> Result<(Answer, Told), Reason> {
        let snapshot = self.answers.snapshot(id)?;
        let texts = keys.iter().filter_map(|key| Some((key, value_of(snapshot.as_ref()?.entities.get(key)?))));
        Ok((Answer::entities(texts), Told::Entities(id.clone(), keys)))
    }

    /// What the answers to some calls say, for a finding. Where it was asked for one of several, those that are so show it.
    pub(super) fn evidence(&self, asked: &BTreeSet<Call>, names: &Names<'_>) -> Vec<Evidence> {
        let told = self.told.borrow();
        let is_so = |call: &Call| told.get(call).is_some_and(Told::is_something);
        let is_one_of = |call: &Call| asked.iter().any(|other| other.function == call.function && is_so(other));
        let asks_whether = |call: &Call| WHETHER.contains(&call.function);
        let shown = asked.iter().filter(|call| !asks_whether(call) || is_so(call) || !is_one_of(call));
        shown.filter_map(|call| self.evidence_of(call, told.get(call)?, names)).collect()
    }

    fn evidence_of(&self, call: &Call, told: &Told, names: &Names<'_>) -> Option<Evidence> {
        let text = match told {
            Told::Entities(_, keys) if keys.is_empty() => "none".to_owned(),
            Told::Entities(id, keys) => {
                let domain = self.answers.catalogue.get(id)?;
                let snapshot = self.answers.snapshot(id).ok().flatten();
                let called = |key: &EntityKey| {
                    let body = snapshot.as_ref().and_then(|snapshot| snapshot.entities.get(key)).map(value_of);
                    let name = body.and_then(|body| names.of_entity(domain, key, &body));
                    name.unwrap_or_else(|| key.to_string())
                };
                let mut shown: Vec<String> = keys.iter().take(MOST_NAMES).map(called).collect();
                let more = keys.len() - shown.len();
                shown.extend((more > 0).then(|| format!("… and {more} more")));
                shown.join(", ")
            }
            Told::Count(count) => format!("{count} looked at"),
            Told::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Told::Text(text) if text.is_empty() => "never".to_owned(),
            Told::Text(text) => text.clone(),
        };
        Some(Evidence::new(&format!("{} {}", call.function.replace('_', " "), call.argument), text))
    }
}
