//! Entities, followed back along first parents: through other files, other names and other keys.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::History;
use super::commit::canonical;
use crate::canonical::value_of;
use crate::diff::compare;
use crate::history::cut;
use crate::model::{CanonicalText, Change, ChangeKind, DomainId, EntityKey, Pointer};
use crate::record::{CommitKind, places_of};
use crate::session::{Failure, kind};
use crate::trail::{CommitId, CommitInfo, PathWalk, Turn, Watched};

/// Some entities on their way back.
pub(super) struct Tracks<'h, 'w> {
    history: &'h History<'w>,
    walk: PathWalk<'h>,
    entities: Vec<Track>,
    by_path: HashMap<Watched, Vec<usize>>,
    steps: VecDeque<Step>,
}

/// An entity at the commit that the walk has come to.
struct Track {
    domain: DomainId,
    key: EntityKey,
    /// Where it is on record, and the text of its value there.
    text: Option<(Watched, String)>,
}

impl Track {
    fn value(&self) -> Option<CanonicalText> {
        self.text.as_ref().and_then(|(_, text)| canonical(text))
    }
}

/// A commit in which an entity became another.
pub(super) struct Step {
    /// Which of the entities.
    pub(super) track: usize,
    /// The commit.
    pub(super) commit: CommitInfo,
    /// The domain of the entity.
    pub(super) domain: DomainId,
    /// Its key in the commit.
    pub(super) key: EntityKey,
    /// Its key before.
    pub(super) previous_key: EntityKey,
    /// Its value before.
    pub(super) before: Option<CanonicalText>,
    /// Its value in the commit.
    pub(super) after: Option<CanonicalText>,
    /// Whether this clone does not know what was before.
    pub(super) is_cut_off: bool,
}

impl<'h, 'w> Tracks<'h, 'w> {
    /// Begins at a commit.
    pub(super) fn from(
        history: &'h History<'w>,
        commit: &CommitId,
        entities: impl IntoIterator<Item = (DomainId, EntityKey)>,
    ) -> Result<Self, Failure> {
        let walk = history.workspace.trail.path_walk(commit)?;
        let mut tracks = Self { history, walk, entities: Vec::new(), by_path: HashMap::new(), steps: VecDeque::new() };
        for (domain, key) in entities {
            let track = tracks.entities.len();
            tracks.entities.push(Track { domain, key, text: None });
            tracks.watch(track)?;
        }
        Ok(tracks)
    }

    /// The value of an entity at the commit that the walk has come to.
    pub(super) fn value(&self, track: usize) -> Option<CanonicalText> {
        self.entities[track].value()
    }

    /// The key of an entity at the commit that the walk has come to.
    pub(super) fn key(&self, track: usize) -> &EntityKey {
        &self.entities[track].key
    }

    /// The commit that the walk has come to; none where the history ends.
    pub(super) fn at(&self) -> Option<CommitId> {
        self.walk.at()
    }

    /// The next commit, going back, in which one of the entities became another.
    pub(super) fn next_step(&mut self, stop: Option<&CommitId>) -> Result<Option<Step>, Failure> {
        while self.steps.is_empty() {
            let Some(turn) = self.walk.next_turn(stop)? else { return Ok(None) };
            self.take(&turn)?;
        }
        Ok(self.steps.pop_front())
    }

