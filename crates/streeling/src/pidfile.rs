//! The file that holds the server's process id while it runs.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// Why the pid file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PidfileError {
    /// The process that it names runs.
    #[error(
        "the process {pid} runs, which {} names: stop it first, or choose another file with --pidfile",
        path.display()
    )]
    Live {
        /// The file.
        path: PathBuf,
        /// The process.
        pid: i32,
    },
    /// The file is there, and is no pid file.
    #[error(
        "{} holds something else than a process id, and is left alone: choose another file with --pidfile",
        path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot use the pid file {} (--pidfile): {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A file that is this server's to write.
#[derive(Debug)]
pub(crate) struct Pidfile {
    path: PathBuf,
    written: bool,
}

impl Pidfile {
    /// Finds out whether the file may be written, without writing it.
    pub(crate) fn claim(path: &Path) -> Result<Self, PidfileError> {
        refuse_live(path)?;
        // Made and dropped: a folder that is missing or not ours is to be found before the load.
        temporary(path)?;
        Ok(Self {
            path: path.to_owned(),
            written: false,
        })
    }

    /// Writes the file, in one step for whoever reads it.
    pub(crate) fn write(&mut self) -> Result<(), PidfileError> {
        // Another server may have come to serve during the load.
        refuse_live(&self.path)?;
        let fail = |source| failed(&self.path, source);
        let mut file = temporary(&self.path)?;
        writeln!(file, "{}", std::process::id()).map_err(fail)?;
        let readable = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(readable).map_err(fail)?;
        file.persist(&self.path)
            .map_err(|error| fail(error.error))?;
        self.written = true;
        Ok(())
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        // Whoever has replaced it meanwhile keeps it.
        let is_ours = || matches!(read(&self.path), Ok(Some(pid)) if is_self(pid));
        if self.written
            && is_ours()
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(
                "cannot remove the pid file {}: {error}",
                self.path.display()
            );
        }
    }
}

fn refuse_live(path: &Path) -> Result<(), PidfileError> {
    match read(path)? {
        Some(pid) if !is_self(pid) && is_live(pid) => Err(PidfileError::Live {
            path: path.to_owned(),
            pid: pid.as_raw_nonzero().get(),
        }),
        _ => Ok(()),
    }
}

/// In a container, the server of the last run had the id of this one, or of one of its threads: ids of
/// threads answer to signals as those of processes do.
fn is_self(pid: Pid) -> bool {
    let thread = format!("/proc/self/task/{}", pid.as_raw_nonzero());
    pid == rustix::process::getpid() || Path::new(&thread).exists()
}

/// A process of somebody else runs, too.
fn is_live(pid: Pid) -> bool {
    !matches!(test_kill_process(pid), Err(Errno::SRCH))
}

/// The process that the file names; `None` where there is no file, or nothing in it.
fn read(path: &Path) -> Result<Option<Pid>, PidfileError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(path, source)),
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let pid = text.parse().ok().filter(|pid| *pid > 0);
    pid.and_then(Pid::from_raw)
        .map(Some)
        .ok_or_else(|| PidfileError::Other {
            path: path.to_owned(),
        })
}

/// A file beside it: only within one file system is a rename a single step.
fn temporary(path: &Path) -> Result<tempfile::NamedTempFile, PidfileError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".streeling-pid-")
        .tempfile_in(folder)
        .map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> PidfileError {
    PidfileError::Io {
        path: path.to_owned(),
        source,
    }
}
