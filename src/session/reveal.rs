//! Opening sealed values, for whoever holds an identity, and saying so where others see it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::exit::{Exit, Exits};
use super::failure::Failure;
use super::history::{Fingerprints, History, Target};
use super::recording::tool;
use super::sealing::{REVEALS_REF, SEALED_REF, sealed};
use super::workspace::{Workspace, archive};
use crate::canonical::{SECRET_MEMBER, SecretKey, read_str};
use crate::config::Environment;
use crate::model::{DomainId, EntityKey, Pointer, Value};
use crate::record::{RevealFacts, reason_in_a_line, reveal_message};
use crate::report::{Opening, Proof, Revealed, RevealedSecret, RevealedSide, Subject};
use crate::seal::{Identities, IdentityError, OpenError, Opened, path_of};
use crate::trail::{CommitId, NewCommit, Signature};

/// What is to be opened.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The domain and the entity.
    pub target: Target,
    /// The place of the secret, or what it lies in.
    pub place: Pointer,
    /// In which states.
    pub sides: Sides,
}

/// The states that secrets are looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// One state.
    At(CommitId),
    /// Two states.
    Between(CommitId, CommitId),
    /// Before and after the last change up to a state.
    OfLastChange(CommitId),
}

/// Who opens them, why, and when.
#[derive(Clone, Debug)]
pub struct Requester {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// Why.
    pub reason: String,
    /// The instant.
    pub now: DateTime<Utc>,
}

/// The identities that somebody holds: those of a file, else those of the environment.
///
/// # Errors
/// [`Failure`] where there are none; it shows nothing of them.
pub fn identities(
    workspace: &Workspace,
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Identities, Failure> {
    let unusable = |source: &str, error: IdentityError| {
        Failure::new(Exit::Usage, format!("could not use the identity in {source}: {error}"))
            .hint("`age-keygen` makes one; it begins with AGE-SECRET-KEY-1")
    };
    if let Some(file) = file {
        let here = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let path = workspace.outside(&here, "the identity")?;
        let text = std::fs::read_to_string(&path).map(Zeroizing::new).map_err(|error| {
            Failure::new(Exit::Usage, format!("could not read the identity {}: {error}", file.display()))
                .hint("`--identity` takes the path of a file as `age-keygen` writes it")
        })?;
        let text = SecretString::from(text.as_str());
        return Identities::read(&text).map_err(|error| unusable(&file.display().to_string(), error));
    }
    match environment.age_identity() {
        Some(text) => Identities::read(text).map_err(|error| unusable("ORGTRAIL_AGE_IDENTITY", error)),
        None => Err(Failure::new(Exit::Usage, "there is no identity to open sealed values with")
            .hint("`--identity FILE` names one, or ORGTRAIL_AGE_IDENTITY holds it")),
    }
}

/// Opens the secrets of an entity. What could be opened is in the log of reveals before it is returned; the caller holds the lock.
///
/// # Errors
/// [`Failure`] where there is nothing to open, or none of it could be opened.
pub fn reveal(
    workspace: &Workspace,
    wish: &Wish,
    identities: &Identities,
    secrets: Option<&SecretKey>,
    by: &Requester,
) -> Result<(Revealed, Exits), Failure> {
    if reason_in_a_line(&by.reason).is_empty() {
        return Err(Failure::new(Exit::Usage, "opening a secret has to say why")
            .hint("`--reason` takes a sentence or the number of a request"));
    }
    let history = History::of(workspace)?;
    let found = Found::of(&history, wish)?;
    let opener = Opener { workspace, identities, secrets, sealed: sealed(workspace)?, found: &found };
    let revealed = opener.open(&history)?;
    let openings = || revealed.secrets.iter().flat_map(RevealedSecret::sides).map(|side| &side.opening);
    if !openings().any(Opening::is_open) {
        return Err(nothing_opened(workspace, &revealed));
    }
    opener.log(&revealed, by)?;
    let mut exits = Exits::default();
    if openings().any(|opening| matches!(opening, Opening::Foreign | Opening::Damaged)) {
        exits.add(Exit::Integrity);
    }
    Ok((revealed, exits))
}

/// The fingerprints that are asked for, and of which states.
struct Found {
    subject: Subject,
    key: EntityKey,
    domain: DomainId,
    before: Option<(CommitId, Fingerprints)>,
    after: (CommitId, Fingerprints),
}

impl Found {
    fn of(history: &History<'_>, wish: &Wish) -> Result<Self, Failure> {
        let Target { domain, entity: Some(entity) } = &wish.target else {
            return Err(Failure::new(Exit::Usage, format!("{} is no entity", wish.target.domain))
                .hint("name one as DOMAIN/KEY or DOMAIN/NAME, as in oauth.clients/Reporting"));
        };
        let state = |at: &CommitId| -> Result<(Subject, Option<Fingerprints>), Failure> {
            let shown = history.show(domain, entity, at)?;
            let found =
                shown.value.as_ref().map(|value| history.fingerprints(domain, value, &wish.place)).transpose()?;
            Ok((shown.subject, found))
        };
        let (before, after, subject) = match wish.sides {
            Sides::At(at) => {
                let (subject, found) = state(&at)?;
                let found = found.ok_or_else(|| not_there(&subject, &at))?;
                (None, (at, found), subject)
            }
            Sides::Between(from, to) => {
                let ((_, old), (subject, new)) = (state(&from)?, state(&to)?);
                if old.is_none() && new.is_none() {
                    return Err(not_there(&subject, &to));
                }
                (Some((from, old.unwrap_or_default())), (to, new.unwrap_or_default()), subject)
            }
            Sides::OfLastChange(at) => {
                let (subject, _) = state(&at)?;
                let key = subject.key.clone().unwrap_or_else(|| EntityKey::new(entity));
                let rotation = history.last_rotation(domain, &key, &wish.place, &at)?.ok_or_else(|| {
                    Failure::new(
                        Exit::Usage,
                        format!("no secret of {domain}/{key} changed up to {at}, as far as is known here"),
                    )
                    .hint("leave `--both` out for the value of then")
                })?;
                let before = (rotation.parent.unwrap_or(rotation.commit), rotation.before);
                (Some(before), (rotation.commit, rotation.after), subject)
            }
        };
        let none = after.1.is_empty() && before.as_ref().is_none_or(|(_, found)| found.is_empty());
        if none {
            let place = if wish.place == Pointer::root() { String::new() } else { format!(" at {}", wish.place) };
            return Err(Failure::new(Exit::Usage, format!("there is no secret in {domain}/{entity}{place}"))
                .hint(format!("`orgtrail show {domain}/{entity}` shows what there is")));
        }
        let key = subject.key.clone().unwrap_or_else(|| EntityKey::new(entity));
        Ok(Self { subject, key, domain: domain.clone(), before, after })
    }
}

fn not_there(subject: &Subject, at: &CommitId) -> Failure {
    let key = subject.key.as_ref().map(ToString::to_string).unwrap_or_default();
    Failure::new(Exit::Usage, format!("{}/{key} is not there at {at}", subject.domain))
        .hint("`orgtrail log DOMAIN/ENTITY` tells when it was")
}

struct Opener<'o> {
    workspace: &'o Workspace,
    identities: &'o Identities,
    secrets: Option<&'o SecretKey>,
    sealed: BTreeSet<String>,
    found: &'o Found,
}

