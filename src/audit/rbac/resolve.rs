//! From a recorded state to who may do what.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::access::{Access, Division, Gap, Grant, Kind, Membership, Principal, Restriction, Right, Role, Standing};
use super::condition::Conditions;
use super::model::{Model, Place};
use super::permission::Permission;
use crate::canonical::value_of;
use crate::catalogue::Catalogue;
use crate::model::{DomainId, DomainSnapshot, EntityKey, EntitySource, Pointer, Value};
use crate::record::LedgerEntry;

/// A domain of a state, and how well it is known.
#[derive(Clone, Debug)]
pub struct Source {
    /// What is on record of it.
    pub content: Option<Rc<DomainSnapshot>>,
    /// How well it is known.
    pub standing: Standing,
}

/// The domains of a state that the model names.
pub type Sources = BTreeMap<DomainId, Source>;

impl Source {
    /// A domain as the ledger has it.
    #[must_use]
    pub fn of(entry: Option<&LedgerEntry>, content: Option<Rc<DomainSnapshot>>) -> Self {
        use crate::record::LedgerStatus;
        let standing = match entry {
            None => Standing::NotCaptured,
            Some(entry) if entry.status != LedgerStatus::Complete => Standing::Status(entry.status),
            Some(entry) if entry.baseline_under_way => Standing::UnderWay,
            Some(entry) if entry.digest.is_none() || content.is_none() => Standing::NotCaptured,
            Some(_) => Standing::Complete,
        };
        Self { content, standing }
    }

    /// A domain of which everything is known.
    #[must_use]
    pub fn complete(content: DomainSnapshot) -> Self {
        Self { content: Some(Rc::new(content)), standing: Standing::Complete }
    }
}

impl Access {
    /// Reads who may do what from a state; `names` finds what conditions refer to.
    #[must_use]
    pub fn resolve(model: &Model, catalogue: &Catalogue, sources: &Sources, names: &dyn EntitySource) -> Self {
        Resolver { model, catalogue, sources }.resolve(names)
    }
}

struct Resolver<'r> {
    model: &'r Model,
    catalogue: &'r Catalogue,
    sources: &'r Sources,
}

/// A grant by ids.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RawGrant {
    subject: String,
    role: String,
    division: Division,
    domain: DomainId,
    key: EntityKey,
}

