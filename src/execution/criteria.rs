//! What is asked for: criteria in the form that the API has for them, checked before anything is sent.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::capabilities::{Capabilities, Key};
use super::window::{Window, written};
use crate::canonical::Digest;
use crate::model::nearest;

/// The key that a window is asked by, which criteria leave alone.
const START: &str = "FlowStartDateTime";

/// The operator that takes no value.
const NOT_NULL: &str = "not_null";

/// The longest value: more is none that anything has.
const LONGEST_VALUE: usize = 256;

/// The most criteria of one question.
const MOST_CRITERIA: usize = 100;

/// Everything that has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria(Vec<Group>);

/// Criteria that hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// All of them.
    And(Vec<Criterion>),
    /// Any of them.
    Or(Vec<Criterion>),
    /// None of them.
    Not(Vec<Criterion>),
    /// This one.
    One(Criterion),
}

/// One thing that has to hold of a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// What of the run.
    pub key: String,
    /// How it is compared.
    pub operator: String,
    /// With what; absent for an operator that takes nothing.
    #[serde(default)]
    pub value: Option<String>,
}

/// Something that is wrong with criteria.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}{}", .nearest.as_ref().map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default())]
pub struct Problem {
    /// Where: a flag, or a place in the file.
    pub place: String,
    /// What.
    pub message: String,
    /// What was probably meant.
    pub nearest: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    query: Vec<Map<String, Json>>,
}

impl Problem {
    fn new(place: &str, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), message: message.into(), nearest: None }
    }
}

impl Group {
    fn criteria(&self) -> &[Criterion] {
        match self {
            Self::And(criteria) | Self::Or(criteria) | Self::Not(criteria) => criteria,
            Self::One(criterion) => std::slice::from_ref(criterion),
        }
    }

    fn body(&self) -> Json {
        let all = |criteria: &[Criterion]| criteria.iter().map(Criterion::body).collect::<Vec<_>>();
        match self {
            Self::And(criteria) => json!({ "and": all(criteria) }),
            Self::Or(criteria) => json!({ "or": all(criteria) }),
            Self::Not(criteria) => json!({ "not": all(criteria) }),
            Self::One(criterion) => json!({ "criteria": criterion.body() }),
        }
    }
}

impl Criterion {
    fn new(key: &str, operator: &str, value: &str) -> Self {
        Self { key: key.to_owned(), operator: operator.to_owned(), value: Some(value.to_owned()) }
    }

    fn body(&self) -> Json {
        let mut body = json!({ "key": self.key, "operator": self.operator });
        if let Some(value) = &self.value {
            body["value"] = value.as_str().into();
        }
        body
    }

    fn problem(&self, place: &str, known: &Capabilities) -> Option<Problem> {
        if self.key == START {
            return Some(Problem::new(place, format!("{START} is what --from and --to say")));
        }
        let Some(key) = known.key(&self.key) else {
            let nearest = nearest(&self.key, known.keys().map(|(name, _)| name)).map(ToOwned::to_owned);
            return Some(Problem { nearest, ..Problem::new(place, format!("there is no key {:?}", self.key)) });
        };
        if !key.operators.contains(&self.operator) {
            let operators = key.operators.join(", ");
            let message = format!("{} takes no operator {:?}, only {operators}", self.key, self.operator);
            let nearest = nearest(&self.operator, key.operators.iter().map(String::as_str)).map(ToOwned::to_owned);
            return Some(Problem { nearest, ..Problem::new(place, message) });
        }
        match &self.value {
            None if self.operator == NOT_NULL => None,
            None => Some(Problem::new(place, format!("{} {} has no value", self.key, self.operator))),
            Some(_) if self.operator == NOT_NULL => {
                Some(Problem::new(place, format!("{NOT_NULL} takes no value, and {} has one", self.key)))
            }
            Some(value) => self.problem_of_value(place, value, key, known),
        }
    }

    fn problem_of_value(&self, place: &str, value: &str, key: &Key, known: &Capabilities) -> Option<Problem> {
        let name = &self.key;
        if value.is_empty() || value.len() > LONGEST_VALUE || value.chars().any(char::is_control) {
            let message = format!("the value of {name} has to be 1 to {LONGEST_VALUE} bytes of text");
            return Some(Problem::new(place, message));
        }
        match key.data_type.as_str() {
            "dateTime" if DateTime::parse_from_rfc3339(value).is_err() => {
                return Some(Problem::new(place, format!("{name}: {value:?} is no instant (RFC 3339)")));
            }
            "guid" if !is_guid(value) => {
                return Some(Problem::new(
                    place,
                    format!("{name}: {value:?} is no id such as 3f2a9c01-5d1e-4c55-9d0e-0a6f5a1d2b3c"),
                ));
            }
            _ => {}
        }
        // Other operators take a part of a value.
        let is_whole = matches!(self.operator.as_str(), "eq" | "not");
        let values = known.values(key).filter(|_| is_whole)?;
        if values.iter().any(|known| known == value) {
            return None;
        }
        let lower = value.to_lowercase();
        let by_case = values.iter().find(|known| known.to_lowercase() == lower).map(String::as_str);
        let nearest = by_case.or_else(|| nearest(value, values.iter().map(String::as_str))).map(ToOwned::to_owned);
        Some(Problem { nearest, ..Problem::new(place, format!("{name} is never {value:?}")) })
    }
}

