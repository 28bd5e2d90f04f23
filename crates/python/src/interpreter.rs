//! Finds the interpreter before anything is started.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::error::StartError;

/// Finds the file that would be run as interpreter: a path as it is, a bare name on `PATH`, as the
/// system looks it up when a worker is started.
///
/// No process is started, so this is cheap; whether the file is a Python interpreter shows only
/// when a worker is started.
///
/// # Errors
///
/// [`StartError::Spawn`] when there is no such file, or when it may not be executed.
pub fn find_interpreter(python: &Path) -> Result<PathBuf, StartError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the system reads this variable itself when it starts the interpreter"
    )]
    let path = env::var_os("PATH");
    find(python, path.as_deref()).map_err(|source| StartError::Spawn {
        python: python.to_owned(),
        source,
    })
}

fn find(python: &Path, path: Option<&OsStr>) -> io::Result<PathBuf> {
    if python.as_os_str().as_bytes().contains(&b'/') {
        check(python)?;
        return Ok(python.to_owned());
    }
    if python.as_os_str().is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name is empty"));
    }
    // What the system takes where the variable is not set.
    let path = path.unwrap_or(OsStr::new("/bin:/usr/bin"));
    let mut denied = None;
    for folder in env::split_paths(path) {
        // An empty entry stands for the working directory.
        let file = Path::new(".").join(folder).join(python);
        match check(&file) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied = Some(error),
            Err(_) => {}
        }
    }
    Err(denied.unwrap_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "no folder of the variable PATH has a file of this name",
        )
    }))
}

/// Whether this is a file that may be executed.
fn check(file: &Path) -> io::Result<()> {
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is a directory",
        ));
    }
    access(file, Access::EXEC_OK)?;
    match script_interpreter(file) {
        // Scripts whose interpreter is a script are rare, and the system follows four of them.
        Some(program) => check_program(&program),
        None => Ok(()),
    }
}

/// The program that the `#!` line of a script names: virtual environments of a Python that has been
/// removed leave such files behind.
fn script_interpreter(file: &Path) -> Option<PathBuf> {
    // What the kernel reads of the line.
    const LONGEST_LINE: u64 = 256;
    let mut start = Vec::new();
    // A program that may be executed need not be readable.
    let file = File::open(file).ok()?;
    file.take(LONGEST_LINE).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
    let program = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    (!program.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(program)))
}

fn check_program(program: &Path) -> io::Result<()> {
    access(program, Access::EXEC_OK).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(
            error.kind(),
            format!("its `#!` line names {}: {error}", program.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder with the file `good`, which may be executed, the file `plain`, which may not, and
    /// the folder `folder`.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("good", 0o755), ("plain", 0o644)] {
            let file = folder.path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(folder.path().join("folder")).unwrap();
        folder
    }

    fn kind(result: io::Result<PathBuf>) -> io::ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let folder = folder();
        let path = |name| folder.path().join(name);
        assert_eq!(find(&path("good"), None).unwrap(), path("good"));
        for (name, expected) in [
            ("plain", io::ErrorKind::PermissionDenied),
            ("folder", io::ErrorKind::PermissionDenied),
            ("absent", io::ErrorKind::NotFound),
            ("good/below", io::ErrorKind::NotADirectory),
        ] {
            // A path is not looked up anywhere else.
            let found = find(&path(name), Some(folder.path().as_os_str()));
            assert_eq!(kind(found), expected, "{name}");
        }
    }

    #[test]
    fn a_name_is_looked_up_in_every_folder() {
        let (first, second) = (folder(), folder());
        fs::remove_file(first.path().join("good")).unwrap();
        let path: OsString = env::join_paths([first.path(), second.path()]).unwrap();
        let find = |name: &str| find(Path::new(name), Some(&path));
        assert_eq!(find("good").unwrap(), second.path().join("good"));
        assert_eq!(kind(find("plain")), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(find("absent")), io::ErrorKind::NotFound);
        assert_eq!(kind(find("")), io::ErrorKind::NotFound);

        // One that may not be executed does not hide one that may.
        let hidden = first.path().join("good");
        fs::write(&hidden, "").unwrap();
        fs::set_permissions(&hidden, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find("good").unwrap(), second.path().join("good"));
    }

    #[test]
    fn an_empty_entry_is_the_working_directory_and_no_variable_the_system_s_folders() {
        let manifest = find(Path::new("Cargo.toml"), Some(OsStr::new("")));
        assert_eq!(kind(manifest), io::ErrorKind::PermissionDenied);
        assert!(find(Path::new("sh"), None).is_ok());
    }

    #[test]
    fn the_error_names_the_interpreter_the_setting_and_the_reason() {
        let error = find_interpreter(Path::new("/nope/python")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot start the interpreter '/nope/python' (--python, STREELING_PYTHON): No such \
             file or directory (os error 2)"
        );
        let error = find_interpreter(Path::new("no-such-python")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot start the interpreter 'no-such-python' (--python, STREELING_PYTHON): no \
             folder of the variable PATH has a file of this name"
        );
    }
}
