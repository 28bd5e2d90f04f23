//! The oldest and the newest Python that can be had: of those that are installed, and of builds
//! that come as Go modules, whose registry is one of those that the tests need anyway.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::shell::{self, root, run, say};
use crate::{tools, venv};

/// The oldest minor version of Python 3 that is supported.
const OLDEST: u32 = 8;

/// A module that holds a Python, and that Python's minor version.
type Build = (&'static str, u32);

const OLD_BUILD: Build = (
    "github.com/kluctl/go-embed-python@v0.0.0-3.10.16-20241219-1",
    10,
);
const NEW_BUILD: Build = (
    "github.com/kluctl/go-embed-python@v0.0.0-3.14.6-20260610-1",
    14,
);

/// An environment of the oldest Python with the oldest NumPy; gives its interpreter.
pub(crate) fn oldest() -> anyhow::Result<PathBuf> {
    describe(venv::OLDEST.ensure_with(&oldest_interpreter()?)?)
}

/// The oldest Python by itself.
pub(crate) fn oldest_interpreter() -> anyhow::Result<PathBuf> {
    let installed = installed();
    let oldest = installed.iter().min_by_key(|(minor, _)| *minor);
    match oldest {
        Some((minor, python)) if *minor <= OLD_BUILD.1 => Ok(python.clone()),
        _ => unpacked(OLD_BUILD),
    }
}

/// An environment of the newest Python with the newest NumPy; gives its interpreter.
pub(crate) fn newest() -> anyhow::Result<PathBuf> {
    let installed = installed();
    let newest = installed.iter().max_by_key(|(minor, _)| *minor);
    let python = match newest {
        Some((minor, python)) if *minor >= NEW_BUILD.1 => python.clone(),
        _ => unpacked(NEW_BUILD)?,
    };
    let python = venv::NEWEST.ensure_with(&python)?;
    // Another day may have brought newer ones.
    venv::NEWEST.upgrade(&python)?;
    describe(python)
}

/// Says what an environment has; gives its interpreter back.
fn describe(python: PathBuf) -> anyhow::Result<PathBuf> {
    let code = "import sys, numpy, google.protobuf as p; \
                    print(sys.version.split()[0], 'NumPy', numpy.__version__, 'protobuf', \
                    p.__version__)";
    let versions = shell::output(Command::new(&python).args(["-c", code]))?;
    say(format_args!("   Python {}", versions.trim()));
    Ok(python)
}

/// Interpreters on the path and those of pyenv, with their minor versions.
fn installed() -> Vec<(u32, PathBuf)> {
    let mut candidates: Vec<PathBuf> = (OLDEST..OLDEST + 20)
        .map(|minor| format!("python3.{minor}").into())
        .collect();
    let versions = Command::new("pyenv").arg("root").output();
    if let Ok(root) = versions {
        let root = String::from_utf8_lossy(&root.stdout).trim().to_owned();
        let folders = fs::read_dir(Path::new(&root).join("versions"));
        let folders = folders.into_iter().flatten().flatten();
        candidates.extend(folders.map(|folder| folder.path().join("bin/python3")));
    }
    candidates
        .into_iter()
        .filter_map(|python| Some((minor(&python)?, python)))
        .filter(|(minor, _)| *minor >= OLDEST)
        .collect()
}

/// The minor version of an interpreter that runs and can make environments.
fn minor(python: &Path) -> Option<u32> {
    let code = "import ensurepip, sys, venv; print(*sys.version_info[:2])";
    let output = Command::new(python).args(["-c", code]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    match text.trim().split_once(' ')? {
        ("3", minor) if output.status.success() => minor.parse().ok(),
        _ => None,
    }
}

/// Unpacks the Python of a module unless it is there; gives its interpreter.
fn unpacked((module, minor): Build) -> anyhow::Result<PathBuf> {
    let arch = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("{module} has no Python for {other}; install Python 3.{minor}"),
    };
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let folder = root().join(format!("target/python3.{minor}"));
    let python = folder.join("bin/python3");
    let stamp = folder.join("module");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == module) {
        return Ok(python);
    }
    say(format_args!(
        "   unpacking {module} into {}",
        folder.display()
    ));
    let data = tools::go_module(module)
        .with_context(|| format!("Go, or Python 3.{minor}, is needed"))?
        .join(format!("python/internal/data/{system}-{arch}"));
    run(Command::new("python3")
        .arg(root().join("xtask/unpack_python.py"))
        .args([&data, &folder]))?;
    fs::write(&stamp, module)?;
    Ok(python)
}
