//! Which commit gave each leaf of an entity its value.

use std::collections::BTreeMap;

use crate::catalogue::Domain;
use crate::diff::trace;
use crate::model::{OwnedValue, Pointer, Value};

/// A leaf of an entity as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlamedLeaf {
    /// Where it is.
    pub place: Pointer,
    /// Its value.
    pub value: OwnedValue,
}

/// The leaves of an entity, followed back through its history, newest change first.
#[derive(Debug)]
pub struct Leaves {
    leaves: Vec<BlamedLeaf>,
    /// Where the leaves were whose origin is not found yet, in the state that the history has come to.
    open: BTreeMap<Pointer, usize>,
}

impl Leaves {
    /// The leaves at or below a place of an entity, in canonical order.
    #[must_use]
    pub fn of(domain: &Domain, entity: &Value<'_>, at: &Pointer) -> Self {
        let is_below = |place: &Pointer| {
            let mut segments = place.segments();
            at.segments().all(|wanted| segments.next().as_ref() == Some(&wanted))
        };
        let leaves: Vec<BlamedLeaf> = trace(domain, None, entity)
            .into_iter()
            .filter(|leaf| is_below(&leaf.place))
            .map(|leaf| BlamedLeaf { place: leaf.place, value: leaf.value.clone().into_owned() })
            .collect();
        let open = leaves.iter().enumerate().map(|(index, leaf)| (leaf.place.clone(), index)).collect();
        Self { leaves, open }
    }

    /// The leaves.
    #[must_use]
    pub fn leaves(&self) -> &[BlamedLeaf] {
        &self.leaves
    }

    /// Whether the origin of every leaf was found.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// Goes back over a change of the entity. Returns the leaves that got their value in it: which they are, and where they
    /// were right after it.
    ///
    /// With `keeps_values` the change is one of form, so that a leaf is not given its value by it as long as there was one.
    pub fn go_back(
        &mut self,
        domain: &Domain,
        before: Option<&Value<'_>>,
        after: &Value<'_>,
        keeps_values: bool,
    ) -> Vec<(usize, Pointer)> {
        let mut given = Vec::new();
        let mut open = BTreeMap::new();
        for leaf in trace(domain, before, after) {
            let Some(index) = self.open.remove(&leaf.place) else { continue };
            match leaf.origin {
                Some(origin) if leaf.is_same || keeps_values => {
                    open.insert(origin, index);
                }
                _ => given.push((index, leaf.place)),
            }
        }
        // A leaf that is not where it should be has come from elsewhere.
        given.extend(std::mem::take(&mut self.open).into_iter().map(|(place, index)| (index, place)));
        self.open = open;
        given
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;
    use crate::catalogue::Catalogue;

    #[test]
    fn each_leaf_is_followed_to_the_change_that_gave_it_its_value() {
        let catalogue = Catalogue::built_in().unwrap();
        let domain = catalogue.get(&"routing.queues".parse().unwrap()).unwrap();
        let texts = [
            r#"{"list":[{"a":0},{"a":1},{"a":2}],"name":"C","object":{"x":1,"y":2}}"#,
            r#"{"list":[{"a":1},{"a":2}],"name":"B","object":{"x":1,"y":2}}"#,
            r#"{"list":[{"a":1},{"a":2}],"name":"A","object":{"x":"1"}}"#,
            r#"{"list":[{"a":1}],"name":"C","object":{"x":"0"}}"#,
        ];
        let states: Vec<Value<'_>> = texts.iter().map(|text| read_str(text).unwrap()).collect();
        let history = |at: &str| {
            let mut leaves = Leaves::of(domain, &states[0], &Pointer::from_text(at));
            let mut found = BTreeMap::new();
            for (step, pair) in states.windows(2).enumerate() {
                // The second step is one of form.
                for (index, place) in leaves.go_back(domain, Some(&pair[1]), &pair[0], step == 1) {
                    found.insert(leaves.leaves()[index].place.to_string(), (step, place.to_string()));
                }
            }
            for (index, place) in leaves.go_back(domain, None, &states[3], false) {
                found.insert(leaves.leaves()[index].place.to_string(), (3, place.to_string()));
            }
            assert!(leaves.is_done());
            found.into_iter().map(|(now, (step, then))| format!("{now} {step} {then}")).collect::<Vec<_>>()
        };
        let expected = [
            "/list/0/a 0 /list/0/a",
            "/list/1/a 3 /list/0/a",
            "/list/2/a 2 /list/1/a",
            "/name 0 /name",
            "/object/x 2 /object/x",
            "/object/y 1 /object/y",
        ];
        assert_eq!(history(""), expected);
        assert_eq!(history("/object"), &expected[4..]);
        assert_eq!(history("/name"), &expected[3..4]);
    }
}
