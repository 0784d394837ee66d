//! A domain as far as its files can be read, and everything that is wrong with them.

use super::definition::{Domain, Origin};
use super::field_path::FieldPath;
use super::file::{Placed, RawDomain};
use super::problem::{CatalogueProblem, Objection, line_at};
use super::schema::Schema;
use super::source::Binding;
use super::user::{Source, Texts, USER_DIR, schema_path};
use crate::model::DomainId;

/// A domain before it is tied to others.
pub(super) struct Draft {
    pub(super) id: DomainId,
    /// The domain; absent where something is wrong with it.
    pub(super) domain: Option<Domain>,
    pub(super) file: String,
    pub(super) links: Vec<Link>,
    pub(super) problems: Vec<CatalogueProblem>,
}

/// What a domain file says of another domain.
pub(super) struct Link {
    pub(super) kind: LinkKind,
    pub(super) target: DomainId,
    /// The line that says it, where the file is known.
    pub(super) line: Option<usize>,
}

/// How a domain is tied to another.
pub(super) enum LinkKind {
    /// It is listed under it.
    Parent,
    /// It refers to it.
    Reference,
    /// Its listings take something of the other's entities.
    Takes(FieldPath),
}

impl Domain {
    /// Reads a domain from the texts of its two files.
    ///
    /// # Errors
    /// Every problem found, in order of place.
    pub fn read(
        id: DomainId,
        file: &str,
        text: &str,
        schema_file: &str,
        schema: &str,
    ) -> Result<Self, Vec<CatalogueProblem>> {
        let source = Source { file: file.to_owned(), text };
        let schema = Source { file: schema_file.to_owned(), text: schema };
        let mut objections = Vec::new();
        let raw = RawDomain::read(text, &mut objections);
        let mut draft = Draft::new(id, &source, raw.as_ref());
        draft.complete(&source, raw, objections, &schema);
        draft.domain.ok_or(draft.problems)
    }
}

impl Draft {
    fn new(id: DomainId, source: &Source<'_>, raw: Option<&RawDomain>) -> Self {
        let links = raw.map(|raw| links(raw, source.text)).unwrap_or_default();
        Self { id, domain: None, file: source.file.clone(), links, problems: Vec::new() }
    }

    /// A domain that was read before, by code that does not know its files.
    pub(super) fn of(domain: Domain) -> Self {
        let mut links = Vec::new();
        let mut link = |kind, target: &DomainId| links.push(Link { kind, target: target.clone(), line: None });
        if let Some(parent) = &domain.source.parent {
            link(LinkKind::Parent, parent);
            for binding in domain.source.bind.values() {
                if let Binding::Field(path) = binding {
                    link(LinkKind::Takes(path.clone()), parent);
                }
            }
        }
        let targets = domain.references.iter().flat_map(|reference| &reference.targets);
        targets.for_each(|target| link(LinkKind::Reference, target));
        Self { id: domain.id.clone(), file: domain.file.clone(), links, problems: Vec::new(), domain: Some(domain) }
    }

    /// Reads all that a domain is made of.
    pub(super) fn read(texts: &Texts<'_>) -> Self {
        if !texts.is_readable {
            return Self::nothing(&texts.id, Vec::new());
        }
        let Some(source) = &texts.domain else { return Self::without_domain_file(texts) };
        let mut objections = Vec::new();
        let raw = RawDomain::read(source.text, &mut objections);
        let mut draft = Self::new(texts.id.clone(), source, raw.as_ref());
        let version = raw.as_ref().and_then(|raw| raw.schema_version.clone());
        let schema = version.as_ref().and_then(|version| texts.schema(version.value));
        if let (Some(version), None) = (&version, &schema) {
            objections.push(Objection::new(version.offset, missing_schema(texts, version.value)));
        }
        match &schema {
            Some(schema) => draft.complete(source, raw, objections, schema),
            None => draft.problems = in_file(objections, source),
        }
        for (number, unused) in &texts.schemas {
            match &version {
                Some(version) if version.value == *number => {}
                Some(version) => draft.problems.push(unused_schema(unused, source, version.value)),
                // Which of them counts cannot be told, so each is held to what it says itself.
                None => {
                    let mut faults = Vec::new();
                    Schema::read(unused.text, &texts.id, Some(*number), &mut faults);
                    draft.problems.extend(in_file(faults, unused));
                }
            }
        }
        draft.set_origin(texts);
        draft
    }

