//! The access document, `schemas/output/access.v1.json`. Its form is frozen: the types here are its own. Principals are written
//! as they are come upon, so that only one of them is held at a time.

use std::io::{self, Write};

use super::super::json::write_document;
use super::Asked;

/// Writes the document, indented, with a final newline.
pub fn render(asked: &Asked<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(asked), out)
}

mod v1 {
    use serde::{Serialize, Serializer};

    use crate::audit::rbac::{Kind, Role};
    use crate::model::{DomainId, EntityKey, Pointer};
    use crate::report::access::{self, division_id, role_and_group};
    use crate::report::json::v1::Endpoint;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'a> {
        schema_version: u32,
        at: Endpoint<'a>,
        question: Question<'a>,
        complete: bool,
        gaps: Vec<Gap<'a>>,
        restrictions: Vec<Restriction<'a>>,
        not_understood: Vec<NotUnderstood<'a>>,
        nearest: Option<&'a str>,
        principals: Principals<'a>,
    }

    #[derive(Serialize)]
    struct Question<'a> {
        permission: Option<&'a str>,
        principal: Option<Named<'a>>,
        division: Option<Division<'a>>,
    }

    #[derive(Serialize)]
    struct Gap<'a> {
        domain: &'a DomainId,
        status: &'static str,
        without: &'a str,
    }

    #[derive(Serialize)]
    struct Restriction<'a> {
        domain: &'a DomainId,
        in_force: u64,
        about: &'a str,
    }

    #[derive(Serialize)]
    struct NotUnderstood<'a> {
        role: Named<'a>,
        on_record: bool,
        places: &'a [Pointer],
    }

    #[derive(Serialize)]
    struct Named<'a> {
        id: &'a str,
        name: Option<&'a str>,
    }

    #[derive(Serialize)]
    struct Division<'a> {
        id: Option<&'a str>,
        name: Option<&'a str>,
    }

    struct Principals<'a>(&'a access::Asked<'a>);

    #[derive(Serialize)]
    struct Principal<'a> {
        kind: Kind,
        id: &'a str,
        name: Option<&'a str>,
        traits: Vec<&'a str>,
        access: Vec<Triple<'a>>,
    }

    #[derive(Serialize)]
    struct Triple<'a> {
        permission: &'a str,
        division: Division<'a>,
        paths: Vec<Path<'a>>,
    }

    #[derive(Serialize)]
    struct Path<'a> {
        role: Named<'a>,
        group: Option<Group<'a>>,
        condition: Option<&'a str>,
        grant: Grant<'a>,
    }

    #[derive(Serialize)]
    struct Group<'a> {
        id: &'a str,
        name: Option<&'a str>,
        member_by: &'a DomainId,
    }

    #[derive(Serialize)]
    struct Grant<'a> {
        domain: &'a DomainId,
        entity: &'a EntityKey,
    }

    impl<'a> From<&'a access::Asked<'a>> for Document<'a> {
        fn from(asked: &'a access::Asked<'a>) -> Self {
            let access = &asked.told.access;
            let principal = asked.question.principal.map(|index| &access.principals[index]);
            let is_unread = |role: &&Role| role.rights.is_none() || !role.unread.is_empty();
            let unread = |role: &'a Role| NotUnderstood {
                role: role.into(),
                on_record: role.rights.is_some(),
                places: &role.unread,
            };
            let gap = |gap: &'a crate::audit::rbac::Gap| Gap {
                domain: &gap.domain,
                status: gap.standing.as_str(),
                without: &gap.without,
            };
            let restriction = |one: &'a crate::audit::rbac::Restriction| Restriction {
                domain: &one.domain,
                in_force: one.in_force,
                about: &one.about,
            };
            Self {
                schema_version: SCHEMA_VERSION,
                at: (&asked.told.at).into(),
                question: Question {
                    permission: asked.question.permission.as_deref(),
                    principal: principal.map(|one| Named { id: &one.id, name: one.name.as_deref() }),
                    division: asked.question.division.as_ref().map(|one| division(access, one)),
                },
                complete: asked.is_complete(),
                gaps: access.gaps.iter().map(gap).collect(),
                restrictions: access.restrictions.iter().map(restriction).collect(),
                not_understood: access.roles.iter().filter(is_unread).map(unread).collect(),
                nearest: asked.nearest(),
                principals: Principals(asked),
            }
        }
    }

    impl<'a> From<&'a Role> for Named<'a> {
        fn from(role: &'a Role) -> Self {
            Self { id: &role.id, name: role.name.as_deref() }
        }
    }

    impl Serialize for Principals<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let access = &self.0.told.access;
            serializer.collect_seq(self.0.answers().map(|(_, principal, triples)| Principal {
                kind: principal.kind,
                id: &principal.id,
                name: principal.name.as_deref(),
                traits: principal.traits.iter().map(AsRef::as_ref).collect(),
                access: triples.into_iter().map(|triple| told(access, &triple)).collect(),
            }))
        }
    }

    fn told<'a>(access: &'a crate::audit::rbac::Access, triple: &crate::audit::rbac::Triple<'a>) -> Triple<'a> {
        let path = |path: &crate::audit::rbac::TriplePath<'a>| {
            let (role, _) = role_and_group(access, path);
            let grant = &access.grants[path.grant];
            let group = path.via.as_ref().map(|via| {
                let group = &access.principals[via.group];
                let member_by = access.membership_domain(via);
                Group { id: &group.id, name: group.name.as_deref(), member_by }
            });
            Path {
                role: role.into(),
                group,
                condition: path.condition,
                grant: Grant { domain: &grant.domain, entity: &grant.key },
            }
        };
        Triple {
            permission: triple.permission.as_str(),
            division: division(access, triple.division),
            paths: triple.paths.iter().map(path).collect(),
        }
    }

    fn division<'a>(access: &'a crate::audit::rbac::Access, one: &'a crate::audit::rbac::Division) -> Division<'a> {
        Division { id: division_id(one), name: access.division_name(one) }
    }
}
