//! What commits put under `snapshot/`. A file is read when its id is another one than it was in the commit before, and a domain
//! checked when one of its files, or what the ledger says of it, is.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::history::in_commit;
use crate::canonical::{Canonicaliser, SecretKey};
use crate::integrity::{
    ChainCommit, Fault, Role, check_domain, check_ledger, check_trailer, domains_to_check, foreign_form, read_file,
};
use crate::model::{DomainId, DomainSnapshot, Evidence, Finding, Subject};
use crate::record::{LEDGER_PATH, Ledger, roots_of};
use crate::session::{Exit, Failure, Workspace};
use crate::trail::{CommitId, FileTurn, ObjectId, TrailError};

/// Takes the place of the trail's key where nothing is fingerprinted: what is hidden stays as it is.
const NO_KEY: &str = "no secret is ever fingerprinted with this";

/// The files of the commit that was checked last.
pub(super) struct Contents<'w> {
    workspace: &'w Workspace,
    /// The commit before the first one to check.
    base: Option<CommitId>,
    /// Files by path; none for one that is not what the tool writes.
    files: BTreeMap<String, (ObjectId, Option<Rc<DomainSnapshot>>)>,
    ledger: Option<(ObjectId, Option<Rc<Ledger>>)>,
}

/// The readable files of a domain, by path.
type Files = Vec<(String, Rc<DomainSnapshot>)>;

impl<'w> Contents<'w> {
    pub(super) fn of(workspace: &'w Workspace, base: Option<CommitId>) -> Self {
        Self { workspace, base, files: BTreeMap::new(), ledger: None }
    }

    /// Checks what a commit changed.
    pub(super) fn check(
        &mut self,
        id: &CommitId,
        commit: &ChainCommit,
        turns: &[FileTurn],
    ) -> Result<Vec<Finding>, Failure> {
        if !commit.touches {
            return Ok(Vec::new());
        }
        let mut findings = Vec::new();
        let before = match (self.ledger.clone(), self.base.take()) {
            (None, Some(base)) => self.ledger_at(&base, &mut Vec::new())?,
            (known, _) => known.and_then(|(_, ledger)| ledger),
        };
        let after = self.ledger_at(id, &mut findings)?;
        if let Some(ledger) = after.as_ref().filter(|_| commit.role() == Role::Tool) {
            findings.extend(check_trailer(commit, ledger));
        }
        let paths = turns.iter().map(|turn| turn.path.as_str());
        let (domains, strays) = domains_to_check(paths, before.as_deref(), after.as_deref());
        for path in
            strays.into_iter().filter(|path| turns.iter().any(|turn| turn.path == *path && turn.after.is_some()))
        {
            let message = format!("{path} is no file of a domain");
            findings.push(Fault::MisplacedFile.finding(Subject::File(path.to_owned()), message, Vec::new()));
        }
        for domain in domains {
            let (files, is_readable) = self.files_of(&domain, id, &mut findings)?;
            if let Some(ledger) = after.as_ref().filter(|_| is_readable) {
                findings.extend(check_domain(&id.to_string(), &domain, ledger.domains.get(&domain), &files));
            }
        }
        if turns.is_empty() {
            let message = "modes of files are others than orgtrail writes".to_owned();
            findings.push(Fault::NotCanonical.finding(Subject::Commit(id.to_string()), message, Vec::new()));
        }
        Ok(findings.into_iter().map(|finding| in_commit(finding, id)).collect())
    }