impl Resolver<'_> {
    fn resolve(&self, names: &dyn EntitySource) -> Access {
        let mut roles = self.roles(names);
        let mut principals: BTreeMap<(Kind, String), Principal> = BTreeMap::new();
        for one in self.principals() {
            principals.insert((one.kind, one.id.clone()), one);
        }
        let known: HashMap<String, Kind> = principals.keys().map(|(kind, id)| (id.clone(), *kind)).collect();
        let grants = self.grants(&principals, &known);
        let told = self.told_kinds();
        let is_everybody_known = self.model.principals.iter().all(|one| self.is_complete(&one.domain));
        for grant in &grants {
            if !known.contains_key(&grant.subject) {
                let kind = told.get(&grant.subject).copied();
                let kind = kind.unwrap_or(if is_everybody_known { Kind::Outside } else { Kind::Unknown });
                let stranger = || Principal {
                    kind,
                    id: grant.subject.clone(),
                    name: None,
                    traits: BTreeSet::new(),
                    domain: None,
                    gathers: false,
                };
                principals.entry((kind, grant.subject.clone())).or_insert_with(stranger);
            }
            let unrecorded =
                || Role { id: grant.role.clone(), name: None, is_default: false, rights: None, unread: Vec::new() };
            roles.entry(grant.role.clone()).or_insert_with(unrecorded);
        }
        let principals: Vec<Principal> = principals.into_values().collect();
        let ids: HashMap<String, usize> =
            principals.iter().enumerate().map(|(index, one)| (one.id.clone(), index)).collect();
        let role_index: HashMap<&str, usize> =
            roles.keys().enumerate().map(|(index, id)| (id.as_str(), index)).collect();
        let mut kept: Vec<Grant> = grants
            .into_iter()
            .filter_map(|raw| {
                let (subject, role) = (*ids.get(&raw.subject)?, *role_index.get(raw.role.as_str())?);
                Some(Grant { subject, role, division: raw.division, domain: raw.domain, key: raw.key })
            })
            .collect();
        kept.sort_by(|left, right| {
            let order = |one: &Grant| (one.subject, one.role, one.division.clone(), one.domain.clone());
            order(left).cmp(&order(right)).then_with(|| left.key.cmp(&right.key))
        });
        let mut own = Vec::with_capacity(principals.len());
        let mut at = 0;
        for index in 0..principals.len() {
            let start = at;
            at += kept[start..].iter().take_while(|grant| grant.subject == index).count();
            own.push(start..at);
        }
        let groups = self.memberships(&principals, &ids);
        let mut members = vec![0; principals.len()];
        for membership in groups.iter().flatten() {
            members[membership.group] += 1;
        }
        let mut access = Access {
            principals,
            roles: roles.into_values().collect(),
            traits: self.traits(),
            grants: kept,
            divisions: self.divisions(),
            gaps: Vec::new(),
            restrictions: self.restrictions(),
            ids,
            own,
            groups,
            membership_domains: self.model.memberships.iter().map(|one| one.domain.clone()).collect(),
            members,
        };
        self.tell_gatherings(&mut access);
        access.gaps = self.gaps(&access);
        access
    }

    fn is_complete(&self, domain: &DomainId) -> bool {
        self.sources.get(domain).is_some_and(|source| source.standing == Standing::Complete)
    }

    /// The entities of a domain with their bodies, in order of key.
    fn entities(&self, domain: &DomainId, mut each: impl FnMut(&EntityKey, &Value<'_>)) {
        let content = self.sources.get(domain).and_then(|source| source.content.as_ref());
        for (key, text) in content.iter().flat_map(|content| &content.entities) {
            each(key, &value_of(text));
        }
    }

    fn name_of(&self, domain: &DomainId, body: &Value<'_>) -> Option<String> {
        let name = self.catalogue.get(domain)?.identity.name.as_ref()?.find(body)?.as_str()?;
        Some(name.to_owned())
    }

    fn roles(&self, names: &dyn EntitySource) -> BTreeMap<String, Role> {
        let at = &self.model.roles;
        let name_of = |targets: &[DomainId], id: &str| {
            let key = EntityKey::new(id);
            targets.iter().find_map(|target| self.name_of(target, &value_of(&names.entity(target, &key)?)))
        };
        let conditions = Conditions { roles: at, domain: self.catalogue.get(&at.domain), name_of: &name_of };
        let mut roles = BTreeMap::new();
        self.entities(&at.domain, |key, body| {
            let (mut rights, mut unread) = (Vec::new(), Vec::new());
            // A path such as `permissions.*` leads into one member, whose items the pointers count.
            let items = |path: &crate::catalogue::FieldPath| {
                let member = path.to_string();
                Pointer::root().child(member.trim_end_matches(".*"))
            };
            let root = items(&at.permissions);
            for (index, permission) in at.permissions.find_all(body).into_iter().enumerate() {
                let place = root.child(&index.to_string());
                match permission.as_str() {
                    Some(text) => rights.push(Right { permission: Permission::new(text), condition: None, place }),
                    None => unread.push(place),
                }
            }
            let root = items(&at.policies);
            for (index, policy) in at.policies.find_all(body).into_iter().enumerate() {
                let place = root.child(&index.to_string());
                let word = |path: &crate::catalogue::FieldPath| path.find(policy).and_then(Value::as_str);
                let actions = at.policy.actions.find(policy).and_then(Value::as_array);
                let (Some(domain), Some(entity), Some(actions)) =
                    (word(&at.policy.domain), word(&at.policy.entity), actions)
                else {
                    unread.push(place);
                    continue;
                };
                let condition = conditions.of(policy);
                for action in actions {
                    let Some(action) = action.as_str() else {
                        unread.push(place.clone());
                        continue;
                    };
                    let permission = Permission::of(domain, entity, action);
                    rights.push(Right { permission, condition: condition.clone(), place: place.clone() });
                }
            }
            rights.sort_by(|left, right| {
                let order =
                    |one: &Right| (one.permission.clone(), one.condition.as_ref().map(|one| one.identity.clone()));
                order(left).cmp(&order(right))
            });
            let is_default = at.default.find(body).and_then(Value::as_bool).unwrap_or_default();
            let (id, name) = (key.as_str().to_owned(), self.name_of(&at.domain, body));
            roles.insert(id.clone(), Role { id, name, is_default, rights: Some(rights), unread });
        });
        roles
    }

    fn principals(&self) -> Vec<Principal> {
        let mut principals = Vec::new();
        let mut words: BTreeMap<&str, Rc<str>> = BTreeMap::new();
        for one in &self.model.principals {
            for name in one.traits.keys() {
                words.entry(name).or_insert_with(|| name.as_str().into());
            }
            self.entities(&one.domain, |key, body| {
                let held = one.traits.iter().filter(|(_, condition)| condition.holds(body));
                principals.push(Principal {
                    kind: one.kind,
                    id: key.as_str().to_owned(),
                    name: self.name_of(&one.domain, body),
                    traits: held.map(|(name, _)| Rc::clone(&words[name.as_str()])).collect(),
                    domain: Some(one.domain.clone()),
                    gathers: false,
                });
            });
        }
        principals
    }

    /// What the traits of principals mean, where the model says it.
    fn traits(&self) -> BTreeMap<String, String> {
        let traits = self.model.principals.iter().flat_map(|one| &one.traits);
        traits.filter_map(|(name, condition)| Some((name.clone(), condition.about.clone()?))).collect()
    }

    fn grants(
        &self,
        principals: &BTreeMap<(Kind, String), Principal>,
        known: &HashMap<String, Kind>,
    ) -> BTreeSet<RawGrant> {
        let mut grants = BTreeSet::new();
        let all = &self.model.divisions.all;
        for one in &self.model.grants {
            let is_void = |subject: &str| {
                let principal = known.get(subject).and_then(|kind| principals.get(&(*kind, subject.to_owned())));
                principal.is_some_and(|found| one.void_for.iter().any(|name| found.traits.contains(name.as_str())))
            };
            self.entities(&one.domain, |key, body| {
                if one.unless.as_ref().is_some_and(|path| !path.find_all(body).is_empty()) {
                    return;
                }
                let items = one.each.as_ref().map_or_else(|| vec![body], |path| path.find_all(body));
                for item in items {
                    let first = |place: &Place| place.ids(key, item).into_iter().next();
                    let (Some(subject), Some(role)) = (first(&one.subject), first(&one.role)) else { continue };
                    let division = match one.division.as_ref().and_then(first) {
                        Some(id) if id == *all => Division::All,
                        Some(id) => Division::One(id),
                        None => Division::Untold,
                    };
                    if !is_void(&subject) {
                        let (domain, key) = (one.domain.clone(), key.clone());
                        grants.insert(RawGrant { subject, role, division, domain, key });
                    }
                }
            });
        }
        grants
    }

    /// For each principal the groups it is in; of several domains that say so, the first that does.
    fn memberships(&self, principals: &[Principal], ids: &HashMap<String, usize>) -> Vec<Vec<Membership>> {
        let mut groups: Vec<Vec<Membership>> = vec![Vec::new(); principals.len()];
        for (source, one) in self.model.memberships.iter().enumerate() {
            self.entities(&one.domain, |key, body| {
                if one.when.as_ref().is_some_and(|condition| !condition.holds(body)) {
                    return;
                }
                for member in one.member.ids(key, body) {
                    let Some(member) = ids.get(&member) else { continue };
                    for group in one.group.ids(key, body) {
                        let Some(group) = ids.get(&group) else { continue };
                        let own = &mut groups[*member];
                        if own.iter().all(|known| known.group != *group) {
                            own.push(Membership { group: *group, source });
                        }
                    }
                }
            });
        }
        for own in &mut groups {
            own.sort_by_key(|membership| membership.group);
        }
        groups
    }

    fn told_kinds(&self) -> HashMap<String, Kind> {
        let at = &self.model.subjects;
        let mut kinds = HashMap::new();
        self.entities(&at.domain, |key, body| {
            let kind = at.type_.find(body).and_then(Value::as_str).and_then(|word| at.kinds.get(word));
            if let (Some(kind), Some(id)) = (kind, at.id.ids(key, body).into_iter().next()) {
                kinds.insert(id, *kind);
            }
        });
        kinds
    }

    fn divisions(&self) -> BTreeMap<String, Option<String>> {
        let domain = &self.model.divisions.domain;
        let mut divisions = BTreeMap::new();
        self.entities(domain, |key, body| {
            divisions.insert(key.as_str().to_owned(), self.name_of(domain, body));
        });
        divisions
    }

    fn restrictions(&self) -> Vec<Restriction> {
        let mut restrictions = Vec::new();
        for one in &self.model.besides {
            let mut in_force = 0;
            self.entities(&one.domain, |_, body| in_force += u64::from(one.in_force.holds(body)));
            if in_force > 0 {
                restrictions.push(Restriction { domain: one.domain.clone(), in_force, about: one.about.clone() });
            }
        }
        restrictions
    }

    /// Marks the groups whose members are found by a rule and are not on record.
    fn tell_gatherings(&self, access: &mut Access) {
        for one in &self.model.gatherings {
            if self.is_complete(&one.found_in) {
                continue;
            }
            self.entities(&one.domain, |key, body| {
                for group in one.group.ids(key, body) {
                    if let Some(index) = access.ids.get(&group) {
                        access.principals[*index].gathers = true;
                    }
                }
            });
        }
    }

    /// What is not known, as far as it matters for what is.
    fn gaps(&self, access: &Access) -> Vec<Gap> {
        let model = self.model;
        let essential: BTreeSet<&DomainId> =
            model.grants.iter().map(|one| &one.domain).chain([&model.roles.domain]).collect();
        let mut needed: BTreeMap<&DomainId, &str> = BTreeMap::new();
        let mut need = |domain, without| {
            needed.entry(domain).or_insert(without);
        };
        need(&model.roles.domain, model.roles.without.as_str());
        need(&model.divisions.domain, &model.divisions.without);
        model.principals.iter().for_each(|one| need(&one.domain, &one.without));
        model.grants.iter().for_each(|one| need(&one.domain, &one.without));
        model.besides.iter().for_each(|one| need(&one.domain, &one.without));
        let holds = |index: usize| !access.own[index].is_empty();
        let has_group =
            access.principals.iter().enumerate().any(|(index, one)| one.kind == Kind::Group && holds(index));
        // Whether a group gathers its members matters for groups with roles only, and where nobody knows the members.
        if has_group || !self.is_complete(&model.roles.domain) {
            model.memberships.iter().for_each(|one| need(&one.domain, &one.without));
            for one in model.gatherings.iter().filter(|one| !self.is_complete(&one.found_in)) {
                need(&one.domain, &one.without);
            }
        }
        if access.principals.iter().any(|one| matches!(one.kind, Kind::Outside | Kind::Unknown)) {
            need(&model.subjects.domain, &model.subjects.without);
        }
        let gap = |(domain, without): (&DomainId, &str)| {
            let standing = self.sources.get(domain).map_or(Standing::NotCaptured, |source| source.standing);
            let gap = Gap {
                domain: domain.clone(),
                standing,
                without: without.to_owned(),
                is_essential: essential.contains(domain),
            };
            (standing != Standing::Complete).then_some(gap)
        };
        needed.into_iter().filter_map(gap).collect()
    }
}
