//! What people and programs are called.

use crate::attribution::{People, Person};
use crate::canonical::value_of;
use crate::catalogue::{Catalogue, FieldPath};
use crate::model::{EntityKey, EntitySource};
use crate::record::Archive;
use crate::session::verdict::name_anywhere;
use crate::session::workspace::CommitTree;

/// People and programs as the snapshot knows them.
pub(super) struct Known<'k, 't> {
    pub(super) catalogue: &'k Catalogue,
    pub(super) after: &'k dyn EntitySource,
    pub(super) before: &'k Archive<CommitTree<'t>>,
}

impl People for Known<'_, '_> {
    fn person(&self, id: &str) -> Option<Person> {
        let key = EntityKey::new(id);
        let people = self.catalogue.iter().filter_map(|domain| Some((domain, domain.identity.email.as_ref()?)));
        people.into_iter().find_map(|(domain, email)| {
            let text = self.after.entity(&domain.id, &key).or_else(|| self.before.entity(&domain.id, &key))?;
            let body = value_of(&text);
            let text = |path: &FieldPath| path.find(&body)?.as_str().map(ToOwned::to_owned);
            Some(Person { name: domain.identity.name.as_ref().and_then(text), email: text(email) })
        })
    }

    fn client(&self, id: &str) -> Option<String> {
        name_anywhere(self.catalogue, self.after, id).or_else(|| name_anywhere(self.catalogue, self.before, id))
    }
}
