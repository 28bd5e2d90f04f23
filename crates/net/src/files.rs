//! Files that are read again when they change.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;

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
    // A pipe that no one writes to would hold it up for good.
    let non_blocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(non_blocking)
        .open(path)
        .map_err(|error| plain(&error))?;
    let mut content = Vec::new();
    // Not by the size that the system says: devices have none.
    file.take(LONGEST + 1)
        .read_to_end(&mut content)
        .map_err(|error| plain(&error))?;
    if content.len() as u64 > LONGEST {
        return Err(format!(
            "it has more than {LONGEST} bytes, which is the most"
        ));
    }
    Ok(content)
}

/// An error of the system without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

/// Files, and what they are like.
#[derive(Clone)]
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    marks: Vec<Mark>,
}

impl Files {
    /// As they are now. To be made before they are read, so that no change is missed.
    pub(crate) fn now(paths: Vec<PathBuf>) -> Self {
        let marks = marks(&paths);
        Self { paths, marks }
    }

    pub(crate) fn first(&self) -> Option<&Path> {
        self.paths.first().map(PathBuf::as_path)
    }

    /// Calls `read` on a thread of its own whenever one of the files has changed and no other
    /// change has followed since, and again every second until it returns true: the system may not
    /// have been able to open them. `read` gets whether they have changed since the last time.
    /// It goes on for as long as `is_needed` returns true.
    ///
    /// It looks at the files rather than waiting for events: those do not come from every file
    /// system that secrets lie on.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn follow(
        self,
        is_needed: impl Fn() -> bool + Send + 'static,
        mut read: impl FnMut(bool) -> bool + Send + 'static,
    ) -> io::Result<()> {
        let Self {
            paths,
            marks: mut last,
        } = self;
        let mut before = last.clone();
        let mut is_read = true;
        std::thread::Builder::new()
            .name("secrets".to_owned())
            .spawn(move || {
                loop {
                    std::thread::sleep(INTERVAL);
                    if !is_needed() {
                        return;
                    }
                    let now = marks(&paths);
                    let has_changed = now != last;
                    // A certificate and its key may be written one after the other.
                    if (has_changed || !is_read) && now == before {
                        last.clone_from(&now);
                        is_read = read(has_changed);
                    }
                    before = now;
                }
            })?;
        Ok(())
    }
}

/// What was wrong with files that are tried again and again, so that it is logged once.
#[derive(Default)]
pub(crate) struct Errors(Option<String>);

impl Errors {
    /// Whether this has not been said yet of the files as they are.
    pub(crate) fn is_new(&mut self, has_changed: bool, error: &impl ToString) -> bool {
        let error = error.to_string();
        let is_new = has_changed || self.0.as_ref() != Some(&error);
        self.0 = Some(error);
        is_new
    }
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
        let files = Files::now(vec![at("token"), at("missing")]);
        // Before it is followed, as well.
        symlink("2", at("..next")).unwrap();
        fs::rename(at("..next"), at("..data")).unwrap();
        let mut left = 2;
        let read = move |has_changed| {
            sender.send(has_changed).unwrap();
            left -= 1;
            left <= 0
        };
        files
            .follow(move || is_needed.load(Ordering::Relaxed), read)
            .unwrap();
        assert!(changes.recv_timeout(TIMEOUT).unwrap());
        // It could not be read the first time.
        assert!(!changes.recv_timeout(TIMEOUT).unwrap());
        fs::write(at("missing"), "").unwrap();
        assert!(changes.recv_timeout(TIMEOUT).unwrap());
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
        assert_eq!(error, "it has more than 1048576 bytes, which is the most");
        let endless = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(endless, error);
    }
}
