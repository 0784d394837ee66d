//! The one walk over an entity that settles its form.

use secrecy::SecretString;

use super::Canonicaliser;
use super::clear::ClearSecret;
use super::normalise::{Misplaced, Notes, Unhidden};
use super::scan::Hint;
use super::secret::{SECRET_MEMBER, is_fingerprint};
use super::sets::sort_set;
use super::treatment::{Node, NodeId};
use super::{compact, read_str};
use crate::catalogue::Types;
use crate::model::{EntityKey, Object, OwnedValue, Pointer, Value};

/// Members of an embedded reference that always belong to its target.
const COPIED_MEMBERS: [&str; 6] = ["name", "displayName", "selfUri", "division", "description", "state"];

/// The rule that is named where the domain file says that a field is a secret.
const DECLARED: &str = "declared-secret";

/// Where the walk is; only spelled out when there is something to tell.
pub(super) enum Place<'p> {
    Root,
    Member {
        above: &'p Place<'p>,
        name: &'p str,
        /// Whether the schema does not name it.
        is_open: bool,
        /// Whether it is one of the values of a map.
        is_of_map: bool,
    },
    Item {
        above: &'p Place<'p>,
        /// Its position, where positions mean anything.
        index: Option<usize>,
    },
}

/// What is known of a value from what is around it.
#[derive(Clone, Copy, Default)]
pub(super) struct Standing {
    /// The domain file says that it is a secret.
    secret: bool,
    /// What the names around it say.
    hint: Hint,
    /// There is a name around it that the schema leaves open.
    has_open_name: bool,
}

pub(super) struct Walk<'w, 'd> {
    pub(super) canonicaliser: &'w Canonicaliser<'d>,
    pub(super) key: &'w EntityKey,
    pub(super) notes: &'w mut Notes,
    /// Secrets that stood there in clear.
    pub(super) unhidden: Vec<Unhidden>,
    /// The first secret that nothing can take the place of.
    pub(super) misplaced: Option<Misplaced>,
}

impl Place<'_> {
    /// The place as a pattern, with `*` for items and the values of maps.
    fn pattern(&self) -> Pointer {
        match self {
            Place::Root => Pointer::root(),
            Place::Member { above, name, is_of_map: false, .. } => above.pattern().child(name),
            Place::Member { above, .. } | Place::Item { above, .. } => above.pattern().child("*"),
        }
    }

    /// The place itself, with `*` for members of sets.
    fn pointer(&self) -> Pointer {
        match self {
            Place::Root => Pointer::root(),
            Place::Member { above, name, .. } => above.pointer().child(name),
            Place::Item { above, index: Some(index) } => above.pointer().child(&index.to_string()),
            Place::Item { above, index: None } => above.pointer().child("*"),
        }
    }

    fn above(&self) -> Option<&Self> {
        match self {
            Place::Root => None,
            Place::Member { above, .. } | Place::Item { above, .. } => Some(above),
        }
    }

    /// The names that the schema leaves open, innermost first.
    fn open_names(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self), |place| place.above()).filter_map(|place| match place {
            Place::Member { name, is_open: true, .. } => Some(*name),
            _ => None,
        })
    }
}