    fn take(&mut self, turn: &Turn) -> Result<(), Failure> {
        let touched: BTreeSet<usize> =
            turn.paths.iter().filter_map(|path| self.by_path.get(&path.path)).flatten().copied().collect();
        if touched.is_empty() {
            return Ok(());
        }
        let mut texts = Vec::new();
        for path in &turn.paths {
            if let Some(before) = &path.before {
                texts.push((path.path, self.history.texts.get(before)?));
            }
        }
        let mut info = None;
        for index in touched {
            let track = &self.entities[index];
            if track.text.as_ref().is_some_and(|(own, _)| turn.paths.iter().all(|turned| turned.path != *own)) {
                continue;
            }
            let found = |(path, text): &(Watched, std::rc::Rc<str>)| {
                let is_own = self.by_path.get(path).is_some_and(|tracks| tracks.contains(&index));
                Some((*path, cut(text, &track.key).filter(|_| is_own)?.to_owned()))
            };
            let before = texts.iter().find_map(found);
            if before.as_ref().map(|(_, text)| text) == track.text.as_ref().map(|(_, text)| text) {
                self.entities[index].text = before;
                continue;
            }
            let commit: &CommitInfo = match &mut info {
                Some(info) => info,
                none => none.insert(self.history.workspace.trail.commit_info(&turn.commit)?),
            };
            let (domain, key) = (track.domain.clone(), track.key.clone());
            let after = std::mem::replace(&mut self.entities[index].text, before);
            let commit = commit.clone();
            if after.is_some() && self.entities[index].text.is_none() && turn.parent.is_some() {
                self.go_on_under_another_key(index, &commit)?;
            }
            let now = &self.entities[index];
            self.steps.push_back(Step {
                track: index,
                domain,
                key,
                previous_key: now.key.clone(),
                before: now.value(),
                after: after.and_then(|(_, text)| canonical(&text)),
                is_cut_off: turn.parent.is_none() && self.history.workspace.trail.is_shallow(),
                commit,
            });
        }
        Ok(())
    }

    /// An entity that was made again has a history under the key that it had before.
    fn go_on_under_another_key(&mut self, index: usize, commit: &CommitInfo) -> Result<(), Failure> {
        if kind(commit).is_some_and(|kind| kind != CommitKind::Observed) {
            return Ok(());
        }
        let Track { domain, key, .. } = &self.entities[index];
        let around = self.history.changes_around(commit, self.history.domain(domain)?)?;
        let Some(previous) = around.predecessors.get(&(domain.clone(), key.clone())) else { return Ok(()) };
        self.entities[index].key = previous.clone();
        self.watch(index)
    }

    /// Watches every path that an entity can be at, and takes its value from there.
    fn watch(&mut self, index: usize) -> Result<(), Failure> {
        let Track { domain, key, .. } = &self.entities[index];
        let (key, mut text) = (key.clone(), None);
        for place in places_of(self.history.domain(domain)?, &key) {
            let path = self.walk.watch(&place)?;
            let tracks = self.by_path.entry(path).or_default();
            if !tracks.contains(&index) {
                tracks.push(index);
            }
            if let Some(id) = self.walk.entry(path).filter(|_| text.is_none()) {
                text = cut(&self.history.texts.get(&id)?, &key).map(|text| (path, text.to_owned()));
            }
        }
        self.entities[index].text = text;
        Ok(())
    }
}

impl Step {
    /// Whether somebody changed the entity, as far as the kind of the commit says.
    pub(super) fn is_observed(&self) -> bool {
        kind(&self.commit).is_none_or(|kind| kind == CommitKind::Observed)
    }

    /// The change of the entity; `None` where it only follows the change of another one, or is seen for the first time.
    pub(super) fn change(&self, history: &History<'_>) -> Result<Option<Change>, Failure> {
        let domain = history.domain(&self.domain)?;
        if let (Some(before), Some(after)) = (&self.before, &self.after)
            && self.key == self.previous_key
        {
            let fields = compare(domain, &value_of(before), &value_of(after));
            let may_follow = |place: &Pointer| {
                let segments: Vec<String> = place.segments().collect();
                domain.references.iter().any(|reference| {
                    reference.path.segments().iter().zip(&segments).all(|(step, segment)| step.matches(segment))
                })
            };
            if !fields.iter().any(|field| may_follow(&field.path)) {
                return Ok(Some(Change {
                    domain: self.domain.clone(),
                    key: self.key.clone(),
                    kind: ChangeKind::Modified,
                    previous_key: None,
                    before: self.before.clone(),
                    after: self.after.clone(),
                    fields,
                    because: None,
                    followers: 0,
                }));
            }
        }
        let around = history.changes_around(&self.commit, domain)?;
        // Seen from a key that is gone, the entity that was made again under another one is what became of it.
        let is_own = |change: &Change| {
            change.domain == self.domain
                && (change.key == self.key || (self.after.is_none() && change.previous_key.as_ref() == Some(&self.key)))
        };
        Ok(around.changes.iter().find(|change| is_own(change)).cloned())
    }
}
