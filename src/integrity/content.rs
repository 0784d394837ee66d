//! Files under `snapshot/`: whether they are to the byte what the tool writes, where it writes it, with the digests that are on
//! record.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use super::chain::ChainCommit;
use super::fault::Fault;
use crate::canonical::{Canonicaliser, Digest, read_document, value_of, write_document};
use crate::model::{DomainId, DomainSnapshot, EntityKey, Evidence, Finding, Place, Subject, Value};
use crate::record::{LEDGER_PATH, Ledger, LedgerEntry, domain_of, is_place_of, roots_of, trailer};

/// What the compact form of an entity has where a member is `null`, unless it is in a string.
const NULL_MEMBER: &str = ":null";

/// Reads a file of a domain that is what the tool writes.
///
/// # Errors
/// What shows that it is not.
pub fn read_file(path: &str, bytes: &[u8]) -> Result<DomainSnapshot, Box<Finding>> {
    let content = match read_document(bytes) {
        Ok(content) => content,
        Err(error) => return Err(Box::new(no_file_of_ours(path, bytes, None, &error.to_string()))),
    };
    if domain_of(path).as_ref() != Some(&content.domain) {
        let message = format!("{path} says that it holds {}", content.domain);
        let evidence = vec![Evidence::new("domain", content.domain.as_str())];
        return Err(Box::new(Fault::MisplacedFile.finding(Subject::File(path.to_owned()), message, evidence)));
    }
    let written = write_document(&content.domain, content.schema_version, &content.entities);
    if written != bytes {
        let why = "orgtrail writes the same content otherwise";
        return Err(Box::new(no_file_of_ours(path, bytes, Some(&written), why)));
    }
    let odd = content.entities.iter().find_map(|(key, text)| {
        let is_odd = match text.as_str().as_bytes().first() {
            Some(b'{') => text.as_str().contains(NULL_MEMBER) && has_null_member(&value_of(text)),
            _ => true,
        };
        is_odd.then_some(key)
    });
    match odd {
        None => Ok(content),
        Some(key) => {
            let why = format!("the entity {key} is no object, or has a member without a value");
            Err(Box::new(no_file_of_ours(path, bytes, None, &why)))
        }
    }
}

/// Reads a ledger that is what the tool writes.
///
/// # Errors
/// What shows that it is not.
pub fn check_ledger(bytes: &[u8]) -> Result<Ledger, Box<Finding>> {
    let ledger = match Ledger::read(bytes) {
        Ok(ledger) => ledger,
        Err(error) => return Err(Box::new(no_file_of_ours(LEDGER_PATH, bytes, None, &error.to_string()))),
    };
    let written = ledger.write();
    if written == bytes {
        return Ok(ledger);
    }
    let why = "orgtrail writes the same content otherwise";
    Err(Box::new(no_file_of_ours(LEDGER_PATH, bytes, Some(&written), why)))
}

/// Checks what a commit says of the ledger of its tree.
#[must_use]
pub fn check_trailer(commit: &ChainCommit, ledger: &Ledger) -> Vec<Finding> {
    let mut findings = Vec::new();
    let found = Digest::of(ledger.compact().as_bytes()).to_string();
    let said = commit.trailer(trailer::DIGEST);
    if said != Some(found.as_str()) {
        let said = said.unwrap_or("nothing");
        let message = format!("the ledger of the commit has the digest {found}, and the commit says {said}");
        let evidence = vec![Evidence::new("digest", found), Evidence::new("said", said)];
        findings.push(Fault::DigestMismatch.finding(Subject::Commit(commit.id.clone()), message, evidence));
    }
    if let Some(org) = commit.trailer(trailer::ORG).filter(|org| *org != ledger.org) {
        let message = format!("the ledger is of the organisation {}, and the commit says {org}", ledger.org);
        let evidence = vec![Evidence::new("org", &*ledger.org), Evidence::new("said", org)];
        findings.push(Fault::OrgMismatch.finding(Subject::Commit(commit.id.clone()), message, evidence));
    }
    findings
}

/// The domains that a commit touched: those of the files that turned, and those that the ledger says something else of; and the
/// files that belong to none.
#[must_use]
pub fn domains_to_check<'p>(
    turned: impl IntoIterator<Item = &'p str>,
    before: Option<&Ledger>,
    after: Option<&Ledger>,
) -> (BTreeSet<DomainId>, Vec<&'p str>) {
    let (mut domains, mut strays) = (BTreeSet::new(), Vec::new());
    for path in turned.into_iter().filter(|path| *path != LEDGER_PATH) {
        match domain_of(path).filter(|_| path.strip_suffix(".json").is_some()) {
            Some(domain) => drop(domains.insert(domain)),
            None => strays.push(path),
        }
    }
    let named = [before, after].into_iter().flatten().flat_map(|ledger| ledger.domains.keys());
    let differing: Vec<DomainId> = named.filter(|id| entry(before, id) != entry(after, id)).cloned().collect();
    domains.extend(differing);
    (domains, strays)
}