impl Criteria {
    /// Reads a file in the form of the API's body: `{"query": [{"and": […]}, {"criteria": {…}}]}`.
    ///
    /// # Errors
    /// Every place that is not so.
    pub fn of_file(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let file: File = serde_json::from_str(text).map_err(|error| vec![Problem::new(name, error.to_string())])?;
        let mut groups = Vec::new();
        let mut problems = Vec::new();
        for (index, group) in file.query.into_iter().enumerate() {
            let place = format!("{name} /query/{index}");
            match group_of(group) {
                Ok(group) => groups.push(group),
                Err(message) => problems.push(Problem::new(&place, message)),
            }
        }
        if problems.is_empty() { Ok(Self(groups)) } else { Err(problems) }
    }

    /// Adds that a key has one of some values; none of them say nothing.
    #[must_use]
    pub fn narrowed(mut self, key: &str, values: &[String]) -> Self {
        let mut criteria: Vec<Criterion> = values.iter().map(|value| Criterion::new(key, "eq", value)).collect();
        match criteria.len() {
            0 => {}
            1 => self.0.extend(criteria.pop().map(Group::One)),
            _ => self.0.push(Group::Or(criteria)),
        }
        self
    }

    /// Adds that a key has some value.
    #[must_use]
    pub fn with_any(mut self, key: &str) -> Self {
        self.0.push(Group::One(Criterion { key: key.to_owned(), operator: NOT_NULL.to_owned(), value: None }));
        self
    }

    /// Everything that is wrong; nothing where it can be asked.
    #[must_use]
    pub fn problems(&self, known: &Capabilities) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, group) in self.0.iter().enumerate() {
            if group.criteria().is_empty() {
                problems.push(Problem::new(&format!("/query/{index}"), "a group has no criteria"));
            }
            let of_group = group.criteria().iter();
            problems.extend(of_group.filter_map(|criterion| criterion.problem(&format!("/query/{index}"), known)));
        }
        let count: usize = self.0.iter().map(|group| group.criteria().len()).sum();
        if count > MOST_CRITERIA {
            problems.push(Problem::new("/query", format!("there are {count} criteria, more than {MOST_CRITERIA}")));
        }
        problems
    }

    /// The body of the question for a window.
    #[must_use]
    pub fn body(&self, window: &Window) -> Map<String, Json> {
        let bound = |operator, at| Group::One(Criterion::new(START, operator, &written(at))).body();
        let mut query = vec![bound("gte", window.from), bound("lt", window.to)];
        query.extend(self.0.iter().map(Group::body));
        Map::from_iter([("query".to_owned(), Json::Array(query))])
    }

    /// What tells these criteria from others.
    #[must_use]
    pub fn digest(&self) -> String {
        let groups: Vec<Json> = self.0.iter().map(Group::body).collect();
        Digest::of(Json::Array(groups).to_string().as_bytes()).to_string()
    }
}

