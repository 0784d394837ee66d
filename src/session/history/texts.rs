//! Texts of files, kept for as long as they are likely to be asked for again; and entities of a state, cut out of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::History;
use crate::history::entity_of;
use crate::model::{CanonicalText, DomainId, EntityKey, EntitySource};
use crate::record::places_of;
use crate::trail::{CommitId, ObjectId, Trail, TrailError};

/// Most bytes of texts that are kept.
const MOST_KEPT: usize = 32 << 20;

/// The texts of files by the id of their content.
pub(super) struct Texts<'w> {
    trail: &'w Trail,
    kept: RefCell<Kept>,
}

#[derive(Default)]
struct Kept {
    texts: HashMap<ObjectId, Rc<str>>,
    bytes: usize,
}

impl<'w> Texts<'w> {
    pub(super) fn of(trail: &'w Trail) -> Self {
        Self { trail, kept: RefCell::default() }
    }

    /// The text of a file; empty for what is no file.
    pub(super) fn get(&self, id: &ObjectId) -> Result<Rc<str>, TrailError> {
        if let Some(known) = self.kept.borrow().texts.get(id) {
            return Ok(Rc::clone(known));
        }
        let bytes = self.trail.content(id)?.unwrap_or_default();
        let text: Rc<str> = String::from_utf8_lossy(&bytes).into();
        let mut kept = self.kept.borrow_mut();
        if kept.bytes + text.len() > MOST_KEPT {
            *kept = Kept::default();
        }
        kept.bytes += text.len();
        kept.texts.insert(*id, Rc::clone(&text));
        Ok(text)
    }
}

/// The state of a commit, of which entities are asked for one by one.
pub(super) struct State<'h, 'w> {
    history: &'h History<'w>,
    commit: Option<CommitId>,
}

impl<'h, 'w> State<'h, 'w> {
    pub(super) fn new(history: &'h History<'w>, commit: Option<CommitId>) -> Self {
        Self { history, commit }
    }

    /// The entity, and whether all could be read that had to be.
    pub(super) fn find(&self, domain: &DomainId, key: &EntityKey) -> Result<Option<CanonicalText>, TrailError> {
        let (Some(commit), Some(domain)) = (&self.commit, self.history.workspace.catalogue.get(domain)) else {
            return Ok(None);
        };
        for place in places_of(domain, key) {
            if let Some(id) = self.history.workspace.trail.tree_entry(commit, &place)?
                && let Some(found) = entity_of(&self.history.texts.get(&id)?, key)
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl EntitySource for State<'_, '_> {
    /// The entity, where the state has it and its file can be read.
    fn entity(&self, domain: &DomainId, key: &EntityKey) -> Option<CanonicalText> {
        self.find(domain, key).ok().flatten()
    }
}