fn entry<'l>(ledger: Option<&'l Ledger>, id: &DomainId) -> Option<&'l LedgerEntry> {
    ledger.and_then(|ledger| ledger.domains.get(id))
}

/// Checks a domain as it is in a commit: its files, by path, and what the ledger of the commit says of it.
#[must_use]
pub fn check_domain<F: Borrow<DomainSnapshot>>(
    commit: &str,
    id: &DomainId,
    entry: Option<&LedgerEntry>,
    files: &[(String, F)],
) -> Vec<Finding> {
    let mismatch = |what: &str, message: String, found: String| {
        let evidence =
            vec![Evidence::new("domain", id.as_str()), Evidence::new("commit", commit), Evidence::new(what, found)];
        Fault::DigestMismatch.finding(Subject::Domain(id.clone()), message, evidence)
    };
    let Some(entry) = entry else {
        let told = files.first().map(|(path, _)| {
            mismatch("file", format!("{id} has files in {commit}, and the ledger does not know it"), path.clone())
        });
        return told.into_iter().collect();
    };
    let mut findings = misplaced(commit, id, entry, files);
    let Some(said) = &entry.digest else {
        findings.extend(files.first().map(|(path, _)| {
            mismatch("file", format!("{id} has files in {commit}, and no digest in the ledger"), path.clone())
        }));
        return findings;
    };
    let mut entities: Vec<_> = files.iter().flat_map(|(_, file)| &file.borrow().entities).collect();
    entities.sort_by_key(|(key, _)| *key);
    if let Some(twice) = entities.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let key = twice[0].0;
        findings.push(mismatch(
            "entity",
            format!("{id} has the entity {key} in two files of {commit}"),
            key.to_string(),
        ));
    }
    let versions: BTreeSet<u32> = files.iter().map(|(_, file)| file.borrow().schema_version).collect();
    if files.is_empty() || versions.iter().any(|version| *version != entry.schema_version) {
        let found = versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let found = if found.is_empty() { "no file".to_owned() } else { format!("schema version {found}") };
        let message = format!(
            "the ledger of {commit} has {id} with schema version {}, and there is {found}",
            entry.schema_version
        );
        findings.push(mismatch("schema_version", message, found));
        return findings;
    }
    let found = Digest::of_entities(id, entry.schema_version, entities.iter().copied()).to_string();
    if found != *said {
        let message = format!("{id} has the digest {found} in {commit}, and the ledger says {said}");
        findings.push(mismatch("digest", message, found));
    }
    let count = u64::try_from(entities.len()).unwrap_or(u64::MAX);
    if count != entry.entities {
        let message = format!("{id} has {count} entities in {commit}, and the ledger says {}", entry.entities);
        findings.push(mismatch("entities", message, count.to_string()));
    }
    findings
}

/// The files of a domain that the layout of the ledger has not, or not for what they hold.
fn misplaced<F: Borrow<DomainSnapshot>>(
    commit: &str,
    id: &DomainId,
    entry: &LedgerEntry,
    files: &[(String, F)],
) -> Vec<Finding> {
    let is_empty = files.iter().all(|(_, file)| file.borrow().entities.is_empty());
    let [whole, _] = roots_of(id);
    let is_at = |path: &str, key: &EntityKey| is_place_of(id, key, entry.width, path);
    let is_placed = |path: &str, file: &DomainSnapshot| {
        if file.entities.is_empty() {
            is_empty && path == whole
        } else {
            file.entities.keys().all(|key| is_at(path, key))
        }
    };
    let stray = files.iter().filter(|(path, file)| !is_placed(path, file.borrow()));
    let finding = |(path, _): &(String, F)| {
        let message = format!("{path} of {commit} holds what has its place in another file of {id}, or nothing");
        let evidence = vec![Evidence::new("commit", commit)];
        Fault::MisplacedFile.finding(Subject::File(path.clone()), message, evidence)
    };
    stray.map(finding).collect()
}

