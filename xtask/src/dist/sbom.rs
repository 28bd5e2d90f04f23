//! The bill of materials: what is in the full program, as `CycloneDX` writes it. The same lock file
//! and the same compiler make the same bill; there is no time in it, and its serial number is made
//! of its content.

mod graph;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};

use self::graph::{Graph, Package};
use super::archive;
use super::release::{FULL, TARGETS, Target, Variant, folder, version};
use crate::shell::{cargo, output, root, say};
use crate::venv;

/// The subcommand.
pub(super) fn command() -> clap::Command {
    clap::Command::new("sbom").about("A bill of materials of the full program (CycloneDX)")
}

pub(super) fn make() -> anyhow::Result<()> {
    let file = folder().join("streeling.cdx.json");
    fs::create_dir_all(folder())?;
    let text = full()?;
    fs::write(&file, &text)?;
    let digest = archive::sha256(text.as_bytes());
    say(format_args!("{}\n   sha256:{digest}", file.display()));
    Ok(())
}

/// The bill of the full program, as text.
pub(super) fn full() -> anyhow::Result<String> {
    let content = Content::of(&FULL, &TARGETS)?;
    Ok(format!("{:#}\n", bill(&content)?))
}

/// The program and what is in it, as components of a larger bill.
pub(crate) fn components(variant: &Variant, target: &'static Target) -> anyhow::Result<Vec<Value>> {
    let content = Content::of(variant, [target])?;
    let packages = content.graph.packages();
    packages
        .map(|(package, _)| component("library", package, content.about(package)?))
        .collect()
}

/// What is in a program, on all of some architectures together.
struct Content {
    server: Package,
    graph: Graph,
    known: BTreeMap<Package, About>,
}

impl Content {
    fn of(
        variant: &Variant,
        targets: impl IntoIterator<Item = &'static Target>,
    ) -> anyhow::Result<Self> {
        let server = Package {
            name: "streeling".into(),
            version: version()?,
        };
        let mut graph = Graph::default();
        let mut texts = Vec::new();
        for target in targets {
            // What macros and build scripts need is not in the program.
            let mut tree = cargo();
            tree.args(["tree", "--package", "streeling", "--locked", "--target"])
                .args([target.triple, "--edges", "normal,no-proc-macro"])
                .args(["--prefix", "depth"]);
            if let Some(features) = variant.features {
                tree.args(["--no-default-features", "--features"])
                    .arg(features.join(","));
            }
            graph.read(&output(&mut tree)?)?;
            texts.push(output(
                cargo()
                    .args(["metadata", "--format-version", "1", "--locked"])
                    .args(["--filter-platform", target.triple]),
            )?);
        }
        let lock = fs::read_to_string(root().join("Cargo.lock"))?;
        let mut known = known_packages(&texts, &lock)?;
        for (package, about) in runtime()? {
            graph.add(&server, &package);
            known.insert(package, about);
        }
        Ok(Self {
            server,
            graph,
            known,
        })
    }

    fn about(&self, package: &Package) -> anyhow::Result<&About> {
        let about = self.known.get(package);
        about.with_context(|| format!("cargo metadata does not know {package:?}"))
    }
}

/// What the bill says of a package.
struct About {
    license: String,
    description: String,
    repository: Option<String>,
    /// In hexadecimal, of what the registry sends; ours have none.
    sha256: Option<String>,
    /// The kind of package, as in a package URL.
    kind: &'static str,
}