fn group_of(group: Map<String, Json>) -> Result<Group, String> {
    let mut members = group.into_iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err("a group has one of and, or, not and criteria".to_owned());
    };
    let one = |value| serde_json::from_value::<Criterion>(value).map_err(|error| error.to_string());
    let all = |value| serde_json::from_value::<Vec<Criterion>>(value).map_err(|error| error.to_string());
    match name.as_str() {
        "and" => all(value).map(Group::And),
        "or" => all(value).map(Group::Or),
        "not" => all(value).map(Group::Not),
        "criteria" => one(value).map(Group::One),
        other => {
            let nearest = nearest(other, ["and", "or", "not", "criteria"]);
            let nearest = nearest.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default();
            Err(format!("a group has one of and, or, not and criteria, not {other:?}{nearest}"))
        }
    }
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const ID: &str = "3f2a9c01-5d1e-4c55-9d0e-0a6f5a1d2b3c";

    fn told(criteria: &Criteria) -> String {
        let problems = criteria.problems(&Capabilities::built_in().unwrap());
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn one(key: &str, operator: &str, value: Option<&str>) -> Criteria {
        let value = value.map(ToOwned::to_owned);
        Criteria(vec![Group::One(Criterion { key: key.to_owned(), operator: operator.to_owned(), value })])
    }

    #[test]
    fn each_bad_criterion_is_refused_with_its_reason() {
        for (key, operator, value, expected) in [
            ("FlowType", "eq", Some("inboundcall"), ""),
            ("FlowErrorReason", "eq", Some("anything that nobody listed"), ""),
            ("FlowErrorReason", "not_null", None, ""),
            ("FlowEndDateTime", "lt", Some("2026-03-03T12:00:00Z"), ""),
            ("FlowActionType", "begins", Some("actionCall"), ""),
            (
                "FlowType",
                "eq",
                Some("inboundcal"),
                "/query/0: FlowType is never \"inboundcal\"; did you mean \"inboundcall\"?",
            ),
            (
                "FlowType",
                "eq",
                Some("INBOUNDCALL"),
                "/query/0: FlowType is never \"INBOUNDCALL\"; did you mean \"inboundcall\"?",
            ),
            ("FlowType", "eq", Some("zzzzzzzz"), "/query/0: FlowType is never \"zzzzzzzz\""),
            ("FlowTipe", "eq", Some("x"), "/query/0: there is no key \"FlowTipe\"; did you mean \"FlowType\"?"),
            ("FlowId", "begins", Some(ID), "/query/0: FlowId takes no operator \"begins\", only eq, not, not_null"),
            (
                "FlowType",
                "eqq",
                Some("x"),
                "/query/0: FlowType takes no operator \"eqq\", only eq, not, begins, not_null; did you mean \"eq\"?",
            ),
            (
                "FlowId",
                "eq",
                Some("42"),
                "/query/0: FlowId: \"42\" is no id such as 3f2a9c01-5d1e-4c55-9d0e-0a6f5a1d2b3c",
            ),
            ("FlowEndDateTime", "lt", Some("noon"), "/query/0: FlowEndDateTime: \"noon\" is no instant (RFC 3339)"),
            ("FlowErrorReason", "eq", None, "/query/0: FlowErrorReason eq has no value"),
            (
                "FlowErrorReason",
                "not_null",
                Some("x"),
                "/query/0: not_null takes no value, and FlowErrorReason has one",
            ),
            (
                "FlowErrorReason",
                "eq",
                Some(""),
                "/query/0: the value of FlowErrorReason has to be 1 to 256 bytes of text",
            ),
            (
                "FlowErrorReason",
                "eq",
                Some("a\nb"),
                "/query/0: the value of FlowErrorReason has to be 1 to 256 bytes of text",
            ),
            (
                "FlowStartDateTime",
                "gt",
                Some("2026-03-03T12:00:00Z"),
                "/query/0: FlowStartDateTime is what --from and --to say",
            ),
        ] {
            assert_eq!(told(&one(key, operator, value)), expected, "{key} {operator} {value:?}");
        }
    }

    #[test]
    fn a_file_is_the_body_of_the_api_and_is_sent_as_it_is() {
        let text = format!(
            r#"{{"query":[{{"or":[{{"key":"FlowType","operator":"eq","value":"workflow"}},
            {{"key":"FlowId","operator":"eq","value":"{ID}"}}]}},
            {{"criteria":{{"key":"FlowErrorReason","operator":"not_null"}}}}]}}"#
        );
        let criteria = Criteria::of_file("ask.json", &text).unwrap();
        assert_eq!(told(&criteria), "");
        let window =
            Window { from: "2026-03-03T12:00:00Z".parse().unwrap(), to: "2026-03-03T12:00:01.5Z".parse().unwrap() };
        let body = Json::Object(criteria.body(&window));
        let expected: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(body["query"][2], expected["query"][0]);
        assert_eq!(body["query"][3], expected["query"][1]);
        assert_eq!(
            body["query"][0],
            json!({"criteria": {"key": START, "operator": "gte", "value": "2026-03-03T12:00:00.000Z"}})
        );
        assert_eq!(
            body["query"][1],
            json!({"criteria": {"key": START, "operator": "lt", "value": "2026-03-03T12:00:01.500Z"}})
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_says_where() {
        for (text, expected) in [
            ("[]", "ask.json: invalid length 0"),
            (r#"{"query":[{}]}"#, "ask.json /query/0: a group has one of and, or, not and criteria"),
            (
                r#"{"query":[{"andd":[]}]}"#,
                "ask.json /query/0: a group has one of and, or, not and criteria, not \"andd\"; did you mean \"and\"?",
            ),
            (r#"{"query":[{"and":[{"kee":"x"}]}]}"#, "ask.json /query/0: unknown field `kee`"),
            (r#"{"query":[],"size":1}"#, "ask.json: unknown field `size`"),
        ] {
            let problems = Criteria::of_file("ask.json", text).unwrap_err();
            assert!(problems[0].to_string().starts_with(expected), "{text}: {}", problems[0]);
        }
        assert_eq!(told(&Criteria(vec![Group::And(Vec::new())])), "/query/0: a group has no criteria");
    }

    #[test]
    fn several_values_of_one_flag_are_alternatives_and_several_flags_hold_together() {
        let types = ["workflow".to_owned(), "bot".to_owned()];
        let criteria = Criteria::default().narrowed("FlowType", &types).narrowed("FlowId", &[ID.to_owned()]);
        assert!(matches!(criteria.0.as_slice(), [Group::Or(_), Group::One(_)]));
        assert_ne!(criteria.digest(), Criteria::default().digest());
        assert_eq!(criteria.clone().narrowed("FlowType", &[]).digest(), criteria.digest());
    }
}
