//! What people and programs are called.

use crate::attribution::{People, Person};
use crate::canonical::value_of;
use crate::catalogue::{Catalogue, FieldPath};
use crate::model::EntityKey;
use crate::policy::Names;

/// People and programs as the snapshot knows them.
pub(super) struct Known<'k> {
    pub(super) catalogue: &'k Catalogue,
    pub(super) names: Names<'k>,
}

impl People for Known<'_> {
    fn person(&self, id: &str) -> Option<Person> {
        let key = EntityKey::new(id);
        let mut people = self.catalogue.iter().filter_map(|domain| Some((domain, domain.identity.email.as_ref()?)));
        people.find_map(|(domain, email)| {
            let text = self.names.entity(&domain.id, &key)?;
            let body = value_of(&text);
            let text = |path: &FieldPath| path.find(&body)?.as_str().map(ToOwned::to_owned);
            Some(Person { name: domain.identity.name.as_ref().and_then(text), email: text(email) })
        })
    }

    fn client(&self, id: &str) -> Option<String> {
        self.names.of_id(id)
    }
}