/// The first entity that has not the form which its domain gives: members that are not stored, a secret in clear, a set that is
/// out of order.
///
/// To be asked only of what is on record in the form that the domain has now; no key is needed, as what is hidden stays as it is.
#[must_use]
pub fn foreign_form(canonicaliser: &Canonicaliser<'_>, path: &str, content: &DomainSnapshot) -> Option<Finding> {
    let differs = |(key, text): &(&EntityKey, &_)| canonicaliser.migrate(key, text).text != **text;
    let (key, _) = content.entities.iter().find(differs)?;
    let message = format!(
        "the entity {key} in {path} has not the form that the file of {} gives it: something in it is not stored, is a secret \
         in clear or is out of order",
        content.domain
    );
    let evidence = vec![Evidence::new("entity", key.as_str())];
    Some(Fault::NotCanonical.finding(Subject::File(path.to_owned()), message, evidence))
}

fn has_null_member(value: &Value<'_>) -> bool {
    match value {
        Value::Object(object) => {
            object.iter().any(|(_, member)| matches!(member, Value::Null) || has_null_member(member))
        }
        Value::Array(items) => items.iter().any(has_null_member),
        _ => false,
    }
}

/// A file that the tool would not have written so, and where it begins to differ from what the tool would have written.
fn no_file_of_ours(path: &str, bytes: &[u8], written: Option<&[u8]>, why: &str) -> Finding {
    let place = written.map(|written| first_difference(path, bytes, written));
    let line = place.as_ref().map(|place| format!(" from line {} on", place.line)).unwrap_or_default();
    let message = format!("{path} is not what orgtrail writes{line}: {why}");
    let evidence = vec![Evidence::new("digest", Digest::of(bytes).to_string())];
    let finding = Fault::NotCanonical.finding(Subject::File(path.to_owned()), message, evidence);
    Finding { place, ..finding }
}

