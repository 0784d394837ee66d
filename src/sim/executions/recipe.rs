//! What runs are like, as data.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::catalogue::embedded_file;

/// What `schemas/sim/executions.toml` says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    pub(super) per_minute: usize,
    pub(super) kept_days: i64,
    pub(super) burst: Burst,
    pub(super) late: Late,
    pub(super) errors: Reasons,
    pub(super) warnings: Reasons,
    #[serde(rename = "action")]
    pub(super) actions: Vec<Action>,
    #[serde(rename = "variable")]
    pub(super) variables: Vec<Variable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Burst {
    pub(super) share: f64,
    pub(super) times: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Late {
    pub(super) share: f64,
    pub(super) minutes: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reasons {
    pub(super) share: f64,
    pub(super) reasons: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    pub(super) r#type: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) masked: String,
    pub(super) clear: String,
    pub(super) share: f64,
}

static EMBEDDED: LazyLock<Recipe> = LazyLock::new(|| {
    let text = embedded_file("sim/executions.toml").unwrap_or_default();
    toml::from_str(text).unwrap_or_default()
});

impl Recipe {
    /// What is compiled in. By an unreadable file nothing ever runs; the tests read it.
    pub(super) fn embedded() -> &'static Self {
        &EMBEDDED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_can_be_read() {
        let recipe = Recipe::embedded();
        assert!(recipe.per_minute > 0 && recipe.actions.len() > 1 && recipe.variables.len() > 1);
    }
}