    /// Checks that what is on record in a commit has the form that its domain gives it, as far as the domain has that form now.
    pub(super) fn check_forms(&mut self, id: &CommitId) -> Result<Vec<Finding>, Failure> {
        let Workspace { catalogue, scan, .. } = self.workspace;
        let Some(ledger) = self.ledger_at(id, &mut Vec::new())? else { return Ok(Vec::new()) };
        let secrets = SecretKey::new(NO_KEY).map_err(|error| Failure::of(Exit::Internal, &error))?;
        let mut findings = Vec::new();
        for (name, entry) in ledger.domains.iter().filter(|_| ledger.scan == scan.version()) {
            let is_current = |domain: &&crate::catalogue::Domain| {
                entry.treatment == scan.treatment(domain) && entry.schema_version == domain.schema_version
            };
            let Some(domain) = catalogue.get(name).filter(is_current) else { continue };
            let canonicaliser = Canonicaliser::new(domain, &secrets, scan, &ledger.org);
            let (files, _) = self.files_of(name, id, &mut Vec::new())?;
            findings.extend(files.iter().filter_map(|(path, file)| foreign_form(&canonicaliser, path, file)));
        }
        Ok(findings.into_iter().map(|finding| in_commit(finding, id)).collect())
    }

    fn ledger_at(&mut self, id: &CommitId, findings: &mut Vec<Finding>) -> Result<Option<Rc<Ledger>>, Failure> {
        let Some(blob) = self.workspace.trail.tree_entry(id, LEDGER_PATH)? else {
            self.ledger = None;
            let message = format!("there is no {LEDGER_PATH}");
            findings.push(Fault::NotCanonical.finding(Subject::File(LEDGER_PATH.to_owned()), message, Vec::new()));
            return Ok(None);
        };
        if let Some((known, ledger)) = &self.ledger
            && *known == blob
        {
            return Ok(ledger.clone());
        }
        let read = match self.content(LEDGER_PATH, &blob) {
            Ok(bytes) => check_ledger(&bytes).map(Rc::new),
            Err(finding) => Err(finding),
        };
        let ledger = read.map_err(|finding| findings.push(*finding)).ok();
        self.ledger = Some((blob, ledger.clone()));
        Ok(ledger)
    }

    /// The files of a domain in a commit, and whether all of them are what the tool writes.
    fn files_of(
        &mut self,
        domain: &DomainId,
        id: &CommitId,
        findings: &mut Vec<Finding>,
    ) -> Result<(Files, bool), TrailError> {
        let trail = &self.workspace.trail;
        let [whole, folder] = roots_of(domain);
        let mut listed: Vec<(String, ObjectId)> =
            trail.tree_entry(id, &whole)?.map(|blob| (whole.clone(), blob)).into_iter().collect();
        listed.extend(trail.files_under(id, &folder)?.into_iter().map(|(path, blob)| (path, blob.into())));
        let (mut files, mut is_readable) = (Files::new(), true);
        for (path, blob) in &listed {
            match self.file(path, *blob, findings) {
                Some(file) => files.push((path.clone(), file)),
                None => is_readable = false,
            }
        }
        // What is gone need not be kept.
        let there: BTreeSet<&String> = listed.iter().map(|(path, _)| path).collect();
        let below = format!("{folder}/");
        self.files.retain(|path, _| (*path != whole && !path.starts_with(&below)) || there.contains(path));
        Ok((files, is_readable))
    }

    fn file(&mut self, path: &str, blob: ObjectId, findings: &mut Vec<Finding>) -> Option<Rc<DomainSnapshot>> {
        if let Some((known, file)) = self.files.get(path)
            && *known == blob
        {
            return file.clone();
        }
        let read = match self.content(path, &blob) {
            Ok(bytes) => read_file(path, &bytes).map(Rc::new),
            Err(finding) => Err(finding),
        };
        let file = read.map_err(|finding| findings.push(*finding)).ok();
        self.files.insert(path.to_owned(), (blob, file.clone()));
        file
    }

    fn content(&self, path: &str, blob: &ObjectId) -> Result<Vec<u8>, Box<Finding>> {
        let unreadable = |why: String| {
            let evidence = vec![Evidence::new("object", blob.to_string())];
            let message = format!("{path} cannot be read: {why}");
            Box::new(Fault::Unreadable.finding(Subject::File(path.to_owned()), message, evidence))
        };
        match self.workspace.trail.content(blob) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(unreadable("it is not a file".to_owned())),
            Err(error) => Err(unreadable(crate::capture::with_causes(&error))),
        }
    }
}