fn first_difference(path: &str, found: &[u8], expected: &[u8]) -> Place {
    let same = found.iter().zip(expected).take_while(|(one, other)| one == other).count();
    let before = String::from_utf8_lossy(&found[..same]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Place { file: path.to_owned(), line: number(line), column: number(column) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::{canonical_text, read_str};
    use crate::record::{LedgerStatus, Width};

    const PATH: &str = "snapshot/routing/skills.json";

    fn skills(entities: &[(&str, &str)]) -> DomainSnapshot {
        let mut content = DomainSnapshot::empty("routing.skills".parse().unwrap(), 1);
        for (key, text) in entities {
            content.entities.insert(EntityKey::new(key), canonical_text(&read_str(text).unwrap()));
        }
        content
    }

    fn file(content: &DomainSnapshot) -> String {
        String::from_utf8(write_document(&content.domain, content.schema_version, &content.entities)).unwrap()
    }

    fn entry(content: &DomainSnapshot, width: u8) -> LedgerEntry {
        LedgerEntry {
            status: LedgerStatus::Complete,
            entities: content.entities.len() as u64,
            schema_version: 1,
            treatment: String::new(),
            width: serde_json::from_str::<Width>(&width.to_string()).unwrap(),
            digest: Some(Digest::of_domain(content).to_string()),
            baseline_under_way: false,
            secret_key: None,
            new_fields: Vec::new(),
        }
    }

    fn rules(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn what_the_tool_writes_is_read_and_everything_else_is_named_with_its_place() {
        let content = skills(&[("a", r#"{"name":"A","note":"x:null"}"#), ("b", r#"{"name":"B"}"#)]);
        let text = file(&content);
        assert_eq!(read_file(PATH, text.as_bytes()).unwrap(), content);
        for (other, line) in [
            (text.replace("\"B\"", "\"\\u0042\""), Some((9, 16))),
            (text.replace("\"schema_version\": 1", "\"schema_version\": 1.0"), Some((12, 22))),
            (text.replace("\"schema_version\"", "\"reviewed\": true,\n  \"schema_version\""), Some((12, 4))),
            (text.clone() + "\n", Some((14, 1))),
            (text.replace('\n', "\r\n"), Some((1, 2))),
            (text.replace("\"x:null\"", "null"), None),
            (text.replace("{\n      \"name\": \"B\"\n    }", "7"), None),
            (text.replace("\"name\": \"B\"", "\"name\": \"B\",\n      \"name\": \"C\""), None),
            ("{}".to_owned(), None),
        ] {
            assert_ne!(other, text);
            let finding = read_file(PATH, other.as_bytes()).unwrap_err();
            assert_eq!(finding.rule, "not-canonical", "{other}");
            assert_eq!(finding.place.as_ref().map(|place| (place.line, place.column)), line, "{other}");
        }
        let elsewhere = read_file("snapshot/routing/queues.json", text.as_bytes()).unwrap_err();
        assert_eq!(elsewhere.rule, "misplaced-file");
    }

    #[test]
    fn a_ledger_is_what_the_tool_writes_to_the_byte() {
        let ledger = Ledger::new("org", "key", 1);
        assert_eq!(check_ledger(&ledger.write()).unwrap(), ledger);
        let spaced = String::from_utf8(ledger.write()).unwrap().replace(": 1", ":  1");
        assert_eq!(check_ledger(spaced.as_bytes()).unwrap_err().place.unwrap().line, 4);
        assert_eq!(check_ledger(b"[]").unwrap_err().rule, "not-canonical");
    }

    #[test]
    fn a_domain_is_what_the_ledger_says_of_it() {
        let content = skills(&[("a", r#"{"name":"A"}"#), ("b", r#"{"name":"B"}"#)]);
        let id = content.domain.clone();
        let good = entry(&content, 0);
        let whole = [(PATH.to_owned(), content.clone())];
        let check = |entry: Option<&LedgerEntry>, files: &[(String, DomainSnapshot)]| {
            rules(&check_domain("c", &id, entry, files)).join(" ")
        };
        assert_eq!(check(Some(&good), &whole), "");
        assert_eq!(check(None, &whole), "digest-mismatch");
        assert_eq!(check(None, &[]), "");
        assert_eq!(check(Some(&good), &[]), "digest-mismatch");
        let other = LedgerEntry { digest: Some("0".repeat(64)), ..good.clone() };
        assert_eq!(check(Some(&other), &whole), "digest-mismatch");
        let none = LedgerEntry { digest: None, ..good.clone() };
        assert_eq!(
            (check(Some(&none), &whole), check(Some(&none), &[])),
            ("digest-mismatch".to_owned(), String::new())
        );
        let more = LedgerEntry { entities: 3, ..good.clone() };
        assert_eq!(check(Some(&more), &whole), "digest-mismatch");
        let newer = LedgerEntry { schema_version: 2, ..good.clone() };
        assert_eq!(check(Some(&newer), &whole), "digest-mismatch");
        let twice =
            [(PATH.to_owned(), content.clone()), ("snapshot/routing/skills/0.json".to_owned(), content.clone())];
        assert!(check(Some(&good), &twice).contains("digest-mismatch"));
    }

    #[test]
    fn each_entity_has_its_place() {
        let key = "3f2a9c01-5d1e-4c55-9d0e-0a6f5a1d2b3c";
        let content = skills(&[(key, r#"{"name":"A"}"#)]);
        let id = content.domain.clone();
        let by_digest = &Digest::of(key.as_bytes()).to_string()[..1];
        for (width, path, is_right) in [
            (0, PATH.to_owned(), true),
            (0, "snapshot/routing/skills/3.json".to_owned(), false),
            (1, "snapshot/routing/skills/3.json".to_owned(), true),
            (1, format!("snapshot/routing/skills/{by_digest}.json"), true),
            (1, PATH.to_owned(), false),
            (2, "snapshot/routing/skills/3f.json".to_owned(), true),
            (3, "snapshot/routing/skills/3f/2.json".to_owned(), true),
            (3, "snapshot/routing/skills/3f2.json".to_owned(), false),
        ] {
            let found = check_domain("c", &id, Some(&entry(&content, width)), &[(path.clone(), content.clone())]);
            assert_eq!(rules(&found), if is_right { vec![] } else { vec!["misplaced-file"] }, "{width} {path}");
        }
        let none = skills(&[]);
        let empty =
            |path: &str| check_domain("c", &id, Some(&entry(&none, 2)), &[(path.to_owned(), none.clone())]).len();
        assert_eq!((empty(PATH), empty("snapshot/routing/skills/3f.json")), (0, 1));
    }

    #[test]
    fn what_turned_and_what_the_ledger_says_anew_is_checked() {
        let mut ledger = Ledger::new("org", "key", 1);
        ledger.domains.insert("users.users".parse().unwrap(), entry(&skills(&[]), 0));
        let turned = [LEDGER_PATH, PATH, "snapshot/notes.txt", "snapshot/routing/queues/a1.json", "snapshot/a/b.txt"];
        let (domains, strays) = domains_to_check(turned, None, Some(&ledger));
        let names: Vec<&str> = domains.iter().map(DomainId::as_str).collect();
        assert_eq!(names, ["routing.queues", "routing.skills", "users.users"]);
        assert_eq!(strays, ["snapshot/notes.txt", "snapshot/a/b.txt"]);
        assert_eq!(domains_to_check([LEDGER_PATH], Some(&ledger), Some(&ledger)).0.len(), 0);
    }
}
