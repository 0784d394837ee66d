//! Who made a change, in a line that is yet to be made safe for a format.

use crate::model::{Actor, Attribution, Explained, Pointer};

/// Who made a change; nothing where the organisation keeps no records that could tell. Times of the day of an instant are told
/// without the day.
pub(super) fn by(attribution: &Attribution, day: Option<&str>) -> Option<String> {
    let Attribution { explained, actors, .. } = attribution;
    if actors.is_empty() {
        return (*explained != Explained::NotCovered).then(|| why_nobody(*explained).to_owned());
    }
    let told = actors_line(actors, day);
    let rest = match explained {
        Explained::Audit => String::new(),
        other => format!("; of the rest: {}", why_nobody(*other)),
    };
    Some(format!("by {told}{rest}"))
}

/// Who they are, when they did it and from where.
pub(super) fn actors_line(actors: &[Actor], day: Option<&str>) -> String {
    actors.iter().map(|actor| actor_line(actor, day)).collect::<Vec<_>>().join(", ")
}

/// Who changed a field, where that is not simply everybody who had a part in the change.
pub(super) fn by_of_field(attribution: &Attribution, path: &Pointer) -> Option<String> {
    let by = attribution.fields.get(path)?;
    if by.actors.is_empty() {
        return Some(why_nobody(by.explained).to_owned());
    }
    let called = |key: &String| {
        let actor = attribution.actors.iter().find(|actor| actor.key() == key);
        actor.map_or_else(|| key.clone(), |actor| actor.shown().to_owned())
    };
    Some(format!("by {}", by.actors.iter().map(called).collect::<Vec<_>>().join(", ")))
}

/// Who made a change by name, or why nobody is known, as short as can be.
pub(super) fn in_short(attribution: &Attribution) -> String {
    if attribution.actors.is_empty() {
        return why_nobody(attribution.explained).to_owned();
    }
    attribution.actors.iter().map(Actor::shown).collect::<Vec<_>>().join(", ")
}

/// Why nobody is known.
pub(super) fn why_nobody(explained: Explained) -> &'static str {
    match explained {
        Explained::Audit | Explained::None => "by nobody that an audit record names",
        Explained::Pending => "not yet explained",
        Explained::NotCovered => "not covered by audit records",
        Explained::NoPermission => "not known: audit records may not be read",
    }
}

fn actor_line(actor: &Actor, day: Option<&str>) -> String {
    let mut line = actor.shown().to_owned();
    if let Some(email) = &actor.email {
        line.extend([" <", email, ">"]);
    }
    if let Some(org) = &actor.home_org {
        line.extend([" of ", org]);
    }
    if let Some(at) = time_of(&actor.at, day) {
        line.extend([" at ", &at]);
    }
    if !actor.remote_ip.is_empty() {
        line.extend([" from ", &actor.remote_ip.join(" and ")]);
    }
    line
}

/// An instant to the minute.
fn time_of(at: &str, day: Option<&str>) -> Option<String> {
    let (date, time) = at.split_once('T')?;
    let minute = time.get(..5)?;
    let is_that_day = day.is_some_and(|day| day.starts_with(date));
    Some(if is_that_day { minute.to_owned() } else { format!("{date} {minute}") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::FieldAttribution;

    #[test]
    fn a_line_says_who_when_and_from_where_or_why_nobody_is_known() {
        let ann = Actor {
            id: Some("u1".to_owned()),
            name: Some("Ann Lee".to_owned()),
            email: Some("ann@example.com".to_owned()),
            remote_ip: vec!["198.51.100.7".to_owned()],
            at: "2026-03-02T09:14:59Z".to_owned(),
            ..Actor::default()
        };
        let client = Actor { client_id: Some("c1".to_owned()), home_org: Some("o2".to_owned()), ..Actor::default() };
        let mut whole = Attribution { actors: vec![client, ann], ..Attribution::unknown(Explained::Audit) };
        let day = Some("2026-03-02T17:00:00Z");
        assert_eq!(by(&whole, day).unwrap(), "by c1 of o2, Ann Lee <ann@example.com> at 09:14 from 198.51.100.7");
        assert!(by(&whole, Some("2026-03-03T00:00:00Z")).unwrap().contains(" at 2026-03-02 09:14 from "));
        whole.explained = Explained::Pending;
        assert!(by(&whole, None).unwrap().ends_with("; of the rest: not yet explained"));
        let of = |explained, actors: &[&str]| FieldAttribution {
            explained,
            actors: actors.iter().map(|key| (*key).to_owned()).collect(),
        };
        let place = Pointer::from_text("/a");
        assert_eq!(by_of_field(&whole, &place), None);
        whole.fields.insert(place.clone(), of(Explained::Audit, &["u1"]));
        assert_eq!(by_of_field(&whole, &place).unwrap(), "by Ann Lee");
        whole.fields.insert(place.clone(), of(Explained::Pending, &[]));
        assert_eq!(by_of_field(&whole, &place).unwrap(), "not yet explained");
        let nobody = |explained| by(&Attribution::unknown(explained), None);
        assert_eq!(nobody(Explained::NotCovered), None);
        assert_eq!(nobody(Explained::None).unwrap(), "by nobody that an audit record names");
        assert_eq!(nobody(Explained::Pending).unwrap(), "not yet explained");
    }
}
