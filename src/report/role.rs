//! The least role: for people, and as the API takes it.

use std::io::{self, Write};

use super::json::write_document;
use super::markdown::{code, prose};
use super::table::table;
use crate::catalogue::{LeastRole, Need};
use crate::model::DomainId;

/// The name of the role.
const NAME: &str = "orgtrail";

/// What the role says of itself.
const DESCRIPTION: &str = "What orgtrail needs to read the configuration of the organisation";

/// Writes a line for each permission, and what to know of such a role.
pub fn render_text(role: &LeastRole, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 2]> =
        role.permissions.iter().map(|(permission, need)| [permission.clone(), purposes(need).join("\n")]).collect();
    writeln!(out, "{}\n", table(Some(["PERMISSION", "FOR"]), &rows))?;
    notes(role).iter().try_for_each(|note| writeln!(out, "{note}"))
}

/// Writes the same as a table of Markdown.
pub fn render_markdown(role: &LeastRole, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| Permission | For |\n|---|---|")?;
    for (permission, need) in &role.permissions {
        let purposes: Vec<String> = purposes(need).iter().map(|purpose| prose(purpose)).collect();
        writeln!(out, "| {} | {} |", code(permission), purposes.join(", "))?;
    }
    writeln!(out)?;
    notes(role).iter().try_for_each(|note| writeln!(out, "- {}", prose(note)))
}

/// Writes the body with which `POST /api/v2/authorization/roles` makes the role: `schemas/output/role.v1.json`.
pub fn render_json(role: &LeastRole, out: &mut dyn Write) -> io::Result<()> {
    write_document(&body::Role::from(role), out)
}

fn purposes(need: &Need) -> Vec<String> {
    let own = need.purpose.map(|purpose| format!("orgtrail itself: {purpose}"));
    need.domains.iter().map(ToString::to_string).chain(own).collect()
}

fn notes(role: &LeastRole) -> Vec<String> {
    let unnamed: Vec<&str> = role.unnamed.iter().map(DomainId::as_str).collect();
    let mut notes = Vec::new();
    if !unnamed.is_empty() {
        notes.push(format!("The API names no permission for: {}", unnamed.join(", ")));
    }
    notes.extend(
        [
            "Give the role in every division: the API leaves out what lies in others without saying so.",
            "A new role shows in the role picker of the OAuth client only after it has a member; give it to a person first.",
        ]
        .map(ToOwned::to_owned),
    );
    notes
}

/// The API's own names (API document: `DomainOrganizationRoleCreate`, `DomainPermissionPolicy`).
mod body {
    use std::collections::BTreeSet;

    use serde::Serialize;

    use crate::catalogue::{LeastRole, PermissionPolicy};

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Role {
        name: &'static str,
        description: &'static str,
        permission_policies: Vec<Policy>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy {
        domain: String,
        entity_name: String,
        action_set: BTreeSet<String>,
        allow_conditions: bool,
    }

    impl From<&LeastRole> for Role {
        fn from(role: &LeastRole) -> Self {
            let permission_policies = role.policies().into_iter().map(Policy::from).collect();
            Self { name: super::NAME, description: super::DESCRIPTION, permission_policies }
        }
    }

    impl From<PermissionPolicy> for Policy {
        fn from(policy: PermissionPolicy) -> Self {
            let PermissionPolicy { domain, entity, actions } = policy;
            Self { domain, entity_name: entity, action_set: actions, allow_conditions: false }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::super::json::assert_follows;
    use super::*;
    use crate::catalogue::Catalogue;

    fn role() -> LeastRole {
        let catalogue = Catalogue::built_in().unwrap();
        let names = ["authorization.division-grants", "authorization.settings", "routing.queue-members", "users.users"];
        let selection: BTreeSet<DomainId> = names.into_iter().map(|name| name.parse().unwrap()).collect();
        LeastRole::of(&catalogue, &selection, &[("authorization:grant:view", "tells a lost grant from a removal")])
    }

    fn rendered(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        render(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_permission_says_what_it_is_for() {
        insta::assert_snapshot!(rendered(|out| render_text(&role(), out)), @r#"
    PERMISSION                   FOR
    authorization:grant:view     authorization.division-grants
                                 orgtrail itself: tells a lost grant from a removal
    authorization:settings:view  authorization.settings
    routing:queue:view           routing.queue-members
                                 routing.queues

    The API names no permission for: authorization.divisions, users.users
    Give the role in every division: the API leaves out what lies in others without saying so.
    A new role shows in the role picker of the OAuth client only after it has a member; give it to a person first.
    "#);
        insta::assert_snapshot!(rendered(|out| render_markdown(&role(), out)), @r#"
    | Permission | For |
    |---|---|
    | `authorization:grant:view` | `authorization.division-grants`, orgtrail itself: tells a lost grant from a removal |
    | `authorization:settings:view` | `authorization.settings` |
    | `routing:queue:view` | `routing.queue-members`, `routing.queues` |

    - The API names no permission for: `authorization.divisions`, `users.users`
    - Give the role in every division: the API leaves out what lies in others without saying so.
    - A new role shows in the role picker of the OAuth client only after it has a member; give it to a person first.
    "#);
    }

    #[test]
    fn the_document_is_what_the_api_takes() {
        let text = rendered(|out| render_json(&role(), out));
        assert_follows("role.v1.json", &text);
        insta::assert_snapshot!(text, @r#"
    {
      "name": "orgtrail",
      "description": "What orgtrail needs to read the configuration of the organisation",
      "permissionPolicies": [
        {
          "domain": "authorization",
          "entityName": "grant",
          "actionSet": [
            "view"
          ],
          "allowConditions": false
        },
        {
          "domain": "authorization",
          "entityName": "settings",
          "actionSet": [
            "view"
          ],
          "allowConditions": false
        },
        {
          "domain": "routing",
          "entityName": "queue",
          "actionSet": [
            "view"
          ],
          "allowConditions": false
        }
      ]
    }
    "#);
    }
}
