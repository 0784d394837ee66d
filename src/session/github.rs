//! The GitHub workflows of a trail: one that takes snapshots, one that notices where none is taken.
//!
//! The templates are workflows that can be run as they are: they take orgtrail from where variables of the repository say.
//! Where it is known which action to use, that takes the place of it.

use std::fmt;
use std::str::FromStr;

use super::failure::Failure;
use crate::config::Config;
use crate::trail::{Placed, Trail};

/// The workflow that takes snapshots and proposes them for review, and the one that looks at the age of the last run.
const WORKFLOWS: [(&str, &str); 2] = [
    (".github/workflows/orgtrail.yml", include_str!("github/orgtrail.yml")),
    (".github/workflows/orgtrail-status.yml", include_str!("github/orgtrail-status.yml")),
];

/// The first and the last line of the steps that bring orgtrail where no action is named.
const FIRST_OF_SOURCE: &str = "      - name: Ask for the source of orgtrail\n";
const LAST_OF_SOURCE: &str = "          path: orgtrail\n          persist-credentials: false\n\n";

/// The line of the step that takes the snapshot which tells people belongs behind, and the one that its secrets do.
const PUSHES: &str = "          push: true\n";
const LAST_SECRET: &str = "          ORGTRAIL_SECRET_KEY: ${{ secrets.ORGTRAIL_SECRET_KEY }}\n";

/// The action that those steps bring, with the reason why it is not one of the trail's own.
const BROUGHT: &str = "./orgtrail # zizmor: ignore[self-repository] checked out above, from another repository";

/// An action on GitHub, as a step of a workflow names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    repository: String,
    reference: String,
}

/// Where the workflows take orgtrail from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionSource {
    /// An action on GitHub.
    Named(Action),
    /// A repository that the variables `ORGTRAIL_SOURCE` and `ORGTRAIL_REF` name, checked out in the workflow.
    Variables,
}

/// Why a text names no action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected OWNER/REPOSITORY@COMMIT, such as acme/orgtrail@ followed by the 40 digits of a commit")]
pub struct InvalidAction;

impl Action {
    /// Whether it is named by a commit, which nobody can put other code behind.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.reference.len() == 40 && self.reference.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    }
}

impl FromStr for Action {
    type Err = InvalidAction;

    fn from_str(text: &str) -> Result<Self, InvalidAction> {
        let (repository, reference) = text.split_once('@').ok_or(InvalidAction)?;
        let (owner, name) = repository.split_once('/').ok_or(InvalidAction)?;
        let reference_parts = reference.split('/');
        if [owner, name].into_iter().chain(reference_parts).all(is_plain_word) {
            Ok(Self { repository: repository.to_owned(), reference: reference.to_owned() })
        } else {
            Err(InvalidAction)
        }
    }
}

impl FromStr for ActionSource {
    type Err = InvalidAction;

    /// Reads the name of an action; an empty text leaves it to the variables.
    fn from_str(text: &str) -> Result<Self, InvalidAction> {
        if text.is_empty() { Ok(Self::Variables) } else { text.parse().map(Self::Named) }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.reference)
    }
}

/// Whether a part of the name of an action can stand in a workflow as it is.
fn is_plain_word(word: &str) -> bool {
    !word.starts_with(['.', '-'])
        && !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// What the workflows have to know of who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hearers {
    /// The variables that hold the secrets of channels.
    pub variables: Vec<String>,
    /// Whether there is anybody to tell.
    pub has_routes: bool,
}

impl Hearers {
    /// Those that the settings of a trail name.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let named = |name: &String| config.routes.iter().any(|route| route.channels.contains(name));
        let channels = config.channels.iter().filter(|channel| named(&channel.name));
        let mut variables: Vec<String> =
            channels.flat_map(|channel| channel.variables().map(|(_, variable)| variable.to_owned())).collect();
        variables.sort();
        variables.dedup();
        Self { variables, has_routes: config.routes.iter().any(|route| !route.channels.is_empty()) }
    }
}

/// A workflow of a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowFile {
    /// Where it belongs, from the top of the trail.
    pub path: &'static str,
    /// What it says.
    pub content: String,
}

/// The workflows of a trail.
#[must_use]
pub fn workflows(source: &ActionSource, hearers: &Hearers) -> Vec<WorkflowFile> {
    let content = |template| telling(&written(template, source), hearers);
    WORKFLOWS.map(|(path, template)| WorkflowFile { path, content: content(template) }).into()
}

