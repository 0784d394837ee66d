//! From a recorded state to a graph: first every node, then what each entity says.

use std::collections::BTreeMap;

use super::kinds::{Relating, Saying, Sayings, sayings_of};
use super::{Bond, Completeness, Edge, Form, Graph, Node, Part, Unresolved};
use crate::audit::edges::{Edges, FoundEdge};
use crate::canonical::value_of;
use crate::catalogue::{Catalogue, Domain, FieldPath, KeyPart};
use crate::model::{DomainId, DomainSnapshot, EntityKey, Value};
use crate::record::{Archive, ArchiveError, Tree};

pub(super) fn build<T: Tree>(
    catalogue: &Catalogue,
    archive: &Archive<T>,
    edges: &Edges,
) -> Result<Graph, ArchiveError> {
    let mut kinds = Vec::new();
    let sayings: Vec<(&Domain, Sayings<'_>)> =
        catalogue.iter().map(|domain| (domain, sayings_of(domain, catalogue, edges, &mut kinds))).collect();
    let mut graph = Graph {
        domains: Vec::new(),
        keys: Vec::new(),
        names: Vec::new(),
        kinds,
        edges: Vec::new(),
        incoming: Vec::new(),
        unresolved: Vec::new(),
        completeness: BTreeMap::new(),
    };
    for (domain, sayings) in &sayings {
        add_nodes(&mut graph, domain, sayings.form.clone(), archive)?;
    }
    let mut indexes = Indexes::default();
    for (domain, sayings) in &sayings {
        let Some(snapshot) = archive.domain(&domain.id)? else { continue };
        let nothing = &edges.nothing;
        let mut reader = Reader { graph: &mut graph, domain, catalogue, archive, indexes: &mut indexes, nothing };
        reader.read(sayings, &snapshot)?;
    }
    for (domain, _) in &sayings {
        let completeness = completeness(domain, catalogue, archive)?;
        graph.completeness.insert(domain.id.clone(), completeness);
    }
    finish(&mut graph);
    Ok(graph)
}

fn add_nodes<T: Tree>(
    graph: &mut Graph,
    domain: &Domain,
    form: Form,
    archive: &Archive<T>,
) -> Result<(), ArchiveError> {
    let start = number(graph.keys.len());
    let mut own_parts = Vec::new();
    if form == Form::Nodes
        && let Some(snapshot) = archive.domain(&domain.id)?
    {
        let own = own_part(domain);
        for key in snapshot.entities.keys() {
            let node = Node(number(graph.keys.len()));
            if let Some(part) = own.and_then(|position| key.parts().nth(position)) {
                own_parts.push((part.into_boxed_str(), node));
            }
            graph.keys.push(key.clone());
        }
    }
    graph.names.resize(graph.keys.len(), None);
    own_parts.sort_unstable();
    graph.domains.push(Part { domain: domain.id.clone(), form, start, end: number(graph.keys.len()), own_parts });
    Ok(())
}

/// The one part of a key of several that is the entity's own.
fn own_part(domain: &Domain) -> Option<usize> {
    let is_own = |part: &KeyPart| matches!(part, KeyPart::Field(_));
    let mut own = domain.identity.key.iter().enumerate().filter(|(_, part)| is_own(part));
    let (position, _) = own.next()?;
    (domain.identity.key.len() > 1 && own.next().is_none()).then_some(position)
}

/// Entities by a value that is not their key, for each domain and path that was asked for.
type Indexes = BTreeMap<(DomainId, FieldPath), BTreeMap<Box<str>, Vec<Node>>>;

/// Reads what the entities of one domain say.
struct Reader<'r, T> {
    graph: &'r mut Graph,
    domain: &'r Domain,
    catalogue: &'r Catalogue,
    archive: &'r Archive<T>,
    indexes: &'r mut Indexes,
    /// What a reference says where it means nothing in particular.
    nothing: &'r [String],
}

