//! The least role: the permissions that suffice to read some domains.

use std::collections::{BTreeMap, BTreeSet};

use super::Catalogue;
use super::definition::Domain;
use super::source::PermissionMode;
use crate::model::DomainId;

/// The permissions that suffice to read some domains, and what each is needed for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeastRole {
    /// What each permission is needed for.
    pub permissions: BTreeMap<String, Need>,
    /// The domains for which the API names no permission.
    pub unnamed: BTreeSet<DomainId>,
}

/// What a permission is needed for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The domains that are read with it.
    pub domains: BTreeSet<DomainId>,
    /// What else it is for.
    pub purpose: Option<&'static str>,
}

/// Actions on one kind of thing, as a role holds them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionPolicy {
    /// The first part of the permissions.
    pub domain: String,
    /// The second part.
    pub entity: String,
    /// The third parts.
    pub actions: BTreeSet<String>,
}

impl LeastRole {
    /// The least role for some domains and those that they are listed under, and for purposes besides.
    ///
    /// Where any of several permissions suffices, one that is needed anyway is taken; else the one that serves most domains, of
    /// these one that only lets its holder view, and of these the first.
    #[must_use]
    pub fn of(catalogue: &Catalogue, selection: &BTreeSet<DomainId>, besides: &[(&str, &'static str)]) -> Self {
        let mut role = Self::default();
        for (permission, purpose) in besides {
            role.permissions.entry((*permission).to_owned()).or_default().purpose = Some(purpose);
        }
        let wanted: BTreeMap<&DomainId, &Domain> =
            selection.iter().flat_map(|id| catalogue.lineage(id)).map(|domain| (&domain.id, domain)).collect();
        let mut open = Vec::new();
        for domain in wanted.into_values() {
            match (domain.source.permission.as_slice(), domain.source.permission_mode) {
                ([], _) => drop(role.unnamed.insert(domain.id.clone())),
                ([_], _) | (_, PermissionMode::All) => {
                    domain.source.permission.iter().for_each(|permission| role.need(permission, domain));
                }
                (_, PermissionMode::Any) => open.push(domain),
            }
        }
        while let Some(permission) = role.next(&mut open) {
            open.retain(|domain| {
                let is_served = domain.source.permission.contains(&permission);
                if is_served {
                    role.need(&permission, domain);
                }
                !is_served
            });
        }
        role
    }

    /// The permissions as a role holds them, in order.
    #[must_use]
    pub fn policies(&self) -> Vec<PermissionPolicy> {
        let mut policies: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
        for permission in self.permissions.keys() {
            let mut parts = permission.splitn(3, ':');
            if let (Some(domain), Some(entity), Some(action)) = (parts.next(), parts.next(), parts.next()) {
                policies.entry((domain, entity)).or_default().insert(action.to_owned());
            }
        }
        let policy = |((domain, entity), actions): ((&str, &str), _)| PermissionPolicy {
            domain: domain.to_owned(),
            entity: entity.to_owned(),
            actions,
        };
        policies.into_iter().map(policy).collect()
    }

    fn need(&mut self, permission: &str, domain: &Domain) {
        self.permissions.entry(permission.to_owned()).or_default().domains.insert(domain.id.clone());
    }

    /// Serves what is served already, and chooses the next permission for the rest.
    fn next(&mut self, open: &mut Vec<&Domain>) -> Option<String> {
        open.retain(|domain| {
            let held = domain.source.permission.iter().find(|permission| self.permissions.contains_key(*permission));
            let held = held.cloned();
            if let Some(permission) = &held {
                self.need(permission, domain);
            }
            held.is_none()
        });
        let mut candidates: Vec<&String> = Vec::new();
        for permission in open.iter().flat_map(|domain| &domain.source.permission) {
            if !candidates.contains(&permission) {
                candidates.push(permission);
            }
        }
        let rank = |permission: &&String| {
            let serves = open.iter().filter(|domain| domain.source.permission.contains(permission)).count();
            (std::cmp::Reverse(serves), !permission.ends_with(":view"))
        };
        candidates.into_iter().min_by_key(rank).cloned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const SCHEMA: &str =
        r#"{"properties":{"entities":{"additionalProperties":{"type":"object","properties":{"id":{}}}}}}"#;

    /// The least role for domains of these names with these lines in `[source]`.
    fn role(domains: &[(&str, &str)]) -> LeastRole {
        let domain = |(name, source): &(&str, &str)| {
            let text = format!(
                "about = \"x\"\nschema_version = 1\ntier = \"deep\"\n[source]\npath = \"/api/v2/a\"\npaging = \"array\"\n{source}\n\
                 [identity]\nkey = [\"id\"]\n[risk]\nadded = \"low\"\nremoved = \"low\"\nmodified = \"low\"\n"
            );
            Domain::read(name.parse().unwrap(), name, &text, name, SCHEMA).unwrap()
        };
        let catalogue = Catalogue::from_domains(domains.iter().map(domain).collect()).unwrap();
        LeastRole::of(&catalogue, &catalogue.names().cloned().collect(), &[("authorization:grant:view", "x")])
    }

    fn told(role: &LeastRole) -> Vec<String> {
        let line = |(permission, need): (&String, &Need)| {
            let domains: Vec<&str> = need.domains.iter().map(DomainId::as_str).collect();
            format!("{permission} {}", domains.join(" "))
        };
        role.permissions.iter().map(line).collect()
    }

    #[test]
    fn what_is_needed_anyway_serves_where_any_suffices() {
        let role = role(&[
            ("a.a", r#"permission = ["p:q:edit", "p:q:view", "r:s:admin"]"#),
            ("a.b", r#"permission = ["r:s:admin"]"#),
            ("a.c", "permission = []"),
        ]);
        assert_eq!(told(&role), ["authorization:grant:view ", "r:s:admin a.a a.b"]);
        assert_eq!(role.unnamed.iter().map(DomainId::as_str).collect::<Vec<_>>(), ["a.c"]);
        assert_eq!(role.permissions["authorization:grant:view"].purpose, Some("x"));
    }

    #[test]
    fn of_several_the_one_that_serves_most_is_chosen_then_one_that_only_views_then_the_first() {
        let most = role(&[
            ("a.a", r#"permission = ["p:q:view", "x:y:edit"]"#),
            ("a.b", r#"permission = ["r:s:view", "x:y:edit"]"#),
        ]);
        assert_eq!(told(&most)[1..], ["x:y:edit a.a a.b"]);
        let viewing = role(&[("a.a", r#"permission = ["p:q:edit", "p:q:view"]"#)]);
        assert_eq!(told(&viewing)[1..], ["p:q:view a.a"]);
        let first = role(&[("a.a", r#"permission = ["p:q:edit", "p:q:add"]"#)]);
        assert_eq!(told(&first)[1..], ["p:q:edit a.a"]);
    }

    #[test]
    fn where_all_are_needed_all_are_in_the_role() {
        let role = role(&[("a.a", "permission = [\"p:q:view\", \"r:s:view\"]\npermission_mode = \"all\"")]);
        assert_eq!(told(&role)[1..], ["p:q:view a.a", "r:s:view a.a"]);
    }

    #[test]
    fn actions_on_one_kind_of_thing_are_one_policy() {
        let all = "permission = [\"p:q:view\", \"p:q:edit\", \"p:a:view\"]\npermission_mode = \"all\"";
        let policies = role(&[("a.a", all)]).policies();
        let told: Vec<String> =
            policies.iter().map(|policy| format!("{} {} {:?}", policy.domain, policy.entity, policy.actions)).collect();
        assert_eq!(told, ["authorization grant {\"view\"}", "p a {\"view\"}", "p q {\"edit\", \"view\"}"]);
    }
}
