//! Watches the component's code, for the development server.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

/// Between two looks at the files.
const INTERVAL: Duration = Duration::from_millis(300);

/// Folders of installed code, which does not change during development.
const SKIPPED: &[&str] = &["__pycache__", "node_modules", "site-packages"];

/// The Python files below a folder, each with its time and size.
type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Watches the Python files below `folder` from a thread of its own, until all receivers are
/// dropped. They are notified when a file has been written, added or removed, and nothing has
/// changed since.
///
/// # Errors
///
/// When the system gives no thread.
pub(crate) fn python_files(folder: &Path) -> io::Result<watch::Receiver<()>> {
    let (changed, receiver) = watch::channel(());
    let folder = folder.to_owned();
    let mut notified = files_below(&folder);
    let mut before = notified.clone();
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || {
            while !changed.is_closed() {
                std::thread::sleep(INTERVAL);
                let now = files_below(&folder);
                // An editor may be saving several files, one after the other.
                if now != notified && now == before {
                    notified.clone_from(&now);
                    changed.send_replace(());
                }
                before = now;
            }
        })?;
    Ok(receiver)
}

fn files_below(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        // What goes away meanwhile has changed: the comparison shows it.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let path = entry.path();
            if kind.is_dir() {
                let is_ours = !name.starts_with('.')
                    && !SKIPPED.contains(&&*name)
                    && !path.join("pyvenv.cfg").exists();
                if is_ours {
                    todo.push(path);
                }
            } else if name.ends_with(".py")
                && let Ok(about) = fs::metadata(&path)
            {
                files.insert(path, (about.modified().ok(), about.len()));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_components_own_code_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in [
            "a.py",
            "sub/b.py",
            "data.csv",
            ".git/c.py",
            "__pycache__/d.py",
            "env/pyvenv.cfg",
            "env/lib/e.py",
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let before = files_below(root);
        let found: Vec<_> = before
            .keys()
            .map(|p| p.strip_prefix(root).unwrap())
            .collect();
        assert_eq!(found, [Path::new("a.py"), Path::new("sub/b.py")]);
        fs::write(root.join("data.csv"), "1").unwrap();
        assert_eq!(files_below(root), before);
        fs::write(root.join("sub/b.py"), "1").unwrap();
        assert_ne!(files_below(root), before);
        fs::remove_file(root.join("sub/b.py")).unwrap();
        assert_eq!(files_below(root).len(), 1);
    }

    #[tokio::test]
    async fn a_change_is_notified_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| folder.path().join(name);
        fs::write(file("new"), "1").unwrap();
        let mut changes = python_files(folder.path()).unwrap();
        // All at once: an empty file would be a change of its own.
        fs::rename(file("new"), file("a.py")).unwrap();
        let timeout = Duration::from_secs(30);
        let first = tokio::time::timeout(timeout, changes.changed()).await;
        first.unwrap().unwrap();
        let again = tokio::time::timeout(INTERVAL * 4, changes.changed()).await;
        assert!(again.is_err());
    }
}