impl Opener<'_> {
    fn open(&self, history: &History<'_>) -> Result<Revealed, Failure> {
        let Found { before, after, .. } = self.found;
        let mut secrets: BTreeMap<&Pointer, RevealedSecret> = BTreeMap::new();
        let new = |place: &Pointer| RevealedSecret { path: place.clone(), before: None, after: None };
        if let Some((commit, fingerprints)) = before {
            for (place, fingerprint) in fingerprints {
                let side = self.side(fingerprint, commit)?;
                secrets.entry(place).or_insert_with(|| new(place)).before = Some(side);
            }
        }
        for (place, fingerprint) in &after.1 {
            let side = self.side(fingerprint, &after.0)?;
            secrets.entry(place).or_insert_with(|| new(place)).after = Some(side);
        }
        let before = before.as_ref().map(|(commit, _)| history.endpoint(commit)).transpose()?;
        let subject = self.found.subject.clone();
        Ok(Revealed { subject, before, after: history.endpoint(&after.0)?, secrets: secrets.into_values().collect() })
    }

    fn side(&self, fingerprint: &str, at: &CommitId) -> Result<RevealedSide, Failure> {
        Ok(RevealedSide { fingerprint: fingerprint.to_owned(), opening: self.opening(fingerprint, at)? })
    }

    fn opening(&self, fingerprint: &str, at: &CommitId) -> Result<Opening, Failure> {
        if !self.sealed.contains(fingerprint) {
            return self.never_sealed(at);
        }
        let path = path_of(fingerprint).unwrap_or_default();
        let sealed = self.workspace.trail.shared_file(SEALED_REF, &path)?.unwrap_or_default();
        if sealed.is_empty() {
            return Ok(Opening::Erased);
        }
        Ok(match self.identities.open(&sealed) {
            Err(OpenError::OtherRecipients) => Opening::OtherRecipients,
            Err(OpenError::Damaged) => Opening::Damaged,
            Ok(opened) => match self.proof(&opened, fingerprint) {
                Some(proof) => Opening::Open { value: opened.value, seen_at: opened.seen_at, proof },
                None => Opening::Foreign,
            },
        })
    }

    /// Whether what was inside belongs to a fingerprint; `None` where it does not. Only who knows the secrets key can seal what
    /// passes for it.
    fn proof(&self, opened: &Opened, fingerprint: &str) -> Option<Proof> {
        if opened.fingerprint != fingerprint {
            return None;
        }
        let Some(secrets) = self.secrets else { return Some(Proof::NoKey) };
        let mut keys = std::iter::once(secrets).chain(secrets.previous());
        let Some(key) = keys.find(|key| key.id() == opened.secret_key) else { return Some(Proof::OtherKey) };
        let clear = read_str(opened.value.expose_secret());
        let own = clear.ok().map(|value| key.fingerprint(&opened.domain, &opened.key, &value));
        let matches = own.as_ref().and_then(|own| own.get(SECRET_MEMBER)).and_then(Value::as_str) == Some(fingerprint);
        matches.then_some(Proof::Matches)
    }

    /// Why the value of a fingerprint is not there.
    fn never_sealed(&self, at: &CommitId) -> Result<Opening, Failure> {
        if self.sealed.is_empty() {
            return Ok(Opening::NothingSealed);
        }
        let tip = self.workspace.tip()?.unwrap_or(*at);
        let (then, now) = (self.key_of(at)?, self.key_of(&tip)?);
        Ok(if then == now { Opening::NotSealed } else { Opening::OtherSecretsKey })
    }

    /// The id of the key that the fingerprints of the domain were made with in a state.
    fn key_of(&self, at: &CommitId) -> Result<Option<String>, Failure> {
        let archive = archive(self.workspace, Some(*at))?;
        Ok(archive.ledger().map(|ledger| {
            let entry = ledger.domains.get(&self.found.domain);
            entry.and_then(|entry| entry.secret_key.clone()).unwrap_or_else(|| ledger.secret_key.clone())
        }))
    }

    fn log(&self, revealed: &Revealed, by: &Requester) -> Result<(), Failure> {
        let Found { domain, key, after, .. } = self.found;
        let archive = archive(self.workspace, Some(after.0))?;
        let org = archive.ledger().map(|ledger| ledger.org.clone()).unwrap_or_default();
        let opened = revealed.secrets.iter().flat_map(|secret| {
            let open = secret.sides().filter(|side| side.opening.is_open());
            open.map(|side| (secret.path.clone(), side.fingerprint.clone()))
        });
        let states = revealed.before.iter().chain([&revealed.after]).filter_map(|endpoint| endpoint.commit.clone());
        let facts = RevealFacts {
            org: &org,
            domain,
            key,
            states: &states.collect::<Vec<_>>(),
            opened: &opened.collect::<Vec<_>>(),
            recipients: &self.identities.recipients(),
        };
        let entry = NewCommit {
            author: Signature { name: by.name.clone(), email: by.email.clone(), seconds: by.now.timestamp() },
            committer: tool(&org, by.now),
            message: reveal_message(&facts, &by.reason),
            files: Vec::new(),
        };
        self.workspace.trail.append(REVEALS_REF, &entry)?;
        Ok(())
    }
}

