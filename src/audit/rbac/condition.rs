//! Conditions of a role's policy, as a text that a person reads and as one that stays the same whatever things are called.

use super::access::Restricted;
use super::model::Roles;
use crate::canonical::canonical_text;
use crate::catalogue::{Domain, Segment};
use crate::model::{DomainId, Value};

/// Finds the name of the entity of a key in the first of some domains that has it.
pub(super) type NameOf<'n> = dyn Fn(&[DomainId], &str) -> Option<String> + 'n;

/// Tells the conditions of the policies of roles.
pub(super) struct Conditions<'c> {
    pub(super) roles: &'c Roles,
    pub(super) domain: Option<&'c Domain>,
    pub(super) name_of: &'c NameOf<'c>,
}

impl Conditions<'_> {
    /// What restricts what a policy allows; `None` where nothing does.
    pub(super) fn of(&self, policy: &Value<'_>) -> Option<Restricted> {
        let at = &self.roles.policy;
        let node = at.condition.find(policy).filter(|node| !self.is_empty(node));
        let resources: Vec<&str> = at.resources.find_all(policy).into_iter().filter_map(Value::as_str).collect();
        if node.is_none() && resources.is_empty() {
            return None;
        }
        let mut texts: Vec<String> = node.map(|node| self.text(node, 0)).into_iter().collect();
        if !resources.is_empty() {
            texts.push(format!("only for {}", resources.join(", ")));
        }
        let allows = at.allows_conditions.find(policy).and_then(Value::as_bool);
        if node.is_some() && allows == Some(false) {
            texts.push("though the policy is said to allow no conditions".to_owned());
        }
        let named = Value::Array(resources.iter().map(|name| Value::String((*name).into())).collect());
        let identity = match node {
            Some(node) => format!("{} {}", canonical_text(node).as_str(), canonical_text(&named).as_str()),
            None => canonical_text(&named).as_str().to_owned(),
        };
        Some(Restricted { identity, text: texts.join(", ") })
    }

    /// Whether a node says nothing.
    fn is_empty(&self, node: &Value<'_>) -> bool {
        let at = &self.roles.condition;
        at.variable.find(node).is_none() && at.operands.find_all(node).is_empty() && at.terms.find_all(node).is_empty()
    }

    fn text(&self, node: &Value<'_>, depth: usize) -> String {
        let at = &self.roles.condition;
        let word = |path: &crate::catalogue::FieldPath| path.find(node).and_then(Value::as_str);
        let terms: Vec<String> = at.terms.find_all(node).into_iter().map(|term| self.text(term, depth + 1)).collect();
        let mut parts = Vec::new();
        if let Some(variable) = word(&at.variable) {
            let operands = at.operands.find_all(node).into_iter().map(|operand| self.operand(operand));
            let operands: Vec<String> = operands.collect();
            parts.push(format!("{variable} {} {}", word(&at.operator).unwrap_or("?"), operands.join(", ")));
        }
        parts.extend(terms);
        let joined = parts.join(&format!(" {} ", word(&at.conjunction).unwrap_or("AND")));
        if depth > 0 && parts.len() > 1 { format!("({joined})") } else { joined }
    }

    /// An operand: a value as it is, a reference by its name.
    fn operand(&self, operand: &Value<'_>) -> String {
        let Some(object) = operand.as_object() else { return plain(operand) };
        for (member, value) in object.iter() {
            if let Some(id) = value.get("id").and_then(Value::as_str) {
                let name = self.targets(member).and_then(|targets| (self.name_of)(targets, id));
                return format!("{member} {}", name.unwrap_or_else(|| id.to_owned()));
            }
        }
        object.get("value").map_or_else(|| canonical_text(operand).as_str().to_owned(), plain)
    }

    /// The domains that a member of an operand refers to.
    fn targets(&self, member: &str) -> Option<&[DomainId]> {
        let is_meant = |path: &crate::catalogue::FieldPath| matches!(path.segments().last(), Some(Segment::Name(name)) if name == member);
        let reference = self.domain?.references.iter().find(|reference| is_meant(&reference.path))?;
        Some(&reference.targets)
    }
}

fn plain(value: &Value<'_>) -> String {
    value.as_str().map_or_else(|| canonical_text(value).as_str().to_owned(), str::to_owned)
}