    fn without_domain_file(texts: &Texts<'_>) -> Self {
        let missing = format!("{USER_DIR}/{}/{}.toml", texts.id.family(), texts.id.short_name());
        let problem = |schema: &Source<'_>| CatalogueProblem {
            file: schema.file.clone(),
            line: None,
            problem: format!("{missing} is missing, and no domain of that name comes with orgtrail"),
        };
        Self::nothing(&texts.id, texts.schemas.values().map(problem).collect())
    }

    /// A name of which nothing more is known.
    fn nothing(id: &DomainId, problems: Vec<CatalogueProblem>) -> Self {
        Self { id: id.clone(), domain: None, file: String::new(), links: Vec::new(), problems }
    }

    /// Puts a domain file and its schema together.
    fn complete(
        &mut self,
        source: &Source<'_>,
        raw: Option<RawDomain>,
        mut objections: Vec<Objection>,
        schema: &Source<'_>,
    ) {
        let version = raw.as_ref().and_then(|raw| raw.schema_version.as_ref()).map(|version| version.value);
        let mut faults = Vec::new();
        let read = Schema::read(schema.text, &self.id, version, &mut faults);
        if let (Some(raw), Some(read)) = (&raw, &read) {
            let mut lacking = Vec::new();
            raw.check_paths(&read.shape, &mut lacking);
            if schema.is_own() && !source.is_own() {
                faults.extend(lacking.into_iter().map(|objection| {
                    let line = line_at(source.text, objection.offset);
                    let built_in = format!("{}:{line}, which comes with orgtrail", source.file);
                    Objection::new(read.entity, format!("{built_in}, does not fit: {}", objection.problem))
                }));
            } else {
                objections.append(&mut lacking);
            }
        }
        self.problems.extend(in_file(objections, source));
        self.problems.extend(in_file(faults, schema));
        if let (Some(raw), Some(read), []) = (raw, read, self.problems.as_slice()) {
            self.domain = Some(raw.into_domain(self.id.clone(), &source.file, &schema.file, read.shape));
        }
        self.problems.sort();
    }

    fn set_origin(&mut self, texts: &Texts<'_>) {
        let is_changed = !texts.schemas.is_empty() || texts.domain.as_ref().is_some_and(Source::is_own);
        if let Some(domain) = &mut self.domain {
            domain.origin = match (texts.is_built_in, is_changed) {
                (true, false) => Origin::BuiltIn,
                (true, true) => Origin::Overridden,
                (false, _) => Origin::Added,
            };
        }
    }
}

fn in_file(objections: Vec<Objection>, source: &Source<'_>) -> Vec<CatalogueProblem> {
    objections.into_iter().map(|objection| objection.in_file(&source.file, source.text)).collect()
}

fn unused_schema(schema: &Source<'_>, source: &Source<'_>, version: u32) -> CatalogueProblem {
    let whose = if source.is_own() { "" } else { ", which comes with orgtrail," };
    let problem = format!("nothing uses it: {}{whose} has schema_version = {version}", source.file);
    CatalogueProblem { file: schema.file.clone(), line: None, problem }
}

fn missing_schema(texts: &Texts<'_>, version: u32) -> String {
    let wanted = format!("{USER_DIR}/{}", schema_path(&texts.id, version));
    let others = texts.schemas.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let known = match (others.as_str(), texts.is_built_in) {
        ("", true) => ", and no schema of that version comes with orgtrail".to_owned(),
        ("", false) => String::new(),
        (others, _) => format!("; there is one for {others}"),
    };
    format!("schema_version: {wanted} is missing{known}")
}

/// What a domain file says of other domains.
fn links(raw: &RawDomain, text: &str) -> Vec<Link> {
    let link =
        |kind, target: &DomainId, offset| Link { kind, target: target.clone(), line: Some(line_at(text, offset)) };
    let mut links = Vec::new();
    if let Some(parent) = &raw.source.parent {
        links.push(link(LinkKind::Parent, &parent.value, parent.offset));
        for Placed { value, offset } in raw.source.bind.values() {
            if let Binding::Field(path) = value {
                links.push(link(LinkKind::Takes(path.clone()), &parent.value, *offset));
            }
        }
    }
    for target in raw.references.iter().flat_map(|reference| &reference.targets) {
        links.push(link(LinkKind::Reference, &target.value, target.offset));
    }
    links
}
