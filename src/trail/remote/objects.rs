//! Which objects the other side needs.

use std::collections::HashSet;
use std::io::ErrorKind;

use git2::{ObjectType, Odb, Oid, PackBuilder, Repository, Revwalk, Sort};

use super::list_refs;
use crate::trail::error::{TrailError, doing, handling};
use crate::trail::refs::RefMove;

/// Most commits that a server is told of: enough to find where two histories part, unless they did so long ago.
const MOST_PRESENT: usize = 256;

/// Gathers objects, and all they refer to, that somebody lacks who knows other ones.
pub(super) fn pack_of(
    from: &Repository,
    wanted: impl IntoIterator<Item = Oid>,
    known: impl IntoIterator<Item = Oid>,
) -> Result<PackBuilder<'_>, git2::Error> {
    let source = from.odb()?;
    let mut pack = from.packbuilder()?;
    let known: Vec<Oid> = known.into_iter().collect();
    let (mut walk, others) = walk_to(from, &source, wanted, known.iter().copied())?;
    let (folders, rest): (Vec<Oid>, Vec<Oid>) =
        others.into_iter().partition(|id| source.read_header(*id).is_ok_and(|(_, kind)| kind == ObjectType::Tree));
    for id in rest {
        pack.insert_recursive(id, None)?;
    }
    if !folders.is_empty() {
        // A folder without history grows by a file at a time, and whoever has the last one has the rest.
        let mut had = HashSet::new();
        for id in known.into_iter().filter(|id| source.exists(*id)) {
            gather(from, &source, id, &mut had, &mut |_| Ok(()))?;
        }
        for id in folders {
            gather(from, &source, id, &mut had, &mut |id| pack.insert_object(id, None))?;
        }
    }
    pack.insert_walk(&mut walk)?;
    Ok(pack)
}

/// Calls `take` with a folder and all that is in it, or with a file, once for each.
fn gather(
    from: &Repository,
    source: &Odb<'_>,
    id: Oid,
    seen: &mut HashSet<Oid>,
    take: &mut dyn FnMut(Oid) -> Result<(), git2::Error>,
) -> Result<(), git2::Error> {
    let kind = source.read_header(id)?.1;
    if !matches!(kind, ObjectType::Tree | ObjectType::Blob) || !seen.insert(id) {
        return Ok(());
    }
    if kind == ObjectType::Tree {
        let tree = from.find_tree(id)?;
        let entries = tree.iter().filter(|entry| matches!(entry.kind(), Some(ObjectType::Tree | ObjectType::Blob)));
        for entry in entries {
            gather(from, source, entry.id(), seen, take)?;
        }
    }
    take(id)
}

/// A walk from the wanted commits to the known ones, and what is wanted besides commits.
fn walk_to<'r>(
    from: &'r Repository,
    source: &Odb<'_>,
    wanted: impl IntoIterator<Item = Oid>,
    known: impl IntoIterator<Item = Oid>,
) -> Result<(Revwalk<'r>, Vec<Oid>), git2::Error> {
    let mut walk = from.revwalk()?;
    let mut others = Vec::new();
    for id in wanted {
        match source.read_header(id)?.1 {
            ObjectType::Commit => walk.push(id)?,
            _ => others.push(id),
        }
    }
    for id in known {
        if source.exists(id) && source.read_header(id)?.1 == ObjectType::Commit {
            walk.hide(id)?;
        }
    }
    Ok((walk, others))
}

/// Lists commits that are here, the newest first.
pub(super) fn present(repo: &Repository) -> Result<Vec<Oid>, git2::Error> {
    let source = repo.odb()?;
    let refs = list_refs(repo)?.0.into_values().map(|id| id.0);
    let (mut walk, _) = walk_to(repo, &source, refs, [])?;
    walk.set_sorting(Sort::TIME)?;
    walk.take(MOST_PRESENT).collect()
}

/// Lists the commits of a shallow clone whose parents were left out.
pub(super) fn cut(repo: &Repository) -> Result<Vec<Oid>, TrailError> {
    let path = repo.commondir().join("shallow");
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(handling("read", &path))?,
    };
    let ids = text.lines().map(Oid::from_str).collect::<Result<_, _>>();
    ids.map_err(doing("read", path.display()))
}

/// Fails where what is moved builds on commits that were left out here, and that the remote does not have either.
pub(super) fn refuse_cut_history(
    repo: &Repository,
    moves: &[RefMove],
    known: &[Oid],
    remote: &str,
) -> Result<(), TrailError> {
    let cut: HashSet<Oid> = cut(repo)?.into_iter().collect();
    let meets_a_cut = || {
        let wanted = moves.iter().map(|step| step.to).filter(|id| !known.contains(id));
        let (walk, _) = walk_to(repo, &repo.odb()?, wanted, known.iter().copied())?;
        for id in walk {
            if cut.contains(&id?) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    if meets_a_cut().map_err(doing("read the history for", remote))? {
        return Err(TrailError::ShallowHistory { remote: remote.to_owned() });
    }
    Ok(())
}