impl Walk<'_, '_> {
    pub(super) fn settle(&mut self, value: &mut Value<'_>, id: Option<NodeId>, standing: Standing, place: &Place<'_>) {
        let node = id.map(|id| self.canonicaliser.treatment.node(id));
        let secret = standing.secret || node.is_some_and(|node| node.secret);
        let standing = Standing { secret, ..standing };
        match value {
            Value::Object(_) if is_fingerprint(value) => return,
            Value::Object(object) => {
                if let Some(keep) = node.and_then(|node| node.reference.as_ref()) {
                    object.retain_mut(|name, _| belongs_to_reference(name, keep, node));
                }
                self.settle_members(object, node, standing, place);
            }
            Value::Array(items) => {
                let (item_node, set) = (node.and_then(Node::item), node.and_then(|node| node.set.as_ref()));
                for (index, item) in items.iter_mut().enumerate() {
                    let place = Place::Item { above: place, index: set.is_none().then_some(index) };
                    self.settle(item, item_node, standing, &place);
                }
                if let Some(key) = set {
                    sort_set(items, key);
                }
            }
            leaf if secret && !matches!(leaf, Value::Null) => {
                *leaf = self.fingerprint(leaf, DECLARED, place);
                return;
            }
            Value::String(text) => {
                if let Some(rule) = self.rule_of(text, standing, place) {
                    *value = self.fingerprint(value, rule, place);
                    return;
                }
                if let Some(converted) = node.and_then(|node| convert(text, node.types)) {
                    *value = converted;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        if let Some(node) = node
            && !node.types.allow(value)
            && !matches!(value, Value::Null)
        {
            self.notes.unexpected.insert((place.pattern().to_string(), value.kind()));
        }
    }

    fn settle_members(&mut self, object: &mut Object<'_>, node: Option<&Node>, standing: Standing, place: &Place<'_>) {
        let may_pair = node.is_none_or(|node| node.may_pair);
        let pair = if may_pair { self.canonicaliser.scan.pair_in(object) } else { None };
        object.retain_mut(|name, value| {
            let paired = pair.as_ref().filter(|(_, other)| other == name).map_or(Hint::None, |(hint, _)| *hint);
            let standing = Standing { hint: standing.hint.max(paired), ..standing };
            self.settle_member(name, value, node, standing, place)
        });
    }

    /// Settles a member of an object; false where it is not content.
    fn settle_member(
        &mut self,
        name: &str,
        value: &mut Value<'_>,
        parent: Option<&Node>,
        standing: Standing,
        place: &Place<'_>,
    ) -> bool {
        if matches!(value, Value::Null) {
            return false;
        }
        let Canonicaliser { treatment, scan, .. } = self.canonicaliser;
        let member = parent.map(|parent| parent.member(name)).unwrap_or_default();
        if member.node.is_some_and(|id| treatment.node(id).dropped) {
            return false;
        }
        let is_open = !member.is_described;
        if is_open && let Some(rule) = scan.rule_in(name) {
            let misplaced = Misplaced { key: false, place: place.pointer(), rule: rule.to_owned() };
            self.misplaced.get_or_insert(misplaced);
        }
        let is_of_map = parent.is_some_and(|parent| !member.is_named && !parent.closed);
        let inside = Place::Member { above: place, name, is_open, is_of_map };
        if parent.is_some_and(|parent| parent.closed) && member.node.is_none() {
            self.notes.new_fields.insert(inside.pattern().to_string());
        }
        let standing = Standing {
            hint: scan.hint_below(name, is_open, standing.hint),
            has_open_name: standing.has_open_name || is_open,
            ..standing
        };
        self.settle(value, member.node, standing, &inside);
        true
    }

    /// The rule by which a leaf is a secret that may not stay.
    fn rule_of(&self, text: &str, standing: Standing, place: &Place<'_>) -> Option<&'static str> {
        let Canonicaliser { scan, domain, .. } = self.canonicaliser;
        let names = standing.has_open_name.then(|| place.open_names());
        let rule = scan.rule_of(text, standing.hint, names.into_iter().flatten())?;
        if scan.allows(&domain.id, || place.pointer()) { None } else { Some(rule) }
    }

    fn fingerprint(&mut self, secret: &Value<'_>, rule: &str, place: &Place<'_>) -> OwnedValue {
        let Canonicaliser { secrets, domain, keeper, .. } = self.canonicaliser;
        let fingerprint = secrets.fingerprint(&domain.id, self.key, secret);
        let text = |value: &Value<'_>| value.get(SECRET_MEMBER).and_then(Value::as_str).map(ToOwned::to_owned);
        if let Some(keeper) = keeper
            && let Some(fingerprint) = text(&fingerprint).filter(|fingerprint| keeper.wants(fingerprint))
        {
            keeper.keep(ClearSecret {
                fingerprint,
                secret_key: secrets.id(),
                domain: domain.id.clone(),
                key: self.key.clone(),
                place: place.pointer(),
                value: SecretString::from(compact(secret)),
            });
        }
        if let Some(previous) = secrets.previous() {
            let earlier = previous.fingerprint(&domain.id, self.key, secret);
            self.notes.rekeyed.extend(text(&fingerprint).zip(text(&earlier)));
        }
        self.unhidden.push(Unhidden { place: place.pointer(), rule: rule.to_owned() });
        fingerprint
    }
}

/// Whether a member of an embedded reference is its id, belongs to the relation, or is new to us.
fn belongs_to_reference(name: &str, keep: &[String], node: Option<&Node>) -> bool {
    name == "id"
        || keep.iter().any(|kept| kept == name)
        || !(COPIED_MEMBERS.contains(&name) || node.is_some_and(|node| node.names(name)))
}

/// The value that a string is the exact canonical text of, where the schema expects such a value and no string.
fn convert(text: &str, types: Types) -> Option<Value<'static>> {
    if types.string || types.is_open() {
        return None;
    }
    let value = read_str(text).ok().filter(|value| matches!(value, Value::Number(_) | Value::Bool(_)))?;
    (types.allow(&value) && compact(&value) == text).then(|| value.into_owned())
}
