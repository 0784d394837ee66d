//! git's protocol over SSH: the `ssh` of the machine, so that its agent, configuration and known hosts all count.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{Means, Scratch};
use crate::trail::address::SshAddress;
use crate::trail::remote::RemoteError;
use crate::trail::smart::{Advertisement, Service, one_line};

/// What is asked of `ssh`: to ask nobody, and to give up on a host that does not answer.
const OPTIONS: [&str; 3] = ["-oBatchMode=yes", "-oConnectTimeout=10", "-oServerAliveInterval=30"];

/// Most bytes that are read of what the program says.
const MOST_SAID: u64 = 4096;

/// A program on another machine that was reached over SSH.
pub(super) struct Ssh {
    host: String,
    child: Child,
    said: File,
    to: Option<ChildStdin>,
    from: ChildStdout,
}

impl Ssh {
    /// Starts the program, and reads what it has.
    pub(super) fn reach(
        address: &SshAddress,
        service: Service,
        means: &Means,
    ) -> Result<(Self, Advertisement), RemoteError> {
        let said = tempfile::tempfile().map_err(|source| RemoteError::Scratch { source })?;
        let stderr = said.try_clone().map_err(|source| RemoteError::Scratch { source })?;
        let custom = means.access.ssh_command.as_deref().or(means.ssh_command.as_deref());
        let mut command = command(address, service, custom);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let missing = |source| RemoteError::SshMissing { source };
        let mut child = command.spawn().map_err(missing)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(missing(io::ErrorKind::BrokenPipe.into()));
        };
        let mut ssh = Self { host: address.host.clone(), child, said, to: Some(to), from };
        match Advertisement::read(&mut ssh.from) {
            Ok(Some(has)) => Ok((ssh, has)),
            Ok(None) | Err(RemoteError::CutOff) => Err(ssh.failed()),
            Err(error) => Err(error),
        }
    }

    /// Sends the request, and returns the whole answer.
    pub(super) fn ask(mut self, request: Scratch) -> Result<Scratch, RemoteError> {
        let mut request = request.into_reader()?;
        let to = self.to.take();
        let from = &mut self.from;
        // The other side may answer before it has read everything.
        let answer = std::thread::scope(|scope| {
            scope.spawn(move || {
                // If it does not take all, what it answers says why.
                to.map(|mut to| io::copy(&mut request, &mut to))
            });
            Scratch::of(from)
        });
        let status = self.child.wait();
        match answer {
            Ok(answer) if status.is_ok_and(|status| status.success()) => Ok(answer),
            _ => Err(self.failed()),
        }
    }

    /// The error of a program that ended before its time, with what it said.
    fn failed(mut self) -> RemoteError {
        self.end();
        let mut said = Vec::new();
        let read = self.said.seek(SeekFrom::Start(0)).and_then(|_| (&self.said).take(MOST_SAID).read_to_end(&mut said));
        match read {
            Ok(_) => RemoteError::Ssh { host: one_line(self.host.as_bytes()), said: one_line(&said) },
            Err(source) => RemoteError::Scratch { source },
        }
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        self.end();
    }
}

/// The command that runs a program of git on the other machine.
fn command(address: &SshAddress, service: Service, custom: Option<&str>) -> Command {
    let mut command = match custom {
        None => Command::new("ssh"),
        Some(custom) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("{custom} \"$@\"")).arg(custom);
            shell
        }
    };
    command.args(OPTIONS);
    if let Some(port) = address.port {
        command.arg("-p").arg(port.to_string());
    }
    let host = &address.host;
    let login = address.user.as_ref().map_or_else(|| host.clone(), |user| format!("{user}@{host}"));
    // The address was refused if the path could end the quotes.
    command.arg("--").arg(login).arg(format!("{} '{}'", service.name(), address.path));
    // Another version of the protocol would be answered by one.
    command.env_remove("GIT_PROTOCOL");
    command
}
