//! The file that holds the server's process id while it runs.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// More than any process id has, with the space around it.
const LONGEST: u64 = 64;

/// Why the pid file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PidfileError {
    /// The process that it names runs.
    #[error(
        "process {pid}, named by the pid file {}, is running: stop it first, or choose another \
         file with --pidfile",
        path.display()
    )]
    Live {
        /// The file.
        path: PathBuf,
        /// The process.
        pid: i32,
    },
    /// It holds something that a pid file does not.
    #[error(
        "{} does not hold a process id, and is left as it is: choose another file with --pidfile",
        path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// It is no regular file: a link, a device, a folder.
    #[error(
        "{} is {kind}, and is left as it is: --pidfile must name a regular file, or one that does \
         not exist yet",
        path.display()
    )]
    NotRegular {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
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
    /// Checks that the file may be written, and does not write it.
    pub(crate) fn claim(path: &Path) -> Result<Self, PidfileError> {
        refuse_live(path)?;
        // Made and dropped: a folder that is missing or not ours must be found before the load.
        temporary(path)?;
        Ok(Self {
            path: path.to_owned(),
            written: false,
        })
    }

    /// Writes the file. It is renamed into place, so it is never read half written.
    pub(crate) fn write(&mut self) -> Result<(), PidfileError> {
        // Another server may have taken it during the load.
        refuse_live(&self.path)?;
        let fail = |source| failed(&self.path, source);
        let mut file = temporary(&self.path)?;
        writeln!(file, "{}", std::process::id()).map_err(fail)?;
        let readable = fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(readable).map_err(fail)?;
        file.persist(&self.path)
            .map_err(|error| fail(error.error))?;
        self.written = true;
        Ok(())
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        // Another server may have replaced it, and keeps it then.
        let is_ours = || matches!(read(&self.path), Ok(Some(pid)) if is_self(pid));
        if self.written
            && is_ours()
            && let Err(error) = fs::remove_file(&self.path)
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

/// In a container, the server of the last run may have had the id of this one, or of one of its
/// threads: signals can be sent to ids of threads as to those of processes.
fn is_self(pid: Pid) -> bool {
    let thread = format!("/proc/self/task/{}", pid.as_raw_nonzero());
    pid == rustix::process::getpid() || Path::new(&thread).exists()
}

/// A process of another user runs, too, though it may not be signalled.
fn is_live(pid: Pid) -> bool {
    !matches!(test_kill_process(pid), Err(Errno::SRCH))
}

/// The process that the file names; `None` where there is no file, or nothing in it.
fn read(path: &Path) -> Result<Option<Pid>, PidfileError> {
    let fail = |source| failed(path, source);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        // A rename to such a name would fail, and only after the load.
        Err(_) if path.as_os_str().as_bytes().ends_with(b"/") => {
            return Err(not_regular(path, "the name of a directory"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(fail(source)),
    };
    // Before it is opened: to open a device can have an effect, and a FIFO waits for a writer.
    refuse_irregular(path, &metadata)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(fail)?;
    refuse_irregular(path, &file.metadata().map_err(fail)?)?;
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content).map_err(fail)?;
    let text = str::from_utf8(&content).map(str::trim);
    if text == Ok("") {
        return Ok(None);
    }
    text.ok()
        .and_then(|text| text.parse().ok())
        .filter(|pid| *pid > 0)
        .and_then(Pid::from_raw)
        .map(Some)
        .ok_or_else(|| PidfileError::Other {
            path: path.to_owned(),
        })
}

/// Links are refused as well: the rename would replace the link itself, and to follow it would let
/// it choose which file is replaced.
fn refuse_irregular(path: &Path, metadata: &fs::Metadata) -> Result<(), PidfileError> {
    let file_type = metadata.file_type();
    let kind = if file_type.is_file() {
        return Ok(());
    } else if file_type.is_dir() {
        "a directory"
    } else if file_type.is_symlink() {
        "a symbolic link"
    } else if file_type.is_fifo() {
        "a FIFO"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(not_regular(path, kind))
}

fn not_regular(path: &Path, kind: &'static str) -> PidfileError {
    PidfileError::NotRegular {
        path: path.to_owned(),
        kind,
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("absent"), at("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (path, expected) in [
            (folder.path().to_owned(), "a directory"),
            (at("link"), "a symbolic link"),
            (at("dangling"), "a symbolic link"),
            (at("socket"), "a socket"),
            (at("absent/"), "the name of a directory"),
            (PathBuf::from("/dev/null"), "a device"),
        ] {
            match Pidfile::claim(&path) {
                Err(PidfileError::NotRegular { kind, .. }) => assert_eq!(kind, expected),
                other => panic!("{}: {other:?}", path.display()),
            }
        }
        assert!(Pidfile::claim(&at("file")).is_ok());
    }

    #[test]
    fn only_a_process_id_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let content = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read(&path).map(|pid| pid.map(|pid| pid.as_raw_nonzero().get()))
        };
        assert!(matches!(content(b" 17\n"), Ok(Some(17))));
        assert!(matches!(content(b"\n"), Ok(None)));
        for bad in [&b"0"[..], b"-1", b"17 18", b"\xff", &[b'1'; 100]] {
            let found = content(bad);
            assert!(matches!(found, Err(PidfileError::Other { .. })), "{bad:?}");
        }
    }
}
