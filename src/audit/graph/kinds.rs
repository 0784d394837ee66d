//! The kinds of edges that there can be, from the domain files and the edges that are data besides.

use super::{Bond, EdgeKind, Ends, Form};
use crate::audit::edges::{Edges, FoundEdge};
use crate::catalogue::{Catalogue, Domain, FieldPath, KeyPart};
use crate::model::DomainId;

/// Where the entities of one domain say what they have to do with others.
pub(super) struct Sayings<'c> {
    pub(super) form: Form,
    /// Declared references: the path, the part of the key that holds the same where the body does not, and the kind for each
    /// target.
    pub(super) references: Vec<Saying<'c>>,
    /// Likewise for those that are data besides.
    pub(super) found: Vec<(&'c FoundEdge, Vec<(&'c DomainId, u32)>)>,
    /// The kind of the edge to the parent.
    pub(super) parent: Option<(&'c DomainId, u32)>,
    /// In a domain that relates two others, what is used.
    pub(super) relation: Option<Relating<'c>>,
}

/// What the entities of a domain that relates two others say.
pub(super) struct Relating<'c> {
    /// The part of the key that names what is used.
    pub(super) position: usize,
    pub(super) targets: Vec<(&'c DomainId, u32)>,
    /// The path of the reference to who uses, where that is not what the entity is listed under.
    pub(super) user: Option<&'c str>,
}

/// A declared reference.
pub(super) struct Saying<'c> {
    pub(super) path: &'c FieldPath,
    pub(super) key_part: Option<usize>,
    pub(super) targets: Vec<(&'c DomainId, u32)>,
}

impl Sayings<'_> {
    /// Whether the body of an entity says anything.
    pub(super) fn needs_body(&self) -> bool {
        !self.references.is_empty() || !self.found.is_empty() || self.parent.is_some()
    }
}

/// What the entities of a domain are, and what they say; the kinds of edges are added to those that are known.
pub(super) fn sayings_of<'c>(
    domain: &'c Domain,
    catalogue: &'c Catalogue,
    edges: &'c Edges,
    kinds: &mut Vec<EdgeKind>,
) -> Sayings<'c> {
    let form = form_of(domain, edges);
    let mut sayings = Sayings { form, references: Vec::new(), found: Vec::new(), parent: None, relation: None };
    let mut kind = |path: &str, target: &DomainId, bond: Bond, is_reversed: bool, carries: bool| {
        kinds.push(EdgeKind {
            domain: domain.id.clone(),
            path: path.to_owned(),
            target: target.clone(),
            bond,
            is_reversed,
            passes: edges.passes(&domain.id, path, target),
            carries: carries || edges.carries(&domain.id, path, target),
        });
        u32::try_from(kinds.len() - 1).unwrap_or(u32::MAX)
    };
    match &sayings.form {
        Form::Left => return sayings,
        Form::Relation(ends) => {
            let Some(relation) = edges.relation_of(&domain.id) else { return sayings };
            let targets = domain.key_targets().nth(ends.to.0).unwrap_or_default();
            let with_kind = |target| (target, kind(&relation.to, target, Bond::Relation, false, relation.carries));
            let targets = targets.into_iter().map(with_kind).collect();
            let is_field = matches!(relation.ends().0, KeyPart::Field(_));
            let user = is_field.then_some(relation.from.as_str());
            sayings.relation = Some(Relating { position: ends.to.0, targets, user });
            return sayings;
        }
        Form::Nodes => {
            if let Some(parent) = &domain.source.parent {
                sayings.parent = Some((parent, kind("$parent", parent, Bond::Parent, false, false)));
            }
        }
        Form::PartOf(_) => {}
    }
    for reference in &domain.references {
        let path = reference.path.to_string();
        let targets = reference.targets.iter();
        let targets = targets.map(|target| (target, kind(&path, target, Bond::Reference, false, false))).collect();
        sayings.references.push(Saying { path: &reference.path, key_part: key_part(domain, &reference.path), targets });
    }
    for found in edges.edge.iter().filter(|found| found.from == domain.id) {
        let path = found.path.to_string();
        let known = found.to.iter().filter(|target| catalogue.get(target).is_some());
        let with_kind = |target| (target, kind(&path, target, Bond::Found, found.reversed, found.carries));
        sayings.found.push((found, known.map(with_kind).collect()));
    }
    sayings
}

fn form_of(domain: &Domain, edges: &Edges) -> Form {
    if edges.told_by.contains_key(&domain.id) {
        return Form::Left;
    }
    if let Some(relation) = edges.relation_of(&domain.id) {
        let end = |part: &KeyPart| {
            let position = domain.identity.key.iter().position(|own| own == part)?;
            let targets = domain.key_targets().nth(position).unwrap_or_default();
            Some((position, targets.into_iter().cloned().collect()))
        };
        let (from, to) = relation.ends();
        if let (Some(from), Some(to)) = (end(&from), end(&to)) {
            return Form::Relation(Ends { from, to });
        }
    }
    match (&domain.source.parent, domain.identity.key.as_slice()) {
        (Some(parent), [KeyPart::Parent]) => Form::PartOf(parent.clone()),
        _ => Form::Nodes,
    }
}

/// The part of the key that holds what a reference says.
fn key_part(domain: &Domain, path: &FieldPath) -> Option<usize> {
    let is_at = |part: &KeyPart| match part {
        KeyPart::Field(field) => field == path || field.to_string() == format!("{path}.id"),
        KeyPart::Parent | KeyPart::Org => false,
    };
    domain.identity.key.iter().position(is_at)
}