impl<T: Tree> Reader<'_, T> {
    fn read(&mut self, sayings: &Sayings<'_>, snapshot: &DomainSnapshot) -> Result<(), ArchiveError> {
        let name = self.domain.identity.name.as_ref().filter(|_| sayings.form == Form::Nodes);
        if let Some(relating) = &sayings.relation {
            for key in snapshot.entities.keys() {
                self.relate(key, relating);
            }
        }
        if name.is_none() && !sayings.needs_body() {
            return Ok(());
        }
        for (key, text) in &snapshot.entities {
            // What is part of an entity that is gone says nothing any more.
            let Some(node) = self.graph.node(&self.domain.id, key) else { continue };
            let body = value_of(text);
            if let Some(name) = name.and_then(|path| path.find(&body)).and_then(Value::as_str) {
                self.graph.names[node.0 as usize] = Some(name.into());
            }
            for saying in &sayings.references {
                self.refer(node, key, &body, saying);
            }
            if let Some((parent, kind)) = &sayings.parent
                && let Some(parent_key) = self.domain.parent_of(key, &body)
                && let Some(to) = self.graph.node(parent, &parent_key)
            {
                self.graph.edges.push(Edge { from: node, kind: *kind, to });
            }
            for (found, targets) in &sayings.found {
                self.find(node, &body, found, targets)?;
            }
        }
        Ok(())
    }

    /// An edge between the two that an entity relates.
    fn relate(&mut self, key: &EntityKey, relating: &Relating<'_>) {
        let Relating { position, targets, user } = relating;
        let Some(id) = key.parts().nth(*position) else { return };
        let Some(from) = self.graph.node(&self.domain.id, key) else { return self.miss_user(key, &id, targets, *user) };
        let mut is_found = false;
        for (target, kind) in targets {
            for to in self.graph.resolve([*target], &id) {
                self.graph.edges.push(Edge { from, kind: *kind, to });
                is_found = true;
            }
        }
        if !is_found && let Some((_, kind)) = targets.first() {
            let path = self.graph.kinds[*kind as usize].path.clone();
            self.miss(self.unresolved(from, &path, targets, &id));
        }
    }

    /// What is used by somebody who is not there says so itself.
    fn miss_user(&mut self, key: &EntityKey, id: &str, targets: &[(&DomainId, u32)], user: Option<&str>) {
        let target = self.graph.resolve(targets.iter().map(|(domain, _)| *domain), id);
        let Some(Form::Relation(ends)) = self.graph.part(&self.domain.id).map(|part| part.form.clone()) else { return };
        let (position, users) = ends.from;
        if let (Some(target), Some(user), Some(id)) = (target.first(), user, key.parts().nth(position)) {
            let users: Vec<(&DomainId, u32)> = users.iter().map(|domain| (domain, 0)).collect();
            self.miss(Unresolved { is_user: true, ..self.unresolved(*target, user, &users, &id) });
        }
    }

    fn refer(&mut self, node: Node, key: &EntityKey, body: &Value<'_>, saying: &Saying<'_>) {
        let mut ids: Vec<String> =
            saying.path.find_all(body).into_iter().filter_map(id_of).map(ToOwned::to_owned).collect();
        if ids.is_empty() {
            ids.extend(saying.key_part.and_then(|position| key.parts().nth(position)));
        }
        for id in ids {
            let mut found: Vec<(Node, u32)> = Vec::new();
            for (target, kind) in &saying.targets {
                found.extend(self.graph.resolve([*target], &id).into_iter().map(|to| (to, *kind)));
            }
            if found.is_empty() {
                self.miss(self.unresolved(node, &saying.path.to_string(), &saying.targets, &id));
            }
            self.graph.edges.extend(self.likeliest(node, key, found).map(|(to, kind)| Edge { from: node, kind, to }));
        }
    }

    /// Where an id means several entities, those that are listed under the same parent, if there are any.
    fn likeliest(
        &self,
        node: Node,
        key: &EntityKey,
        found: Vec<(Node, u32)>,
    ) -> impl Iterator<Item = (Node, u32)> + use<T> {
        let parent = self.domain.identity.key.iter().position(|part| *part == KeyPart::Parent);
        let parent = parent.and_then(|position| key.parts().nth(position));
        let is_near = |(to, _): &(Node, u32)| {
            let parts = |wanted: &str| self.graph.key(*to).parts().any(|part| part == wanted);
            *to != node && parent.as_deref().is_some_and(parts)
        };
        let near: Vec<(Node, u32)> =
            if found.len() > 1 { found.iter().copied().filter(is_near).collect() } else { Vec::new() };
        if near.is_empty() { found.into_iter() } else { near.into_iter() }
    }

    /// What is said of something that is not there.
    fn unresolved(&self, from: Node, path: &str, targets: &[(&DomainId, u32)], id: &str) -> Unresolved {
        Unresolved {
            from,
            domain: self.domain.id.clone(),
            path: path.to_owned(),
            targets: targets.iter().map(|(target, _)| (*target).clone()).collect(),
            id: id.into(),
            is_user: false,
        }
    }

    fn miss(&mut self, missing: Unresolved) {
        if !self.nothing.iter().any(|nothing| **nothing == *missing.id) {
            self.graph.unresolved.push(missing);
        }
    }

    /// Edges that are data besides the declared references.
    fn find(
        &mut self,
        node: Node,
        body: &Value<'_>,
        found: &FoundEdge,
        targets: &[(&DomainId, u32)],
    ) -> Result<(), ArchiveError> {
        for id in found.path.find_all(body).into_iter().filter_map(id_of) {
            for (target, kind) in targets {
                let nodes = match &found.by {
                    None => self.graph.resolve([*target], id),
                    Some(by) => self.by_value(target, by, id)?,
                };
                for other in nodes {
                    let (from, to) = if found.reversed { (other, node) } else { (node, other) };
                    if from != to {
                        self.graph.edges.push(Edge { from, kind: *kind, to });
                    }
                }
            }
        }
        Ok(())
    }

    /// The entities of a domain that hold a value at a path.
    fn by_value(&mut self, domain: &DomainId, path: &FieldPath, value: &str) -> Result<Vec<Node>, ArchiveError> {
        let place = (domain.clone(), path.clone());
        if !self.indexes.contains_key(&place) {
            let mut index: BTreeMap<Box<str>, Vec<Node>> = BTreeMap::new();
            let snapshot = self.catalogue.get(domain).map(|domain| self.archive.domain(&domain.id)).transpose()?;
            for (key, text) in snapshot.flatten().iter().flat_map(|snapshot| &snapshot.entities) {
                let Some(node) = self.graph.node(domain, key) else { continue };
                for held in path.find_all(&value_of(text)).into_iter().filter_map(Value::as_str) {
                    index.entry(held.into()).or_default().push(node);
                }
            }
            self.indexes.insert(place.clone(), index);
        }
        Ok(self.indexes.get(&place).and_then(|index| index.get(value)).cloned().unwrap_or_default())
    }
}

