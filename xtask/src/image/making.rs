//! From programs, the Dockerfile and Debian to layouts.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::arch::runs_here;
use super::contents::{Settings, Sources};
use super::debian::{Debian, Package, Record, packages};
use super::dockerfile::{Dockerfile, Stage};
use super::layout::{Description, Layer, Layout};
use super::sbom::{self, Subject};
use super::unpack::Stored;
use crate::dist::archive::{source_date, tar};
use crate::dist::{self, release};
use crate::shell::{metadata, output, root, say, timed};

/// What is to be made.
pub(crate) struct Options {
    pub(crate) names: Vec<&'static str>,
    /// `None`: all that can be made on this machine.
    pub(crate) architectures: Option<Vec<&'static str>>,
    pub(crate) programs: PathBuf,
    /// The folder of the layouts.
    pub(crate) output: PathBuf,
    /// Write down which packages Debian has, in place of comparing them.
    pub(crate) record: bool,
}

/// A layout that was made.
pub(crate) struct Made {
    pub(crate) name: &'static str,
    /// Of the index of all architectures.
    pub(crate) digest: String,
}

/// What the images of one version say of it.
pub(super) struct Release {
    pub(super) version: String,
    license: String,
    source: String,
    revision: String,
    /// Seconds since 1970.
    pub(super) time: u64,
}

/// Where Debian's packages are recorded for an architecture.
fn record_file(arch: &str) -> PathBuf {
    root().join(format!("deploy/image/debian-{arch}.txt"))
}

/// Makes the layouts, and says what they are.
pub(crate) fn make(options: &Options) -> anyhow::Result<Vec<Made>> {
    let text = fs::read_to_string(root().join("deploy/image/Dockerfile"))?;
    let dockerfile = Dockerfile::parse(&text)?;
    let release = Release::read()?;
    fs::create_dir_all(&options.output)?;
    let mut made = Vec::new();
    for &name in &options.names {
        let mut digest = String::new();
        timed(name, || {
            digest = make_one(options, &dockerfile, &release, name)?;
            Ok(())
        })?;
        made.push(Made { name, digest });
    }
    for one in &made {
        say(format_args!("{:<10} {}", one.name, one.digest));
    }
    Ok(made)
}

fn make_one(
    options: &Options,
    dockerfile: &Dockerfile,
    release: &Release,
    name: &str,
) -> anyhow::Result<String> {
    let stage = dockerfile.stage(name)?;
    let root = root();
    let sources = Sources {
        dockerfile,
        repository: &root,
        programs: &options.programs,
    };
    let debian = Debian::of(stage)?;
    let settings = Settings::of(stage);
    let about = Description {
        settings: &settings,
        labels: release.labels(name),
        time: release.time,
    };
    let mut layout = Layout::create(&options.output.join(name))?;
    let mut images = Vec::new();
    let mut made = Vec::new();
    for (arch, triple) in dockerfile.triples()? {
        if let Some(wanted) = &options.architectures {
            if !wanted.contains(&arch.as_str()) {
                continue;
            }
        } else if let Some(why) = left_out(debian.as_ref(), &arch, options)? {
            say(format_args!("   {name} is not made for {arch}: {why}"));
            continue;
        }
        let (variant, _) = sources.program(stage, &triple)?;
        let mut components = Vec::new();
        let mut layers = Vec::new();
        if let Some(debian) = &debian {
            let (layer, packages) = debian_layer(debian, &arch, options.record)?;
            components.extend(sbom::of_debian(&packages, &debian.suite));
            layers.push(layer);
        }
        components.extend(dist::sbom::components(
            release::variant(&variant)?,
            release::target(&triple)?,
        )?);
        layers.push(own_layer(&sources, stage, &triple, release.time)?);
        let image = layout.image(&arch, &about, &layers)?;
        let subject = Subject {
            name,
            version: &release.version,
            arch: &arch,
            license: &release.license,
            time: release.time,
        };
        let document = sbom::document(&subject, &components)?;
        let file = options.output.join(format!("{name}-{arch}.cdx.json"));
        fs::write(file, &document)?;
        layout.attach(&image, &document, release.time)?;
        let unpacked: u64 = layers.iter().map(|layer| layer.tar.len() as u64).sum();
        made.push((arch, unpacked, components.len()));
        images.push(image);
    }
    let digest = layout.finish(name, &images)?;
    let stored = Stored::open(&options.output.join(name))?;
    for (arch, unpacked, components) in made {
        let image = stored.image(&arch)?;
        let layers = image["layers"].as_array().into_iter().flatten();
        let packed: u64 = layers.filter_map(|layer| layer["size"].as_u64()).sum();
        say(format_args!(
            "   {name} {arch}: {:.1} MB packed, {:.1} MB unpacked, {components} components",
            megabytes(packed),
            megabytes(unpacked),
        ));
    }
    Ok(digest)
}

