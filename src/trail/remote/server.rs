//! A repository behind a server, which is asked to give objects and to move references.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};

use git2::Oid;

use super::objects::{cut, pack_of, present};
use super::{Direction, Refusal, Refused, RemoteError, RemoteRefs, list_refs};
use crate::trail::Trail;
use crate::trail::carrier::{Means, Route, Scratch, Server};
use crate::trail::error::{TrailError, doing};
use crate::trail::id::ObjectId;
use crate::trail::refs::{From, RefMove};
use crate::trail::repository::{DurableRepository, absent_as_none};
use crate::trail::smart::{Command, Report, Service, Wish, receive_pack};

/// The references that a server has said it has.
pub(super) fn refs_of(server: &Server) -> RemoteRefs {
    RemoteRefs(server.has.refs.iter().map(|(name, id)| (name.clone(), ObjectId(*id))).collect())
}

/// What can go wrong while a pack comes in.
enum Interrupted {
    There(RemoteError),
    Here(git2::Error),
}

impl std::convert::From<RemoteError> for Interrupted {
    fn from(error: RemoteError) -> Self {
        Self::There(error)
    }
}

impl std::convert::From<git2::Error> for Interrupted {
    fn from(error: git2::Error) -> Self {
        Self::Here(error)
    }
}

impl Trail {
    /// Asks the server of a remote for a service.
    pub(super) fn reach(&self, route: &Route, service: Service) -> Result<Server, RemoteError> {
        let config = self.repo.config();
        let configured = config.and_then(|config| absent_as_none(config.get_string("core.sshCommand")));
        let means = Means {
            access: self.access.clone(),
            git_dir: self.repo.path().to_owned(),
            ssh_command: configured.ok().flatten(),
        };
        Server::reach(route, service, &means)
    }

    /// Receives objects, and all they refer to, as far as they are not here. They are kept once the last of them has come and
    /// nothing is missing.
    pub(super) fn receive(
        &self,
        server: Server,
        wanted: &[Oid],
        remote: &str,
    ) -> Result<DurableRepository, TrailError> {
        let failed = || Direction::Fetch.with(remote);
        let broken = || doing("fetch from the remote", remote);
        let stored = self.repo.odb().map_err(broken())?;
        let lacking: Vec<Oid> = wanted.iter().copied().filter(|id| !stored.exists(*id)).collect();
        if lacking.is_empty() {
            return self.durable();
        }
        if server.has.is_shallow {
            return Err(failed()(RemoteError::ShallowRemote));
        }
        let present = present(&self.repo).map_err(broken())?;
        let wish = Wish { wanted: &lacking, cut: &cut(&self.repo)?, present: &present };
        let mut request = Scratch::new();
        wish.write(&server.has, &mut request).map_err(failed())?;
        let answer = server.ask(request).and_then(Scratch::into_reader).map_err(failed())?;

        let ours = self.durable()?;
        store(&ours, answer).map_err(|interrupted| match interrupted {
            Interrupted::There(error) => failed()(error),
            Interrupted::Here(error) => broken()(error),
        })?;
        let known = list_refs(&ours).map_err(broken())?.0.into_values().map(|id| id.0);
        pack_of(&ours, lacking, known).map_err(doing("find everything in what came from the remote", remote))?;
        Ok(ours)
    }

    /// Has references of a remote moved: together, where its server can do that, else the first one before the others.
    pub(super) fn send(&self, route: &Route, moves: &[RefMove], remote: &str) -> Result<Option<Refused>, TrailError> {
        let mut parts = VecDeque::from([moves]);
        while let Some(part) = parts.pop_front() {
            let server = self.reach(route, Service::ReceivePack).map_err(Direction::Push.with(remote))?;
            if let Some(refused) = moved(&server, part) {
                return Ok(Some(refused));
            }
            let part = match part {
                [first, rest @ ..] if !rest.is_empty() && !server.has.has("atomic") => {
                    parts.push_back(rest);
                    std::slice::from_ref(first)
                }
                together => together,
            };
            let commands = commands(&server, part);
            if commands.is_empty() {
                continue;
            }
            let report = self.order(server, &commands, remote)?;
            let Some((command, said)) = report.first_refused(&commands) else { continue };
            // Why is in words for people. Whether somebody was faster is seen from where the references are.
            let server = self.reach(route, Service::ReceivePack).map_err(Direction::Push.with(remote))?;
            let refused = moved(&server, part);
            return Ok(refused.or_else(|| Some((command.reference.clone(), Refusal::Declined { said }))));
        }
        Ok(None)
    }

    /// Sends commands with the objects that they need, and returns what became of them.
    fn order(&self, server: Server, commands: &[Command], remote: &str) -> Result<Report, TrailError> {
        let failed = || Direction::Push.with(remote);
        let known: Vec<Oid> = server.has.refs.values().copied().collect();
        let mut request = Scratch::new();
        Command::write_all(commands, &server.has, &mut request).map_err(failed())?;
        let wanted = commands.iter().map(|command| command.to).filter(|id| !known.contains(id));
        let mut refused = None;
        let packed = pack_of(&self.repo, wanted, known.iter().copied()).and_then(|mut pack| {
            // One thread: the same objects give the same bytes.
            pack.set_threads(1);
            pack.foreach(|chunk| {
                refused = request.write_all(chunk).err();
                refused.is_none()
            })
        });
        if let Some(source) = refused {
            return Err(failed()(RemoteError::Scratch { source }));
        }
        packed.map_err(doing("gather what is new for the remote", remote))?;
        let answer = server.ask(request).and_then(Scratch::into_reader).map_err(failed())?;
        Report::read(BufReader::new(answer)).map_err(failed())
    }
}

/// Writes the pack in an answer to a repository.
fn store(ours: &DurableRepository, answer: impl Read) -> Result<(), Interrupted> {
    let odb = ours.odb()?;
    let mut pack = odb.packwriter()?;
    receive_pack(BufReader::new(answer), |piece| {
        // The writer keeps to itself why it fails; libgit2 remembers.
        pack.write_all(piece).map_err(|_| Interrupted::Here(git2::Error::last_error(-1)))
    })?;
    pack.commit()?;
    Ok(())
}

/// The first reference that is neither where it was seen nor where it goes.
fn moved(server: &Server, moves: &[RefMove]) -> Option<Refused> {
    moves.iter().find_map(|RefMove { reference, from, to }| {
        let found = server.has.refs.get(reference).copied();
        let From::Exactly(expected) = from else { return None };
        let is_moved = found != expected.map(|id| id.0) && found != Some(*to);
        is_moved.then(|| (reference.clone(), Refusal::Moved { found: found.map(ObjectId) }))
    })
}

/// What a server has to be told for references to go where they go.
fn commands(server: &Server, moves: &[RefMove]) -> Vec<Command> {
    let command = |step: &RefMove| Command {
        reference: step.reference.clone(),
        from: server.has.refs.get(&step.reference).copied(),
        to: step.to,
    };
    moves.iter().map(command).filter(|command| command.from != Some(command.to)).collect()
}