/// A workflow that also tells people, where there is anybody to tell.
fn telling(text: &str, hearers: &Hearers) -> String {
    if !hearers.has_routes {
        return text.to_owned();
    }
    let secret = |name: &String| format!("          {name}: ${{{{ secrets.{name} }}}}\n");
    let secrets: String = hearers.variables.iter().map(secret).collect();
    text.replace(PUSHES, &format!("{PUSHES}          alert: true\n"))
        .replace(LAST_SECRET, &format!("{LAST_SECRET}{secrets}"))
}

fn written(template: &str, source: &ActionSource) -> String {
    let ActionSource::Named(action) = source else { return template.to_owned() };
    let text = template.replace(BROUGHT, &action.to_string());
    let steps =
        text.split_once(FIRST_OF_SOURCE).and_then(|(before, rest)| Some((before, rest.split_once(LAST_OF_SOURCE)?.1)));
    steps.map_or_else(|| text.clone(), |(before, after)| format!("{before}{after}"))
}

/// Puts the workflows into the working tree of a trail, without committing them; what stands there stays.
pub fn add_workflows(
    trail: &Trail,
    source: &ActionSource,
    hearers: &Hearers,
) -> Result<Vec<(&'static str, Placed)>, Failure> {
    let place = |file: WorkflowFile| Ok((file.path, trail.place_new(file.path, file.content.as_bytes())?));
    workflows(source, hearers).into_iter().map(place).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn an_action_is_named_as_in_a_workflow() {
        let action: Action = format!("acme/orgtrail@{COMMIT}").parse().unwrap();
        assert!(action.is_pinned());
        assert_eq!(action.to_string(), format!("acme/orgtrail@{COMMIT}"));
        for moving in ["acme/orgtrail@v1", "a-b/c.d_e@releases/v1", &format!("acme/orgtrail@{}", &COMMIT[1..])] {
            assert!(!moving.parse::<Action>().unwrap().is_pinned(), "{moving}");
        }
    }

    #[test]
    fn what_would_be_more_than_a_name_in_a_workflow_is_none() {
        let bad = [
            "",
            "acme",
            "acme/orgtrail",
            "acme/orgtrail@",
            "@v1",
            "/orgtrail@v1",
            "acme/@v1",
            "acme/a/b@v1",
            "./orgtrail@v1",
            "acme/orgtrail@v1 # x",
            "acme/orgtrail@v1\n  run: x",
            "acme/orgtrail@${{ x }}",
            "acme/orgtrail@v1@v2",
            "-acme/orgtrail@v1",
            "acme/orgtrail@a//b",
            "acme/..@v1",
            "acmé/orgtrail@v1",
        ];
        for text in bad {
            assert_eq!(text.parse::<Action>(), Err(InvalidAction), "{text:?}");
        }
    }

    #[test]
    fn an_action_takes_the_place_of_the_steps_that_bring_one() {
        let source: ActionSource = format!("acme/orgtrail@{COMMIT}").parse().unwrap();
        for (path, template) in WORKFLOWS {
            assert_eq!(template.matches(FIRST_OF_SOURCE).count(), 1, "{path}");
            assert_eq!(template.matches(LAST_OF_SOURCE).count(), 1, "{path}");
            assert_eq!(template.matches(BROUGHT).count(), 1, "{path}");
            assert_eq!(written(template, &ActionSource::Variables), template);
            let text = written(template, &source);
            assert!(text.contains(&format!("\n        uses: acme/orgtrail@{COMMIT}\n")), "{text}");
            for gone in ["ORGTRAIL_SOURCE", "ORGTRAIL_REF", "./orgtrail", "path: orgtrail", "zizmor"] {
                assert!(!text.contains(gone), "{path} has {gone}");
            }
            // Nothing else is lost: every other step is there, each behind an empty line.
            assert_eq!(text.matches("\n\n      - ").count() + 1, text.matches("      - name: ").count(), "{text}");
            assert_eq!(text.matches("      - name: ").count() + 2, template.matches("      - name: ").count());
        }
    }

    #[test]
    fn where_there_are_routes_the_snapshot_tells_and_has_the_secrets_for_it() {
        let source = ActionSource::Variables;
        let silent = workflows(&source, &Hearers::default());
        assert_eq!(silent[0].content, WORKFLOWS[0].1);
        let hearers = Hearers { variables: vec!["SOC_URL".to_owned()], has_routes: true };
        let told = workflows(&source, &hearers);
        assert_eq!(told[1].content, WORKFLOWS[1].1);
        let (before, after) = (WORKFLOWS[0].1, &told[0].content);
        let added: Vec<&str> = after.lines().filter(|line| !before.lines().any(|known| known == *line)).collect();
        assert_eq!(added, ["          alert: true", "          SOC_URL: ${{ secrets.SOC_URL }}"]);
        assert_eq!(after.lines().count(), before.lines().count() + 2);
    }
}
