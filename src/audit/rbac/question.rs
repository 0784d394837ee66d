//! Who can do what: a question, and the triples that answer it with the ways they come about.

use std::collections::BTreeMap;

use super::access::{Access, Division, Via};
use super::permission::Permission;
use crate::model::nearest;

/// What is asked of who may do what; an absent part asks for all.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// A permission, in whose words `*` stands for any run of characters.
    pub permission: Option<String>,
    /// A principal, as an index.
    pub principal: Option<usize>,
    /// A division.
    pub division: Option<Division>,
}

/// That a principal may do something somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triple<'a> {
    /// The permission.
    pub permission: &'a Permission,
    /// Where.
    pub division: &'a Division,
    /// Every way in which it comes about.
    pub paths: Vec<TriplePath<'a>>,
}

/// One way in which a principal may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriplePath<'a> {
    /// The grant, as an index.
    pub grant: usize,
    /// The group that has the grant; absent where it is the principal's own.
    pub via: Option<Via>,
    /// The condition under which it is so, as a person reads it.
    pub condition: Option<&'a str>,
}

/// What a name may mean that nothing or too much is called by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The one that is meant.
    One(usize),
    /// Nothing is called that; what was probably meant, where something is close.
    None(Option<String>),
    /// Several are, by their kinds and ids.
    Several(Vec<String>),
}

impl Question {
    /// The triples of one principal that answer it, in order of permission and division.
    #[must_use]
    pub fn triples<'a>(&self, access: &'a Access, principal: usize) -> Vec<Triple<'a>> {
        let mut found: BTreeMap<(&Permission, &Division), Vec<TriplePath<'a>>> = BTreeMap::new();
        for path in access.paths(principal) {
            let grant = &access.grants[path.grant];
            if !self.is_there(&grant.division) {
                continue;
            }
            for right in access.roles[grant.role].rights.iter().flatten() {
                if self.permission.as_deref().is_none_or(|asked| right.permission.meets(asked)) {
                    let condition = right.condition.as_ref().map(|one| one.text.as_str());
                    let paths = found.entry((&right.permission, &grant.division)).or_default();
                    let path = TriplePath { grant: path.grant, via: path.via, condition };
                    // A role may name a permission twice.
                    if !paths.contains(&path) {
                        paths.push(path);
                    }
                }
            }
        }
        found.into_iter().map(|((permission, division), paths)| Triple { permission, division, paths }).collect()
    }

    /// The principals that it may be about.
    #[must_use]
    pub fn principals(&self, access: &Access) -> std::ops::Range<usize> {
        self.principal.map_or(0..access.principals.len(), |one| one..one + 1)
    }

    /// Whether a grant in a division counts: one whose division is not told may hold in the one that is asked for.
    fn is_there(&self, division: &Division) -> bool {
        self.division.as_ref().is_none_or(|asked| division.reaches(asked) || *division == Division::Untold)
    }
}

impl Access {
    /// The principal of an id or a name.
    #[must_use]
    pub fn principal_called(&self, text: &str) -> Answer {
        if let Some(index) = self.principal(text) {
            return Answer::One(index);
        }
        let called = |(_, one): &(usize, &super::Principal)| one.name.as_deref() == Some(text);
        let found: Vec<usize> = self.principals.iter().enumerate().filter(called).map(|(index, _)| index).collect();
        match found.as_slice() {
            [one] => Answer::One(*one),
            [] => {
                let names = self.principals.iter().map(|one| one.name.as_deref().unwrap_or(&one.id));
                Answer::None(nearest(text, names).map(str::to_owned))
            }
            several => {
                let told = |index: &usize| format!("{} {}", self.principals[*index].kind, self.principals[*index].id);
                Answer::Several(several.iter().map(told).collect())
            }
        }
    }

    /// The division of an id or a name; `*` for a grant in all of them.
    ///
    /// # Errors
    /// What was probably meant, where something is close; or the ids of those that are called that.
    pub fn division_called(&self, text: &str) -> Result<Division, Answer> {
        if text == "*" {
            return Ok(Division::All);
        }
        if self.divisions.contains_key(text) {
            return Ok(Division::One(text.to_owned()));
        }
        let called = |(_, name): &(&String, &Option<String>)| name.as_deref() == Some(text);
        let found: Vec<&String> = self.divisions.iter().filter(called).map(|(id, _)| id).collect();
        match found.as_slice() {
            [one] => Ok(Division::One((*one).clone())),
            [] => {
                // A grant may name a division that is no longer on record.
                let is_granted = |grant: &&super::Grant| grant.division == Division::One(text.to_owned());
                if let Some(grant) = self.grants.iter().find(is_granted) {
                    return Ok(grant.division.clone());
                }
                let names = self.divisions.iter().map(|(id, name)| name.as_deref().unwrap_or(id));
                Err(Answer::None(nearest(text, names).map(str::to_owned)))
            }
            several => Err(Answer::Several(several.iter().map(ToString::to_string).collect())),
        }
    }

    /// Whether a role names a permission that is asked for, other than by a `*`.
    #[must_use]
    pub fn names_permission(&self, asked: &str) -> bool {
        let mut rights = self.roles.iter().flat_map(|role| role.rights.iter().flatten());
        rights.any(|right| !right.permission.as_str().contains('*') && right.permission.meets(asked))
    }

    /// The permission of a role that was probably meant by one that no role names.
    #[must_use]
    pub fn nearest_permission(&self, asked: &str) -> Option<&str> {
        let rights = self.roles.iter().flat_map(|role| role.rights.iter().flatten());
        nearest(asked, rights.map(|right| right.permission.as_str()))
    }
}