/// The id that a value says: itself, or that of the object it is.
fn id_of<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.get("id").unwrap_or(value).as_str().filter(|id| !id.is_empty())
}

fn completeness<T: Tree>(
    domain: &Domain,
    catalogue: &Catalogue,
    archive: &Archive<T>,
) -> Result<Completeness, ArchiveError> {
    let entry = archive.ledger().and_then(|ledger| ledger.domains.get(&domain.id));
    Ok(match Completeness::of_entry(entry) {
        Completeness::Complete => match behind(domain, catalogue, archive)? {
            0 => Completeness::Complete,
            count => Completeness::Behind(count),
        },
        other => other,
    })
}

/// Of how many entities what belongs to them is not on record, or belongs to an earlier state of theirs.
fn behind<T: Tree>(domain: &Domain, catalogue: &Catalogue, archive: &Archive<T>) -> Result<usize, ArchiveError> {
    let is_part = domain.identity.key == [KeyPart::Parent];
    let parent = domain.source.parent.as_ref().filter(|_| is_part && !domain.source.stamp.is_empty());
    let Some(parent) = parent.and_then(|parent| catalogue.get(parent)) else { return Ok(0) };
    let Some(parents) = archive.domain(&parent.id)? else { return Ok(0) };
    let own = archive.domain(&domain.id)?;
    let mut count = 0;
    for (key, text) in &parents.entities {
        let listings = domain.source.listings_under(key, &value_of(text));
        let Some(under) = listings.first() else { continue };
        let stored = own.as_ref().and_then(|own| own.entities.get(key));
        let is_newest = stored.is_some_and(|stored| {
            let body = value_of(stored);
            let mut stamps = domain.source.stamps(Some(under));
            stamps.all(|(name, value)| body.get(name).and_then(Value::as_str) == Some(value))
        });
        count += usize::from(!is_newest);
    }
    Ok(count)
}

/// Puts everything in order, each once.
fn finish(graph: &mut Graph) {
    graph.edges.sort_unstable();
    graph.edges.dedup();
    // What a declared reference of the same domain says as well is not said twice.
    let mut said: Vec<(Node, Node, &DomainId)> = Vec::new();
    for edge in &graph.edges {
        let kind = &graph.kinds[edge.kind as usize];
        if kind.bond == Bond::Reference {
            said.push((edge.from, edge.to, &kind.domain));
        }
    }
    said.sort_unstable();
    let is_said = |edge: &Edge| {
        let kind = &graph.kinds[edge.kind as usize];
        kind.bond == Bond::Found && said.binary_search(&(edge.from, edge.to, &kind.domain)).is_ok()
    };
    let kept: Vec<Edge> = graph.edges.iter().copied().filter(|edge| !is_said(edge)).collect();
    graph.edges = kept;
    graph.edges.shrink_to_fit();
    let mut incoming: Vec<u32> = (0..number(graph.edges.len())).collect();
    incoming.sort_by_key(|index| (graph.edges[*index as usize].to, *index));
    graph.incoming = incoming;
    graph.unresolved.sort_unstable();
    graph.unresolved.dedup();
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