#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Why an image is not made for an architecture that was not asked for.
fn left_out(
    debian: Option<&Debian>,
    arch: &str,
    options: &Options,
) -> anyhow::Result<Option<String>> {
    if debian.is_none() {
        return Ok(None);
    }
    if !runs_here(arch)? {
        return Ok(Some(
            "its programs do not run here, and those of Debian install themselves (packages \
             qemu-user-static, arch-test)"
                .to_owned(),
        ));
    }
    let file = record_file(arch);
    let is_missing = !options.record && !file.is_file();
    Ok(is_missing.then(|| format!("{} is missing, which --record writes", file.display())))
}

/// The program, and what the repository has beside it.
pub(super) fn own_layer(
    sources: &Sources<'_>,
    stage: &Stage,
    triple: &str,
    time: u64,
) -> anyhow::Result<Layer> {
    let entries = sources.files(stage, triple)?;
    Ok(Layer {
        tar: tar(&entries, time, Vec::new())?,
        created_by: format!("cargo xtask image {}", stage.name),
        time,
    })
}

fn debian_layer(
    debian: &Debian,
    arch: &str,
    record: bool,
) -> anyhow::Result<(Layer, Vec<Package>)> {
    let file = record_file(arch);
    let recorded = if record {
        // Of the day, so that a second record of the same packages is the same file.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Record::new(now - now % (24 * 60 * 60), &[])
    } else {
        Record::read(&file)?
    };
    let scratch = tempfile::tempdir()?;
    let tar = scratch.path().join("root.tar");
    debian.make(arch, recorded.time, &tar)?;
    let packages = packages(&tar)?;
    if record {
        fs::write(&file, Record::new(recorded.time, &packages).text()?)?;
    } else {
        recorded.check(&packages)?;
    }
    let layer = Layer {
        tar: fs::read(&tar)?,
        created_by: format!("mmdebstrap {}", debian.suite),
        time: recorded.time,
    };
    Ok((layer, packages))
}

impl Release {
    fn read() -> anyhow::Result<Self> {
        let metadata = metadata()?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let server = packages.iter().find(|one| one["name"] == "streeling");
        let server = server.context("the workspace has no crate streeling")?;
        let field = |name: &str| {
            let value = server[name].as_str().map(str::to_owned);
            value.with_context(|| format!("the crate streeling has no {name}"))
        };
        let git = |words: &[&str]| {
            let mut git = Command::new("git");
            let text = output(git.args(words).current_dir(root()))?;
            anyhow::Ok(text.trim().to_owned())
        };
        let describe = [
            "describe",
            "--always",
            "--dirty",
            "--abbrev=40",
            "--exclude=*",
        ];
        Ok(Self {
            version: field("version")?,
            license: field("license")?,
            source: field("repository")?,
            revision: git(&describe).context("images are made in a clone by git")?,
            time: match source_date()? {
                Some(time) => time,
                None => git(&["log", "-1", "--format=%ct"])?.parse()?,
            },
        })
    }

    pub(super) fn labels(&self, name: &str) -> Vec<(String, String)> {
        let label = |name: &str, value: &str| {
            let name = format!("org.opencontainers.image.{name}");
            (name, value.to_owned())
        };
        vec![
            label("title", &format!("streeling:{name}")),
            label("version", &self.version),
            label("revision", &self.revision),
            label("source", &self.source),
            label("licenses", &self.license),
        ]
    }
}
