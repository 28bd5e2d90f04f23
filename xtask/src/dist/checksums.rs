//! `SHA256SUMS`, in the form that `sha256sum --check` reads.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::archive;
use super::release::folder;
use crate::shell::say;

const NAME: &str = "SHA256SUMS";

/// The subcommand.
pub(super) fn command() -> clap::Command {
    clap::Command::new("checksums").about("The digests of everything in target/dist")
}

pub(super) fn make() -> anyhow::Result<()> {
    let folder = folder();
    let text = sums(&folder)?;
    let file = folder.join(NAME);
    fs::write(&file, &text)?;
    let count = text.lines().count();
    say(format_args!("{count} files: {}", file.display()));
    Ok(())
}

/// A line for each file of a folder, sorted by path, but for the list itself.
fn sums(folder: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.retain(|file| *file != folder.join(NAME));
    ensure!(
        !files.is_empty(),
        "{} has no files; `cargo xtask dist --help` lists what makes some",
        folder.display()
    );
    files.sort();
    let mut text = String::new();
    for file in files {
        let digest = archive::sha256(&fs::read(&file)?);
        let path = file.strip_prefix(folder)?;
        let path = path.to_str().filter(|path| !path.contains(['\n', '\\']));
        let path = path.with_context(|| format!("{} has an odd name", file.display()))?;
        writeln!(text, "{digest}  {path}")?;
    }
    Ok(text)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn sha256sum_finds_them_right_and_a_changed_file_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join("wheels")).unwrap();
        for (name, text) in [
            ("b.tar.gz", "one"),
            ("wheels/a b.whl", "two"),
            (NAME, "old"),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        let text = sums(folder).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        fs::write(folder.join(NAME), text).unwrap();
        let check = || {
            let mut check = Command::new("sha256sum");
            check
                .args(["--check", "--strict", NAME])
                .current_dir(folder);
            check.output().unwrap()
        };
        let found = check();
        assert!(found.status.success(), "{found:?}");
        let text = String::from_utf8(found.stdout).unwrap();
        assert_eq!(text, "b.tar.gz: OK\nwheels/a b.whl: OK\n");
        fs::write(folder.join("b.tar.gz"), "another").unwrap();
        assert!(!check().status.success());
    }

    #[test]
    fn an_empty_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(sums(folder.path()).is_err());
    }
}
