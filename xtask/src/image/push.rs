//! Layouts to a registry, by oras: it knows how registries want to be logged in to, what they have
//! already, and what refers to an image.

use std::io::{Write as _, stderr};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::ArgMatches;
use serde_json::json;
use tempfile::NamedTempFile;

use super::unpack::Stored;
use crate::shell::say;
use crate::tools;

const VERSION: &str = "org.opencontainers.image.version";

/// Where an image goes.
pub(crate) struct Destination {
    /// HOST/REPO
    pub(crate) repository: String,
    pub(crate) tags: Vec<String>,
    /// User and token.
    pub(crate) login: Option<(String, String)>,
}

pub(super) fn run_options(options: &ArgMatches, layouts: &Path) -> anyhow::Result<()> {
    let text = |name: &str| options.get_one::<String>(name).context("it is required");
    let name = text("name")?;
    let layout = layouts.join(name);
    let tags: Vec<String> = match options.get_many::<String>("tag") {
        Some(tags) => tags.cloned().collect(),
        None => vec![name.clone(), format!("{}-{name}", version(&layout)?)],
    };
    let destination = Destination {
        repository: text("to")?.clone(),
        tags,
        login: login()?,
    };
    let digest = push_image(&layout, name, &destination)?;
    print(&digest);
    Ok(())
}

/// The version that the image says it is.
fn version(layout: &Path) -> anyhow::Result<String> {
    let stored = Stored::open(layout)?;
    let index = stored.document(&stored.index()?)?;
    let manifest = stored.document(&index["manifests"][0])?;
    let version = manifest["annotations"][VERSION].as_str();
    Ok(version
        .with_context(|| format!("the image has no {VERSION}"))?
        .to_owned())
}

#[expect(clippy::print_stdout, reason = "scripts read it")]
fn print(digest: &str) {
    println!("{digest}");
}

/// Pushes the image and what refers to it; gives the digest of its index.
pub(crate) fn push_image(
    layout: &Path,
    name: &str,
    destination: &Destination,
) -> anyhow::Result<String> {
    let repository = &destination.repository;
    let (host, path) = repository
        .split_once('/')
        .with_context(|| format!("{repository:?} must be HOST/REPO"))?;
    ensure!(
        !path.contains([':', '@']),
        "{repository:?} must be without a tag or digest: --tag gives tags"
    );
    let index = Stored::open(layout)?.index()?;
    let digest = index["digest"].as_str().context("the index has a digest")?;
    let mut oras = Command::new(tools::oras()?);
    oras.args(["cp", "--recursive", "--no-tty", "--from-oci-layout"])
        .arg(format!("{}:{name}", layout.display()))
        .arg(format!("{repository}:{}", destination.tags.join(",")))
        // Its progress; the digest alone is for the standard output.
        .stdout(Stdio::from(stderr()));
    // It is there until oras has ended.
    let login = match &destination.login {
        Some((user, token)) => Some(login_file(host, user, token)?),
        None => None,
    };
    if let Some(file) = &login {
        oras.arg("--to-registry-config").arg(file.path());
    }
    say(format_args!("   pushing {name} to {repository}"));
    let status = oras.status().context("cannot run oras")?;
    ensure!(status.success(), "oras could not push {name}: {status}");
    Ok(digest.to_owned())
}

/// A file of credentials, which no other user may read.
fn login_file(host: &str, user: &str, token: &str) -> anyhow::Result<NamedTempFile> {
    let auth = BASE64_STANDARD.encode(format!("{user}:{token}"));
    let mut file = NamedTempFile::new()?;
    write!(file, "{}", json!({"auths": {host: {"auth": auth}}}))?;
    Ok(file)
}

/// What the environment says: a token in the arguments would be seen by all of the machine.
fn login() -> anyhow::Result<Option<(String, String)>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "secrets of this machine, and no setting of the server"
    )]
    let variable = |name| std::env::var(name).ok();
    match (variable("REGISTRY_USER"), variable("REGISTRY_TOKEN")) {
        (Some(user), Some(token)) => Ok(Some((user, token))),
        (None, None) => Ok(None),
        _ => bail!("REGISTRY_USER and REGISTRY_TOKEN must be set together"),
    }
}