/// What Cargo does not list, because the compilers bring it: Rust's own library and a C library.
fn runtime() -> anyhow::Result<[(Package, About); 2]> {
    let rustc = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let release = rustc
        .lines()
        .find_map(|line| line.strip_prefix("release: "));
    let part = |name: &str, version: &str, license: &str, description: &str, repository: &str| {
        let package = Package {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        let about = About {
            license: license.to_owned(),
            description: description.to_owned(),
            repository: Some(repository.to_owned()),
            sha256: None,
            kind: "generic",
        };
        (package, about)
    };
    Ok([
        part(
            "rust-std",
            release.context("rustc does not say its release")?,
            "MIT OR Apache-2.0",
            "The standard library of Rust",
            "https://github.com/rust-lang/rust",
        ),
        part(
            "musl",
            venv::ZIG_MUSL,
            "MIT",
            "The C library, in the copy that zig brings",
            "https://git.musl-libc.org/cgit/musl",
        ),
    ])
}

/// Describes packages by what `cargo metadata` says and the lock file's checksums.
fn known_packages(metadata: &[String], lock: &str) -> anyhow::Result<BTreeMap<Package, About>> {
    let lock: toml::Table = lock.parse()?;
    let mut checksums = BTreeMap::new();
    for entry in lock["package"].as_array().into_iter().flatten() {
        let part = |name: &str| entry.get(name).and_then(toml::Value::as_str);
        if let (Some(name), Some(version), Some(sum)) =
            (part("name"), part("version"), part("checksum"))
        {
            checksums.insert((name.to_owned(), version.to_owned()), sum.to_owned());
        }
    }
    let mut known = BTreeMap::new();
    for text in metadata {
        let metadata: Value = serde_json::from_str(text)?;
        for package in metadata["packages"].as_array().into_iter().flatten() {
            let part = |name: &str| package[name].as_str().map(str::to_owned);
            let name = part("name").context("cargo metadata has a package without a name")?;
            let version = part("version").context("and without a version")?;
            let sha256 = checksums.get(&(name.clone(), version.clone())).cloned();
            // Only a licence that is missing for one that is in the program is an error.
            let about = About {
                license: expression(&part("license").unwrap_or_default()),
                description: part("description").unwrap_or_default(),
                repository: part("repository"),
                sha256,
                kind: "cargo",
            };
            known.insert(Package { name, version }, about);
        }
    }
    Ok(known)
}

/// A licence as SPDX writes it today, where a slash is no longer known.
fn expression(license: &str) -> String {
    let license = license.replace('/', " OR ");
    license.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bill(content: &Content) -> anyhow::Result<Value> {
    let Content { server, graph, .. } = content;
    let reference = |package: &Package| anyhow::Ok(url(package, content.about(package)?));
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (package, needed) in graph.packages() {
        if package != server {
            components.push(component("library", package, content.about(package)?)?);
        }
        let needed: Vec<String> = needed
            .iter()
            .map(reference)
            .collect::<anyhow::Result<_>>()?;
        dependencies.push(json!({"ref": reference(package)?, "dependsOn": needed}));
    }
    let content = json!({
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": component("application", server, content.about(server)?)?,
        },
        "components": components,
        "dependencies": dependencies,
    });
    let serial = uuid(&archive::sha256_bytes(content.to_string().as_bytes()));
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{serial}"),
        "version": 1,
    });
    let parts = bill.as_object_mut().expect("it was made as one");
    parts.extend(content.as_object().expect("so was this").clone());
    Ok(bill)
}

fn component(kind: &str, package: &Package, about: &About) -> anyhow::Result<Value> {
    let Package { name, version } = package;
    anyhow::ensure!(!about.license.is_empty(), "{name} {version} has no licence");
    let url = url(package, about);
    let mut component = json!({
        "type": kind,
        "bom-ref": url,
        "name": name,
        "version": version,
        "description": about.description.split_whitespace().collect::<Vec<_>>().join(" "),
        "scope": "required",
        "licenses": [{"expression": about.license}],
        "purl": url,
    });
    if let Some(sha256) = &about.sha256 {
        component["hashes"] = json!([{"alg": "SHA-256", "content": sha256}]);
    }
    if let Some(repository) = &about.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    Ok(component)
}

/// The package URL. In a version a plus sign is escaped.
fn url(package: &Package, about: &About) -> String {
    let version = package.version.replace('+', "%2B");
    format!("pkg:{}/{}@{version}", about.kind, package.name)
}

/// A UUID whose bits are those of a digest, which is what version 8 is for.
fn uuid(digest: &[u8; 32]) -> String {
    let mut bytes: [u8; 16] = *digest.first_chunk().expect("a digest is longer");
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests;
