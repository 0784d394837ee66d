//! All that is known of a domain, in words.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::shown::{grouped, value, visible};
use super::write_facts;
use crate::catalogue::{
    Binding, Counting, CursorNames, Domain, FieldPath, KeyPart, Paging, PermissionMode, Reference, Removal, SetKey,
    Source, Tier,
};
use crate::model::{ChangeKind, DomainId, OwnedValue, Value};

/// Writes all that is known of a domain.
pub fn explain_domain(domain: &Domain, out: &mut dyn Write) -> io::Result<()> {
    let mut facts = vec![
        ("tier", tier(domain.tier).to_owned()),
        ("origin", domain.origin.as_str().to_owned()),
        ("defined in", format!("{}\n{}", domain.file, domain.schema_file)),
        ("schema version", domain.schema_version.to_string()),
        ("treatment", domain.treatment().to_string()),
        ("CX as Code", domain.terraform.join("\n")),
    ];
    facts.extend(source(&domain.source));
    facts.push(("removal", removal(domain)));
    facts.extend(identity(domain));
    facts.extend(treatment(domain));
    facts.push(("risk", risk(domain)));
    if let Some(audit) = &domain.audit {
        facts.push(("audit log", format!("service {}, entity {}", audit.service, audit.entity)));
    }
    writeln!(out, "{}\n{}\n", domain.id, visible(&domain.about))?;
    write_facts(&facts, out)
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Standard => "standard: captured by every run",
        Tier::Deep => "deep: captured with `--tier deep`, or where [capture] says so",
        Tier::Content => "content: captured with `--tier content`, or where [capture] says so",
    }
}

fn source(source: &Source) -> Vec<(&'static str, String)> {
    let listing = match &source.body {
        Some(_) => format!("POST {}, a query that changes nothing", source.path),
        None => format!("GET {}", source.path),
    };
    let body = source.body.as_ref().filter(|body| !body.is_empty());
    let body = body.map(|body| value(&Value::Object(body.clone())));
    let passes = source.passes.iter().map(parameters).filter(|pass| !pass.is_empty());
    let passes: Vec<String> = passes.map(|pass| pass.replace('\n', ", ")).collect();
    let parent = source.parent.as_ref().map(|parent| format!("{parent}, for each of which there is a listing"));
    let bind = source.bind.iter().map(|(name, binding)| bound(source, name, binding));
    let detail = source.detail.as_ref().map(|detail| {
        let stored = if source.read_detail { ", which gives the stored form" } else { "" };
        format!("GET {detail}{stored}")
    });
    vec![
        ("listing", listing),
        ("paging", paging(source)),
        ("body", body.unwrap_or_default()),
        ("parameters", parameters(&source.query)),
        ("passes", passes.join("\n")),
        ("items", source.text_items.as_ref().map(|name| format!("texts, each stored as {name}")).unwrap_or_default()),
        ("parent", parent.unwrap_or_default()),
        ("taken of it", bind.collect::<Vec<_>>().join("\n")),
        ("stamped", said(!source.stamp.is_empty(), &format!("{}, stored with the entity", source.stamp.join(", ")))),
        ("immutable", said(source.immutable, "an answer never changes: it is read once and carried forward")),
        ("optional", said(source.optional, "404 says that there is none")),
        ("one entity", detail.unwrap_or_default()),
        ("with", parameters(&source.detail_query)),
        ("permission", permission(source)),
    ]
}

fn said(is_so: bool, sentence: &str) -> String {
    if is_so { sentence.to_owned() } else { String::new() }
}

fn paging(source: &Source) -> String {
    let style = source.paging.as_str();
    let size = source.page_size.map(|size| grouped(size.into())).unwrap_or_default();
    let entities = &source.entities;
    match source.paging {
        Paging::PageNumber => {
            let end = match source.counting {
                Counting::Counted => "the reply says how many there are",
                Counting::UntilEmpty => "an empty page is the end",
            };
            format!("{style}, {size} a page, in {entities}; {end}")
        }
        Paging::Cursor => {
            let CursorNames { parameter, size: size_parameter, next } = &source.cursor;
            let next = next.as_ref().map_or_else(|| "nextUri".to_owned(), ToString::to_string);
            format!(
                "{style}, {size} a page, in {entities}; the cursor goes into {parameter} and comes from {next}, \
                 the size goes into {size_parameter}"
            )
        }
        Paging::Unpaged => format!("{style}: all at once, in {entities}"),
        Paging::Array => format!("{style}: all at once, as a bare list"),
        Paging::Singleton => format!("{style}: the reply is the entity"),
    }
}

fn parameters(parameters: &BTreeMap<String, String>) -> String {
    parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join("\n")
}

fn bound(source: &Source, name: &str, binding: &Binding) -> String {
    let taken = match binding {
        Binding::Key => "its key".to_owned(),
        Binding::KeyPart(index) => format!("part {} of its key", index + 1),
        Binding::Field(path) => path.to_string(),
    };
    let placeholder = format!("{{{name}}}");
    if source.path.contains(&placeholder) {
        format!("{taken} → {placeholder}")
    } else {
        format!("{taken} → parameter {name}")
    }
}

