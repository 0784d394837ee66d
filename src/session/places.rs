//! Where in the files of a commit changes are to be seen.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::failure::Failure;
use super::workspace::{Workspace, archive};
use crate::catalogue::Domain;
use crate::history::{Position, Written};
use crate::model::{EntityKey, FieldKind, Finding, Place, Pointer, Subject};
use crate::policy::ClassifiedChange;
use crate::record::{Ledger, path_of, places_of};
use crate::report::findings::Places;
use crate::trail::CommitId;

/// Where changes and changed fields are written in the files of a commit, the one that they lead to.
///
/// What was removed is where the nearest thing around it is that is left; an entity that was removed is where its file begins,
/// and nowhere if the file went with it.
pub fn places(workspace: &Workspace, commit: &CommitId, changes: &[ClassifiedChange]) -> Result<Places, Failure> {
    let archive = archive(workspace, Some(*commit))?;
    let mut files = Files { workspace, commit, ledger: archive.ledger(), read: BTreeMap::new() };
    let mut places = Places::new();
    for ClassifiedChange { change, fields, fingerprint, .. } in changes {
        let Some(domain) = workspace.catalogue.get(&change.domain) else { continue };
        let Some((file, text)) = files.of(domain, &change.key)? else { continue };
        let written = Written::find(&text, &change.key);
        let place = |path: &Pointer| {
            let position = written.as_ref().map_or(Position::START, |written| written.position(domain, path));
            Place { file: file.clone(), line: position.line, column: position.column }
        };
        places.insert(fingerprint.clone(), place(&Pointer::root()));
        for classified in fields {
            let field = &classified.field;
            let removed = (field.kind == FieldKind::Removed).then(|| field.path.parent()).flatten();
            places.insert(classified.fingerprint.clone(), place(removed.as_ref().unwrap_or(&field.path)));
        }
    }
    Ok(places)
}

/// Findings with where what they are about is written in the files of a commit; what is not there has no place.
///
/// # Errors
/// [`Failure`] where a file cannot be read.
pub(super) fn located(
    workspace: &Workspace,
    commit: &CommitId,
    mut findings: Vec<Finding>,
) -> Result<Vec<Finding>, Failure> {
    let archive = archive(workspace, Some(*commit))?;
    let mut files = Files { workspace, commit, ledger: archive.ledger(), read: BTreeMap::new() };
    for finding in &mut findings {
        let Subject::Entity { domain, key, path, .. } = &finding.subject else { continue };
        let Some(domain) = workspace.catalogue.get(domain) else { continue };
        let Some((file, text)) = files.of(domain, key)? else { continue };
        finding.place = Written::find(&text, key).map(|written| {
            let position = written.position(domain, path.as_ref().unwrap_or(&Pointer::root()));
            Place { file, line: position.line, column: position.column }
        });
    }
    Ok(findings)
}

/// The files of a commit; each is read once.
struct Files<'f> {
    workspace: &'f Workspace,
    commit: &'f CommitId,
    ledger: Option<&'f Ledger>,
    read: BTreeMap<String, Option<Rc<str>>>,
}

impl Files<'_> {
    /// The file that an entity is in, or, where it is in none, the one that it would be in.
    fn of(&mut self, domain: &Domain, key: &EntityKey) -> Result<Option<(String, Rc<str>)>, Failure> {
        for path in places_of(domain, key) {
            if let Some(text) = self.text(&path)?
                && Written::find(&text, key).is_some()
            {
                return Ok(Some((path, text)));
            }
        }
        let entry = self.ledger.and_then(|ledger| ledger.domains.get(&domain.id));
        let path = path_of(domain, key, entry.map(|entry| entry.width).unwrap_or_default());
        Ok(self.text(&path)?.map(|text| (path, text)))
    }

    fn text(&mut self, path: &str) -> Result<Option<Rc<str>>, Failure> {
        if let Some(known) = self.read.get(path) {
            return Ok(known.clone());
        }
        let bytes = self.workspace.trail.file(self.commit, path)?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Rc::from);
        self.read.insert(path.to_owned(), text.clone());
        Ok(text)
    }
}
