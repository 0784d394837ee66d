//! The model of an entity, by paths as the domain files write them.

use crate::writing::contract::{Contract, Kind, Member};

/// The model that a stored form is made from.
pub(crate) struct Model<'c> {
    contract: &'c Contract,
    root: Kind<'c>,
}

/// A member somewhere in it.
#[derive(Clone)]
pub(crate) struct Found<'c> {
    /// Where: dotted, `*` for every item or value.
    pub(crate) path: String,
    /// Its own name.
    pub(crate) name: &'c str,
    /// Its type, under arrays and maps.
    pub(crate) kind: Kind<'c>,
    /// Whether there are several of it: an array or a map.
    pub(crate) member: &'c Member,
}

impl<'c> Model<'c> {
    pub(crate) fn new(contract: &'c Contract, root: Kind<'c>) -> Self {
        Self { contract, root }
    }

    /// The type at a path.
    pub(crate) fn kind_at(&self, path: &str) -> Option<Kind<'c>> {
        path.split('.').try_fold(self.root.clone(), |kind, step| self.step(&kind, step))
    }

    /// Whether there is something at a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.kind_at(path).is_some()
    }

    /// The step from a type to a member, or with `*` to its items.
    pub(crate) fn step(&self, kind: &Kind<'c>, step: &str) -> Option<Kind<'c>> {
        match kind {
            Kind::Array(inner) if step == "*" => Some((**inner).clone()),
            Kind::Map(inner) => Some((**inner).clone()),
            Kind::Any => Some(Kind::Any),
            Kind::Model(name) => {
                let member = self.contract.models.get(*name)?.props.get(step)?;
                Some(Kind::parse(&member.r#type))
            }
            Kind::Scalar(..) | Kind::Array(_) => None,
        }
    }

    /// The values that a member of the entity is known to have.
    pub(crate) fn values(&self, member: &str) -> Vec<&'c str> {
        let Kind::Model(name) = self.root else { return Vec::new() };
        let member = self.contract.models.get(name).and_then(|model| model.props.get(member));
        let values = member.and_then(|member| member.r#enum.as_ref());
        values.into_iter().flatten().filter_map(|value| value.as_str()).collect()
    }

    /// The names of the members of a model.
    pub(crate) fn members(&self, model: &str) -> Vec<&'c str> {
        self.contract.models.get(model).map_or_else(Vec::new, |model| model.props.keys().map(String::as_str).collect())
    }

    /// The names of the members of the entity.
    pub(crate) fn own_members(&self) -> Vec<&'c str> {
        if let Kind::Model(name) = self.root { self.members(name) } else { Vec::new() }
    }

    /// Every member, outer ones first, but for those below a place that `closed` names and below models in themselves.
    pub(crate) fn walk(&self, closed: &dyn Fn(&Found<'c>) -> bool) -> Vec<Found<'c>> {
        let mut found = Vec::new();
        self.walk_in(&self.root, "", &mut Vec::new(), closed, &mut found);
        found
    }

    fn walk_in(
        &self,
        kind: &Kind<'c>,
        path: &str,
        around: &mut Vec<&'c str>,
        closed: &dyn Fn(&Found<'c>) -> bool,
        found: &mut Vec<Found<'c>>,
    ) {
        match kind {
            Kind::Array(inner) | Kind::Map(inner) => self.walk_in(inner, &join(path, "*"), around, closed, found),
            Kind::Model(model) if !around.contains(model) => {
                let Some(members) = self.contract.models.get(*model) else { return };
                around.push(model);
                for (name, member) in &members.props {
                    let kind = Kind::parse(&member.r#type);
                    let one = Found { path: join(path, name), name, kind, member };
                    let open = !closed(&one);
                    let (inside, below) = (one.kind.clone(), one.path.clone());
                    found.push(one);
                    if open {
                        self.walk_in(&inside, &below, around, closed, found);
                    }
                }
                around.pop();
            }
            Kind::Model(_) | Kind::Any | Kind::Scalar(..) => {}
        }
    }
}

/// A path and one step more.
pub(crate) fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

/// A path of the table (`a[].b{}`) as the domain files write it (`a.*.b.*`).
pub(crate) fn from_table(path: &str) -> String {
    path.replace("[]", ".*").replace("{}", ".*")
}

/// Whether a path is one of these or lies below it.
pub(crate) fn is_under<'p>(path: &str, others: impl IntoIterator<Item = &'p str>) -> bool {
    others
        .into_iter()
        .any(|other| path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}
