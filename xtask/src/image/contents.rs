//! What the Dockerfile says of an image: its settings, and the files of its own layer.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::dockerfile::{Dockerfile, Instruction, Stage};
use crate::dist::archive::{Content, Entry};
use crate::shell::run;

/// What a container is started with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) entrypoint: Vec<String>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) ports: Vec<u16>,
    pub(super) user: String,
    pub(super) workdir: String,
}

impl Settings {
    pub(super) fn of(stage: &Stage) -> Self {
        let mut settings = Self::default();
        for instruction in &stage.instructions {
            match instruction {
                Instruction::Entrypoint(words) => settings.entrypoint.clone_from(words),
                Instruction::Expose(ports) => settings.ports.extend(ports),
                Instruction::Label(labels) => settings.labels.extend(labels.iter().cloned()),
                Instruction::User(user) => settings.user.clone_from(user),
                Instruction::Workdir(folder) => settings.workdir.clone_from(folder),
                Instruction::Copy { .. } | Instruction::Run(_) => {}
            }
        }
        settings
    }
}

/// Where files come from.
pub(super) struct Sources<'a> {
    pub(super) dockerfile: &'a Dockerfile,
    /// The root of the repository.
    pub(super) repository: &'a Path,
    /// What `cargo xtask dist binaries` has made: VARIANT/TRIPLE/streeling.
    pub(super) programs: &'a Path,
}

/// The folder that the stages which compile fill for the others.
const ROOT_FOLDER: &str = "/root-folder";

impl Sources<'_> {
    /// The files that the stage copies.
    pub(super) fn files(&self, stage: &Stage, triple: &str) -> anyhow::Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        for instruction in &stage.instructions {
            let Instruction::Copy {
                from,
                source,
                target,
            } = instruction
            else {
                continue;
            };
            let copied = match from {
                Some(from) => {
                    let stage = self.dockerfile.stage(from)?;
                    let folder = source
                        .strip_prefix(ROOT_FOLDER)
                        .with_context(|| format!("COPY {source}: must be in {ROOT_FOLDER}"))?;
                    let folder = folder.trim_matches('/');
                    below(&self.compiled(stage, triple)?, folder)
                }
                None => self.of_repository(source)?,
            };
            for mut entry in copied {
                entry.path = join(target, &entry.path);
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// The program that a variant of the server is for an architecture, and the variant's name.
    pub(super) fn program(&self, stage: &Stage, triple: &str) -> anyhow::Result<(String, PathBuf)> {
        for instruction in &stage.instructions {
            if let Instruction::Copy {
                from: Some(from), ..
            } = instruction
            {
                let variant = installed(self.dockerfile.stage(from)?)?.variant;
                let program = self.programs.join(&variant).join(triple).join("streeling");
                ensure!(
                    program.is_file(),
                    "{} is missing: cargo xtask dist binaries --variant {variant} --target \
                     {triple}",
                    program.display()
                );
                return Ok((variant, program));
            }
        }
        bail!("the stage {} copies no program", stage.name)
    }

    /// What a stage that compiles leaves in the folder.
    fn compiled(&self, stage: &Stage, triple: &str) -> anyhow::Result<Vec<Entry>> {
        let base = self.dockerfile.stage(&stage.base)?;
        let prepare = base
            .commands()
            .find(|command| command.contains(ROOT_FOLDER))
            .with_context(|| format!("no RUN of {} fills {ROOT_FOLDER}", base.name))?;
        let scratch = tempfile::tempdir()?;
        let script = prepare.replace(ROOT_FOLDER, &ROOT_FOLDER[1..]);
        run(Command::new("sh")
            .args(["-euc", &format!("umask 022; {script}")])
            .current_dir(scratch.path()))?;
        let mut entries = Vec::new();
        collect(&scratch.path().join(&ROOT_FOLDER[1..]), "", &mut entries)?;

        let install = installed(stage)?;
        let program = self.programs.join(&install.variant).join(triple);
        let program = program.join("streeling");
        let bytes = fs::read(&program).with_context(|| format!("{}", program.display()))?;
        entries.push(Entry::program(join(&install.folder, "streeling"), bytes));
        Ok(entries)
    }

    /// A file, or the files of a folder, as they are in the repository.
    fn of_repository(&self, source: &str) -> anyhow::Result<Vec<Entry>> {
        let path = self.repository.join(source);
        if path.is_dir() {
            let mut entries = Vec::new();
            collect(&path, "", &mut entries)?;
            return Ok(entries);
        }
        let bytes = fs::read(&path).with_context(|| format!("COPY {source}"))?;
        Ok(vec![Entry {
            mode: normal_mode(path.metadata()?.mode()),
            ..Entry::file("", bytes)
        }])
    }
}

/// What a stage that compiles installs.
struct Install {
    variant: String,
    /// Within the root folder.
    folder: String,
}

fn installed(stage: &Stage) -> anyhow::Result<Install> {
    let found = stage.commands().find_map(|command| {
        let words: Vec<&str> = command.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "--variant")?;
        let folder = words.last()?.strip_prefix(ROOT_FOLDER)?;
        Some(Install {
            variant: (*words.get(at + 1)?).to_owned(),
            folder: folder.to_owned(),
        })
    });
    found.with_context(|| {
        format!(
            "no RUN of {} makes a --variant and installs it in {ROOT_FOLDER}",
            stage.name
        )
    })
}

/// The entries below a folder, named from there.
fn below(entries: &[Entry], folder: &str) -> Vec<Entry> {
    let inside = entries.iter().filter_map(|entry| {
        let path = match folder {
            "" => entry.path.as_str(),
            _ => entry.path.strip_prefix(folder)?.strip_prefix('/')?,
        };
        Some(Entry {
            path: path.to_owned(),
            ..entry.clone()
        })
    });
    inside.collect()
}

/// A path in an archive.
fn join(folder: &str, path: &str) -> String {
    let folder = folder.trim_matches('/');
    match (folder, path) {
        ("", path) => path.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

/// All that is in a folder. Modes of files depend on who has cloned the repository, but for the
/// permission to run them; folders that all may write to are meant to be.
fn collect(folder: &Path, path: &str, entries: &mut Vec<Entry>) -> anyhow::Result<()> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        let name = file.file_name();
        let name = name
            .to_str()
            .with_context(|| format!("{name:?} is not UTF-8"))?;
        let path = join(path, name);
        let kind = file.file_type()?;
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        let (content, mode) = if kind.is_symlink() {
            let target = fs::read_link(file.path())?;
            let target = target.to_str().context("a link's target is not UTF-8")?;
            (Content::Link(target.to_owned()), 0o777)
        } else if kind.is_dir() {
            collect(&file.path(), &path, entries)?;
            (Content::Folder, if mode == 0o1777 { mode } else { 0o755 })
        } else {
            (Content::File(fs::read(file.path())?), normal_mode(mode))
        };
        entries.push(Entry {
            path,
            content,
            mode,
            owner: 0,
        });
    }
    Ok(())
}

fn normal_mode(mode: u32) -> u32 {
    if mode & 0o100 == 0 { 0o644 } else { 0o755 }
}