fn permission(source: &Source) -> String {
    match (source.permission.as_slice(), source.permission_mode) {
        ([], _) => "the API names none".to_owned(),
        ([only], _) => only.clone(),
        (several, PermissionMode::Any) => format!("any of: {}", several.join(", ")),
        (several, PermissionMode::All) => format!("all of: {}", several.join(", ")),
    }
}

fn removal(domain: &Domain) -> String {
    let Removal { query, gone_when, not_found_proves } = &domain.removal;
    let marks: Vec<String> = gone_when.iter().map(|(path, mark)| format!("{path} = {}", plain(mark))).collect();
    let marks = marks.join(" and ");
    if domain.source.paging == Paging::Singleton && domain.source.parent.is_none() {
        return String::new();
    }
    if domain.source.detail.is_none() {
        return "what two listings in a row lack is gone".to_owned();
    }
    let with = said(!query.is_empty(), &format!(" with {}", parameters(query).replace('\n', ", ")));
    let read = format!("what two listings in a row lack is gone if its own read{with}");
    match (*not_found_proves, marks.is_empty()) {
        (true, true) => format!("{read} answers 404"),
        (true, false) => format!("{read} answers 404, or says {marks}"),
        (false, false) => format!("{read} says {marks}; 404 proves nothing, as that read does not see every state"),
        (false, true) => {
            "it cannot be proven that an entity is gone, as its own read does not see every state".to_owned()
        }
    }
}

fn plain(mark: &OwnedValue) -> String {
    mark.as_str().map_or_else(|| value(mark), ToOwned::to_owned)
}

fn identity(domain: &Domain) -> Vec<(&'static str, String)> {
    let identity = &domain.identity;
    let key: Vec<String> = identity.key.iter().map(key_part).collect();
    let random = said(identity.random_uuid, "; begins with a random UUID");
    let natural = said(
        !identity.natural.is_empty(),
        &format!("{}: an entity with the same under another key was made again", joined(&identity.natural, ", ")),
    );
    let live =
        identity.live.as_ref().map(|path| format!("an entity that has {path}, unless [production] says otherwise"));
    vec![
        ("key", format!("{}{random}", key.join(", "))),
        ("name", identity.name.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("natural key", natural),
        ("in production", live.unwrap_or_default()),
    ]
}

fn key_part(part: &KeyPart) -> String {
    match part {
        KeyPart::Field(path) => path.to_string(),
        KeyPart::Parent => "the parent's key".to_owned(),
        KeyPart::Org => "the organisation's id".to_owned(),
    }
}

fn treatment(domain: &Domain) -> Vec<(&'static str, String)> {
    let treat = &domain.treat;
    let under = |reason: &str, lines: Vec<String>| match lines.as_slice() {
        [] => String::new(),
        lines => format!("{reason}:\n  {}", lines.join("\n  ")),
    };
    let list = |reason: &str, paths: &[FieldPath]| under(reason, paths.iter().map(ToString::to_string).collect());
    vec![
        ("volatile", list("dropped, as it changes by itself and says nothing", &treat.volatile)),
        ("state", list("dropped, as it is what is going on, not what is configured", &treat.state)),
        ("metadata", list("dropped, as it is who and when, not what", &treat.metadata)),
        ("copied", list("dropped, as it is copied from what the entity relates to", &treat.copied)),
        ("secret", list("replaced by a keyed fingerprint", &treat.secret)),
        ("personal", list("tells about a person", &treat.personal)),
        ("sets", under("sorted, as their order means nothing", treat.sets.iter().map(set).collect())),
        (
            "references",
            under("kept without what they copy from their target", domain.references.iter().map(reference).collect()),
        ),
    ]
}

fn set((path, key): &(FieldPath, SetKey)) -> String {
    match key.0.as_slice() {
        [only] if only.segments().is_empty() => format!("{path}, of plain values"),
        parts => format!("{path}, by {}", joined(parts, " and ")),
    }
}

fn reference(reference: &Reference) -> String {
    let targets: Vec<&str> = reference.targets.iter().map(DomainId::as_str).collect();
    let keep = said(!reference.keep.is_empty(), &format!(", with {}", reference.keep.join(", ")));
    format!("{} → {}{keep}", reference.path, targets.join(" or "))
}

fn risk(domain: &Domain) -> String {
    let kinds = [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Modified, ChangeKind::Recreated];
    let kinds = kinds.map(|kind| format!("{} {}", kind.as_str(), domain.risk.of(kind)));
    let paths = domain.risk.paths.iter().map(|rule| format!("{} {} {}", rule.kind.as_str(), rule.path, rule.severity));
    std::iter::once(kinds.join(", ")).chain(paths).collect::<Vec<_>>().join("\n")
}

fn joined(paths: &[FieldPath], between: &str) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}
