//! Makes the entities that an org begins with, list by list.

use std::borrow::Cow;
use std::sync::Arc;

use super::census::{Census, scope};
use super::made_up::Making;
use super::population::{Member, Members, key_of};
use super::rng::Rng;
use super::template::Filling;
use crate::catalogue::{Domain, Under};
use crate::model::{Number, OwnedValue, Value};

/// How often an entity is made anew because its key is taken, before it is left out.
const ATTEMPTS: u32 = 8;

/// How many digits of a UUID make an id that is a number.
const NUMBER_DIGITS: usize = 7;

impl Census {
    /// The entities of a listing.
    pub(super) fn made(&self, domain: &Domain, under: Option<&Under>) -> Members {
        let under = under.cloned().map(Arc::new);
        let mut members = Members::default();
        for index in 0..self.count(domain, under.as_deref()) {
            let mut made = (0..ATTEMPTS).filter_map(|attempt| self.member(domain, under.as_ref(), index, attempt));
            if let Some(free) = made.find(|member| members.get(&member.key).is_none()) {
                members.push(free);
            }
        }
        members
    }

    fn member(&self, domain: &Domain, under: Option<&Arc<Under>>, index: usize, attempt: u32) -> Option<Member> {
        let under_here = under.map(Arc::as_ref);
        let scope = scope(domain, under_here);
        let id = self.id(domain, &scope, index);
        let rng = Rng::keyed(self.seed, &["entity", domain.id.as_str(), &scope, &format!("{index} {attempt}")]);
        let mut value = match (self.recipe(domain).and_then(|recipe| recipe.template(index)), self.outline(domain)) {
            (Some(template), _) => self.filled(template, domain, under_here, index, &id, rng),
            (None, Some(outline)) => {
                let census = self;
                Making { census, domain, outline, under: under_here, scope: &scope, index, attempt, id: &id, rng }
                    .entity()
            }
            (None, None) => return None,
        };
        give_id(domain, &mut value, &id);
        give_stamps(domain, &mut value, under_here);
        let key = key_of(&domain.identity, &self.org, &value, under_here.map(|under| &under.parent))?;
        Some(Member { key, under: under.cloned(), value })
    }

    fn filled(
        &self,
        template: &OwnedValue,
        domain: &Domain,
        under: Option<&Under>,
        index: usize,
        id: &str,
        rng: Rng,
    ) -> OwnedValue {
        let parent = domain.source.parent.as_ref().zip(under);
        let parent = parent.map(|(domain, under)| self.id_in_key(domain, &under.parent));
        let mut filling = Filling {
            targets: self,
            rng,
            number: index + 1,
            parent: parent.as_deref(),
            itself: Some(id),
            unresolved: Vec::new(),
        };
        let mut value = template.clone();
        filling.fill(&mut value);
        value
    }
}

/// Gives an entity an id where its schema has that member and its template said nothing.
pub(super) fn give_id(domain: &Domain, value: &mut OwnedValue, id: &str) {
    let has_id = domain.shape.node(domain.shape.entity()).members.contains_key("id");
    if let Value::Object(object) = value
        && has_id
        && object.get("id").is_none()
    {
        let number = Number::parse(id).ok().filter(|_| has_number_as_id(domain));
        let id = number.map_or_else(|| Value::from(id), |number| Value::Number(number.into_owned()));
        object.insert(Cow::Borrowed("id"), id);
    }
}

/// The id that a UUID stands for in a domain.
pub(super) fn id_of_uuid(domain: &Domain, uuid: String) -> String {
    let number = uuid.get(..NUMBER_DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.filter(|_| has_number_as_id(domain)).map_or(uuid, |number| number.to_string())
}

fn has_number_as_id(domain: &Domain) -> bool {
    let shape = &domain.shape;
    let types = shape.node(shape.entity()).members.get("id").map(|place| shape.node(*place).types);
    types.is_some_and(|types| (types.integer || types.number) && !types.string)
}

/// Gives an entity what its listing took of the parent and its domain keeps.
pub(super) fn give_stamps(domain: &Domain, value: &mut OwnedValue, under: Option<&Under>) {
    if let Value::Object(object) = value {
        for (name, stamp) in domain.source.stamps(under) {
            object.insert(name.to_owned(), Value::from(stamp));
        }
    }
}