/// Why nothing could be opened: the reason that the first of the secrets gives.
fn nothing_opened(workspace: &Workspace, revealed: &Revealed) -> Failure {
    let first = revealed.secrets.iter().flat_map(RevealedSecret::sides).next();
    let Some(side) = first else { return Failure::new(Exit::Usage, "there is no secret to open") };
    let exit = match side.opening {
        Opening::Foreign | Opening::Damaged => Exit::Integrity,
        _ => Exit::Usage,
    };
    let failure = Failure::new(exit, format!("could not open {}: {}", side.fingerprint, side.opening.in_words()));
    failure.hint(match &side.opening {
        Opening::NothingSealed if workspace.config.recipients.is_empty() => {
            "[secrets] recipients says whom values are sealed to; what was on record before stays closed"
        }
        Opening::NothingSealed | Opening::NotSealed => {
            "if other machines take the snapshots, `--push` fetches what they sealed; a value that was replaced before there \
             were recipients is nowhere"
        }
        Opening::OtherRecipients => "ask somebody whose recipient is in [secrets] recipients, or was then",
        Opening::OtherSecretsKey => "what was on record under the earlier secrets key was sealed under it, or not at all",
        Opening::Erased => "what was erased is nowhere; the organisation may still have the value",
        Opening::Foreign | Opening::Damaged | Opening::Open { .. } => {
            "find out who could write refs/orgtrail/sealed; another clone may have it as it was"
        }
    })
}
