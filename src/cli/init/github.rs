//! What is left to do by hand where GitHub takes the snapshots.

use std::path::Path;

use crate::config::KeyOrigin;
use crate::session::ActionSource;
use crate::trail::Placed;

/// Says what became of a workflow in the working tree of a trail that was there before.
pub(super) fn told_of(path: &str, placed: Placed) -> String {
    match placed {
        Placed::New => format!("{path} is new, and yours to commit"),
        Placed::Same => format!("{path} is there already"),
        Placed::Other => {
            format!(
                "{path} says something else and stays; what would be written is seen where the command makes a new trail"
            )
        }
    }
}

/// The lines that say what to do on GitHub, with a command for each secret and variable; the key itself is in none of them.
pub(super) fn next_steps(key: &KeyOrigin, source: &ActionSource) -> Vec<String> {
    let mut lines =
        vec!["on GitHub: push the trail to a private repository, and set what the workflows need".to_owned()];
    let mut command = |text: &str| lines.push(format!("  {text}"));
    command("gh secret set GENESYSCLOUD_OAUTHCLIENT_ID");
    command("gh secret set GENESYSCLOUD_OAUTHCLIENT_SECRET");
    command(&match key {
        KeyOrigin::FromEnvironment => "printenv ORGTRAIL_SECRET_KEY | gh secret set ORGTRAIL_SECRET_KEY".to_owned(),
        KeyOrigin::Existing(path) | KeyOrigin::Created(path) => {
            format!("gh secret set ORGTRAIL_SECRET_KEY < {}", quoted(path))
        }
    });
    command("gh variable set GENESYSCLOUD_REGION");
    if *source == ActionSource::Variables {
        command("gh variable set ORGTRAIL_SOURCE --body OWNER/REPOSITORY");
        command("gh variable set ORGTRAIL_REF --body COMMIT");
    }
    lines.push("The workflow opens pull requests, which has to be allowed, by the organisation as well:".to_owned());
    lines.push(
        "  gh api -X PUT 'repos/{owner}/{repo}/actions/permissions/workflow' -F can_approve_pull_request_reviews=true"
            .to_owned(),
    );
    lines.push(
        "It pushes to the branch of the trail and to orgtrail/review. A rule that asks for pull requests or checks there has to \
         let whoever pushes bypass it, which takes a deploy key or an app. Block force pushes and deletions on the branch of \
         the trail and on approved, and ask for reviews on approved."
            .to_owned(),
    );
    if let ActionSource::Named(action) = source
        && !action.is_pinned()
    {
        lines.push(
            "The action is not named by a commit: other code can be put behind such a name at any time.".to_owned(),
        );
    }
    lines
}

/// A path as a word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell_whatever_is_in_it() {
        assert_eq!(quoted(Path::new("/home/a b/it's $(x)")), r"'/home/a b/it'\''s $(x)'");
    }
}
