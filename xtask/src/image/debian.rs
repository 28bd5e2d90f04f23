//! The root of Debian that an image stands on, which mmdebstrap makes without a daemon.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::dockerfile::Stage;
use crate::shell::run;

/// What the Dockerfile says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Debian {
    pub(super) suite: String,
    packages: Vec<String>,
    /// A command line to be run in it when they are installed.
    setup: String,
}

/// A package that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// Of the package: also `all`.
    pub(super) architecture: String,
}

/// The packages that an architecture's image has been made with, and when that was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Seconds since 1970: the time of what has none of its own, so that the root is the same for
    /// each version of the program.
    pub(super) time: u64,
    versions: BTreeMap<String, String>,
}

const MIRROR: &str = "http://deb.debian.org";

/// Debian's own slim images leave these out, too.
const NOT_UNPACKED: [&str; 5] = [
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*/LC_MESSAGES/*.mo",
    "path-exclude=/usr/share/man/*",
];

/// Of the machine that builds, or of the hour; and caches.
const REMOVED: &str = "cd \"$1\" && rm -rf etc/hostname etc/resolv.conf etc/passwd- etc/group- \
    etc/shadow- etc/gshadow- var/cache/apt/*.bin var/cache/debconf/*-old \
    var/cache/ldconfig/aux-cache var/lib/dpkg/*-old var/log/apt/* var/log/*.log";

impl Debian {
    /// `None` where the stage stands on something else.
    pub(super) fn of(stage: &Stage) -> anyhow::Result<Option<Self>> {
        let suite = stage
            .base
            .strip_prefix("debian:")
            .and_then(|tag| tag.strip_suffix("-slim"));
        let Some(suite) = suite else {
            return Ok(None);
        };
        let mut packages = Vec::new();
        let mut setup = Vec::new();
        for step in stage.commands().flat_map(|command| command.split(" && ")) {
            let step = step.trim();
            if let Some(words) = step.strip_prefix("apt-get install ") {
                let words = words.split_whitespace();
                packages.extend(words.filter(|w| !w.starts_with('-')).map(str::to_owned));
            } else if step != "apt-get update" && step != "rm -rf /var/lib/apt/lists/*" {
                // mmdebstrap does those two by itself.
                setup.push(step);
            }
        }
        let setup = setup.join(" && ");
        ensure!(
            !setup.contains('\''),
            "RUN of {}: must be without single quotes",
            stage.name
        );
        Ok(Some(Self {
            suite: suite.to_owned(),
            packages,
            setup,
        }))
    }

    /// Makes the root for an architecture in Debian's name: a tar in the file.
    pub(super) fn make(&self, arch: &str, time: u64, file: &Path) -> anyhow::Result<()> {
        // The package usrmerge, the other choice, brings all of Perl.
        let merged = "/usr/share/mmdebstrap/hooks/merged-usr";
        let include = format!("{},usr-is-merged", self.packages.join(","));
        let mut command = Command::new("mmdebstrap");
        command
            .args(["--quiet", "--variant=minbase", "--format=tar"])
            .arg(format!("--architectures={arch}"))
            .arg(format!("--hook-dir={merged}"))
            .arg(format!("--include={include}"))
            // Container runtimes bring devices.
            .arg("--skip=output/dev")
            .args(NOT_UNPACKED.map(|option| format!("--dpkgopt={option}")));
        if !self.setup.is_empty() {
            let setup = format!("chroot \"$1\" /bin/sh -euc '{}'", self.setup);
            command.arg(format!("--customize-hook={setup}"));
        }
        command
            .arg(format!("--customize-hook={REMOVED}"))
            .arg(&self.suite)
            .arg(file)
            .args(self.sources())
            .env("SOURCE_DATE_EPOCH", time.to_string());
        run(&mut command).context(
            "a root of Debian could not be made, which needs mmdebstrap (Debian and Ubuntu: \
             mmdebstrap; uidmap where this is not root; qemu-user-static and arch-test for another \
             architecture)",
        )
    }

    fn sources(&self) -> [String; 3] {
        let suite = &self.suite;
        [
            format!("deb {MIRROR}/debian {suite} main"),
            format!("deb {MIRROR}/debian {suite}-updates main"),
            format!("deb {MIRROR}/debian-security {suite}-security main"),
        ]
    }
}

/// The packages that are installed in a root.
pub(super) fn packages(tar: &Path) -> anyhow::Result<Vec<Package>> {
    let mut archive = tar::Archive::new(File::open(tar)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()? == Path::new("./var/lib/dpkg/status") {
            let mut status = String::new();
            entry.read_to_string(&mut status)?;
            return of_status(&status);
        }
    }
    anyhow::bail!("{} has no /var/lib/dpkg/status", tar.display())
}

fn of_status(status: &str) -> anyhow::Result<Vec<Package>> {
    let mut found = Vec::new();
    for paragraph in status.split("\n\n").filter(|text| !text.trim().is_empty()) {
        let field = |name: &str| {
            let mut lines = paragraph.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let (Some(name), Some(version), Some(architecture)) =
            (field("Package"), field("Version"), field("Architecture"))
        else {
            anyhow::bail!("a package has no name, version or architecture: {paragraph}");
        };
        ensure!(
            field("Status") == Some("install ok installed"),
            "{name} is not installed in full"
        );
        found.push(Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

impl Record {
    pub(super) fn new(time: u64, packages: &[Package]) -> Self {
        let versions = packages
            .iter()
            .map(|one| (one.name.clone(), one.version.clone()));
        Self {
            time,
            versions: versions.collect(),
        }
    }

    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| {
            format!(
                "{} is missing: cargo xtask image --record writes it",
                file.display()
            )
        })?;
        Self::parse(&text).with_context(|| format!("{}", file.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let date = lines.next().and_then(|line| line.strip_prefix("date "));
        let date: jiff::Timestamp = date.context("the first line must be \"date …\"")?.parse()?;
        let versions = lines
            .map(|line| {
                let (name, version) = line
                    .split_once(' ')
                    .with_context(|| format!("{line:?} must be a name and a version"))?;
                Ok((name.to_owned(), version.to_owned()))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            time: u64::try_from(date.as_second())?,
            versions,
        })
    }

    pub(super) fn text(&self) -> anyhow::Result<String> {
        let date = jiff::Timestamp::from_second(self.time.try_into()?)?;
        let mut text = format!(
            "# Debian's packages in the image: written by `cargo xtask image --record`\n\
             date {date}\n"
        );
        for (name, version) in &self.versions {
            writeln!(text, "{name} {version}")?;
        }
        Ok(text)
    }

    /// An error where other packages were installed than these.
    pub(super) fn check(&self, installed: &[Package]) -> anyhow::Result<()> {
        let installed = Self::new(self.time, installed).versions;
        let mut differences: Vec<String> = Vec::new();
        for name in self.versions.keys().chain(installed.keys()) {
            let (old, new) = (self.versions.get(name), installed.get(name));
            if old != new {
                let version = |one: Option<&String>| one.map_or("none".into(), String::clone);
                differences.push(format!("{name} {} -> {}", version(old), version(new)));
            }
        }
        differences.sort();
        differences.dedup();
        ensure!(
            differences.is_empty(),
            "Debian has other packages than those recorded, which `cargo xtask image python \
             --record` takes over: {}",
            differences.join(", ")
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: b\nStatus: install ok installed\nArchitecture: amd64\n\
        Version: 1:2.0~x+y\nDescription: Package: no\n Version: 9\n\n\
        Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n";

    #[test]
    fn installed_packages_are_read_and_compared_with_the_record() {
        let found = of_status(STATUS).unwrap();
        let pairs: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.version.as_str()))
            .collect();
        assert_eq!(pairs, [("a", "1"), ("b", "1:2.0~x+y")]);

        let record = Record::new(1_700_000_000, &found);
        assert_eq!(Record::parse(&record.text().unwrap()).unwrap(), record);
        record.check(&found).unwrap();
        let mut newer = found.clone();
        newer[0].version = "2".into();
        newer.pop();
        let error = record.check(&newer).unwrap_err().to_string();
        assert!(
            error.ends_with(": a 1 -> 2, b 1:2.0~x+y -> none"),
            "{error}"
        );
        let half = STATUS.replace("install ok installed", "install ok unpacked");
        assert!(of_status(&half).is_err());
    }
}
