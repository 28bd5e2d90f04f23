//! Files that are read again when they change.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks at the files.
const INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of a file at most; one that is longer was named by mistake.
const LONGEST: u64 = 1 << 20;

/// What of a file's description changes with its content: where it lies (Kubernetes swaps a link),
/// its size, and its times. `None` where there is no file.
type Mark = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// Reads a file whole.
///
/// # Errors
///
/// What the system says, or that the file is too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| plain(&error))?.len();
    if size > LONGEST {
        return Err(format!("it has {size} bytes, allowed are {LONGEST}"));
    }
    fs::read(path).map_err(|error| plain(&error))
}

/// An error of the system without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

/// Calls `changed` on a thread of its own whenever one of the files has changed and no other change
/// has followed since, until it returns false, or `is_needed` does. It looks at the files rather
/// than waiting for events: those do not come from every file system that secrets lie on.
///
/// # Errors
///
/// When the system gives no thread.
pub(crate) fn follow(
    paths: Vec<PathBuf>,
    is_needed: impl Fn() -> bool + Send + 'static,
    changed: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let mut notified = marks(&paths);
    let mut before = notified.clone();
    std::thread::Builder::new()
        .name("secrets".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(INTERVAL);
                if !is_needed() {
                    return;
                }
                let now = marks(&paths);
                // A certificate and its key may be written one after the other.
                if now != notified && now == before {
                    notified.clone_from(&now);
                    changed();
                }
                before = now;
            }
        })?;
    Ok(())
}

fn marks(paths: &[PathBuf]) -> Vec<Mark> {
    let mark = |path: &PathBuf| {
        let about = fs::metadata(path).ok()?;
        Some((
            about.dev(),
            about.ino(),
            about.len(),
            (about.mtime(), about.mtime_nsec()),
            (about.ctime(), about.ctime_nsec()),
        ))
    };
    paths.iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};

    use super::*;

    /// Guards against a hang.
    const TIMEOUT: Duration = Duration::from_secs(30);

    #[test]
    fn a_file_is_read_again_when_it_or_the_link_to_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["1", "2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("token"), "same length and time").unwrap();
        }
        // As Kubernetes mounts a secret.
        symlink("1", at("..data")).unwrap();
        symlink("..data/token", at("token")).unwrap();
        let (sender, changes) = mpsc::channel();
        let needed = Arc::new(AtomicBool::new(true));
        let is_needed = Arc::clone(&needed);
        follow(
            vec![at("token"), at("missing")],
            move || is_needed.load(Ordering::Relaxed),
            move || sender.send(()).unwrap(),
        )
        .unwrap();
        symlink("2", at("..next")).unwrap();
        fs::rename(at("..next"), at("..data")).unwrap();
        changes.recv_timeout(TIMEOUT).unwrap();
        fs::write(at("missing"), "").unwrap();
        changes.recv_timeout(TIMEOUT).unwrap();
        // Its thread ends, and with it the sender.
        needed.store(false, Ordering::Relaxed);
        assert_eq!(
            changes.recv_timeout(TIMEOUT),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(read(&path).unwrap_err(), "no such file or directory");
        assert_eq!(read(folder.path()).unwrap_err(), "is a directory");
        let long = usize::try_from(LONGEST).unwrap() + 1;
        fs::write(&path, vec![0; long]).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error, "it has 1048577 bytes, allowed are 1048576");
    }
}
