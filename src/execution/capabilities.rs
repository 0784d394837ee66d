//! What runs of flows can be asked by.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::catalogue::embedded_file;
use crate::model::{OwnedValue, Value};

/// What is known without asking the organisation.
const BUILT_IN: &str = "execution/capabilities.toml";

/// Keys with their operators, and the values that some of them can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    keys: BTreeMap<String, Key>,
    values: BTreeMap<String, Vec<String>>,
}

/// What a criterion can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Whether its values are moments, ids or texts, in the word of the API.
    pub data_type: String,
    /// The operators that it takes.
    pub operators: Vec<String>,
    /// The list that its values are in; absent where any text can be one.
    list: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    flow_types: Vec<String>,
    action_types: Vec<String>,
    criteria: Vec<FileKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    key: String,
    r#type: String,
    operators: Vec<String>,
    values: Option<String>,
}

/// The lists of an answer of the API, and what they are called here.
const LISTS: [(&str, &str); 4] = [
    ("flowTypes", "flow_types"),
    ("actionTypes", "action_types"),
    ("errorCodes", "error_codes"),
    ("warningCodes", "warning_codes"),
];

impl Capabilities {
    /// What the contract says.
    ///
    /// # Errors
    /// What is wrong with the file that is compiled in, which the tests read.
    pub fn built_in() -> Result<Self, toml::de::Error> {
        let file: File = toml::from_str(embedded_file(BUILT_IN).unwrap_or_default())?;
        let key = |key: FileKey| (key.key, Key { data_type: key.r#type, operators: key.operators, list: key.values });
        let values = [("flow_types", file.flow_types), ("action_types", file.action_types)];
        Ok(Self {
            keys: file.criteria.into_iter().map(key).collect(),
            values: values.map(|(name, values)| (name.to_owned(), values)).into(),
        })
    }

    /// The same with what an organisation says of itself: of each list and each key that it tells, its word counts.
    ///
    /// `None` where it tells no criteria.
    #[must_use]
    pub fn told_by(&self, answer: &OwnedValue) -> Option<Self> {
        let mut told = Self { keys: BTreeMap::new(), values: self.values.clone() };
        for criterion in answer.get("criteria")?.as_array()? {
            let Some(name) = criterion.get("criteriaKey").and_then(Value::as_str) else { continue };
            let known = self.keys.get(name);
            let operators = texts(criterion.get("operators"));
            let data_type = criterion.get("dataType").and_then(Value::as_str).map(ToOwned::to_owned);
            let key = Key {
                data_type: data_type.or_else(|| Some(known?.data_type.clone())).unwrap_or_else(|| "string".to_owned()),
                operators: if operators.is_empty() {
                    known.map(|key| key.operators.clone()).unwrap_or_default()
                } else {
                    operators
                },
                list: known.and_then(|key| key.list.clone()),
            };
            told.keys.insert(name.to_owned(), key);
        }
        for (name, list) in LISTS {
            let values = texts(answer.get(name));
            if !values.is_empty() {
                told.values.insert(list.to_owned(), values);
            }
        }
        (!told.keys.is_empty()).then_some(told)
    }

    /// What is known of a key.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.get(name)
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.keys.iter().map(|(name, key)| (name.as_str(), key))
    }

    /// The values that a key can have; `None` where any text can be one, or nobody has said which can.
    #[must_use]
    pub fn values(&self, key: &Key) -> Option<&[String]> {
        self.values.get(key.list.as_ref()?).map(Vec::as_slice)
    }
}

fn texts(value: Option<&OwnedValue>) -> Vec<String> {
    let items = value.and_then(Value::as_array).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    /// The texts at a place of the contract.
    fn of_contract(pointer: &str) -> Vec<String> {
        let contract: serde_json::Value = serde_json::from_str(embedded_file("api/contract.json").unwrap()).unwrap();
        let found = contract.pointer(pointer).unwrap().as_array().unwrap();
        found.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_is_compiled_in_is_what_the_contract_says() {
        let known = Capabilities::built_in().unwrap();
        let sorted = |mut texts: Vec<String>| {
            texts.sort();
            texts
        };
        let keys: Vec<String> = known.keys().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(keys, sorted(of_contract("/models/CriteriaItem/props/key/enum")));
        let operators = of_contract("/models/CriteriaItem/props/operator/enum");
        for (name, key) in known.keys() {
            assert!(key.operators.iter().all(|operator| operators.contains(operator)), "{name}");
            assert!(!key.operators.is_empty(), "{name}");
        }
        assert_eq!(
            known.values["action_types"],
            of_contract("/models/FlowsQueryCriteriaResponse/props/actionTypes/enum")
        );
        let types = of_contract("/models/FlowExecutionDataQueryResult/props/flowType/enum");
        assert_eq!(known.values["flow_types"], sorted(types));
    }

    #[test]
    fn the_word_of_the_organisation_counts() {
        let known = Capabilities::built_in().unwrap();
        let answer = r#"{"criteria":[{"criteriaKey":"FlowType","operators":["eq"],"dataType":"string"},
            {"criteriaKey":"FlowErrorReason"},{"criteriaKey":"New","operators":["eq"]}],
            "flowTypes":["workflow","telepathy"],"errorCodes":["E1"]}"#;
        let told = known.told_by(&read_str(answer).unwrap().into_owned()).unwrap();
        let key = told.key("FlowType").unwrap();
        assert_eq!(key.operators, ["eq"]);
        assert_eq!(told.values(key).unwrap(), ["workflow", "telepathy"]);
        assert_eq!(told.values(told.key("FlowErrorReason").unwrap()).unwrap(), ["E1"]);
        assert_eq!(told.key("New").unwrap().data_type, "string");
        assert!(told.key("FlowId").is_none());
        assert_eq!(known.told_by(&read_str(r#"{"criteria":[]}"#).unwrap().into_owned()), None);
    }
}
