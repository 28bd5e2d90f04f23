//! Finds the Python interpreter before anything is started, since a wrong name is a wrong setting.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Error, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use streeling_config::Settings;

use crate::error::ServeError;

/// Where programs are looked for if the process has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/bin:/usr/bin";

/// The file that the system would execute for the interpreter of the settings, which is a path or a
/// name that is searched on `PATH`.
///
/// # Errors
///
/// [`ServeError::Interpreter`] if there is no such file, or it cannot be executed.
pub(crate) fn find(settings: &Settings) -> Result<PathBuf, ServeError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "PATH is no setting of the server: the system itself searches it"
    )]
    let path = std::env::var_os("PATH");
    let path = path.as_deref().unwrap_or(OsStr::new(DEFAULT_PATH));
    let python = &settings.python.interpreter;
    find_on(python, path).map_err(|source| ServeError::Interpreter {
        python: python.clone(),
        source,
    })
}

fn find_on(python: &Path, search: &OsStr) -> io::Result<PathBuf> {
    // A name with a slash is never searched for.
    if python.as_os_str().as_bytes().contains(&b'/') {
        return executable(python).map(|()| python.to_owned());
    }
    let mut failure = Error::new(ErrorKind::NotFound, "not found on PATH");
    for folder in std::env::split_paths(search) {
        // An empty entry is the working directory.
        let candidate = Path::new(".").join(folder).join(python);
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // As the system does, the search goes on behind a file that cannot be executed.
            Err(error) => {
                failure = Error::new(error.kind(), format!("{}: {error}", candidate.display()));
            }
        }
    }
    Err(failure)
}

fn executable(file: &Path) -> io::Result<()> {
    let metadata = fs::metadata(file)?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(Error::other("not a regular file"));
    }
    Ok(access(file, Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn names_are_searched_on_the_path_and_paths_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let [plain, good] = ["plain", "good"].map(|name| folder.path().join(name));
        write(&plain.join("python"), 0o644);
        write(&plain.join("text"), 0o644);
        write(&good.join("python"), 0o755);
        fs::create_dir(good.join("folder")).unwrap();
        let search = std::env::join_paths([&folder.path().join("absent"), &plain, &good]).unwrap();
        let find = |name: &Path| find_on(name, &search);
        // The one that cannot be executed does not hide the next.
        let found = find(Path::new("python")).unwrap();
        assert!(found.ends_with("good/python"), "{}", found.display());
        assert_eq!(find(&found).unwrap(), found);

        let kind = |name: &Path| find(name).unwrap_err().kind();
        assert_eq!(kind(Path::new("absent")), ErrorKind::NotFound);
        assert_eq!(kind(Path::new("text")), ErrorKind::PermissionDenied);
        assert_eq!(kind(Path::new("folder")), ErrorKind::IsADirectory);
        assert_eq!(kind(&good.join("absent")), ErrorKind::NotFound);
        assert_eq!(kind(&plain.join("python")), ErrorKind::PermissionDenied);
        assert_eq!(kind(&good.join("python/")), ErrorKind::NotADirectory);
        assert_eq!(kind(Path::new("/dev/null")), ErrorKind::Other);
        let error = find(Path::new("text")).unwrap_err().to_string();
        assert!(error.contains("plain/text"), "{error}");
    }
}
