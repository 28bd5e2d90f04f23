//! `cargo xtask codegen`: the Rust types of the protobuf messages, and their descriptors for
//! Python.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::shell::root;

/// A file that imports all others of its protocol, within `proto/`.
struct Source {
    file: &'static str,
    /// The name of its descriptors, beside the Rust types.
    descriptors: &'static str,
}

const SELDON: Source = Source {
    file: "prediction.proto",
    descriptors: "descriptors.bin",
};

const OIP: Source = Source {
    file: "inference.proto",
    descriptors: "inference.bin",
};

/// Where the Rust types go.
const RUST: &str = "crates/proto/src/generated";

/// Where the descriptors go that the worker makes its Python classes from.
const PYTHON: &str = "crates/python/python/seldon_core/proto/_descriptors.py";

/// What is generated, by path from the root.
type Files = BTreeMap<String, Vec<u8>>;

/// Writes the generated files, or only checks that they are what they should be.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    for (name, expected) in generate(&root().join("proto"))? {
        let path = root().join(&name);
        if !check {
            fs::write(path, expected)?;
        } else if fs::read(&path).ok().is_none_or(|found| found != expected) {
            bail!(
                "{} is out of date: run `cargo xtask codegen`",
                path.display()
            );
        }
    }
    Ok(())
}

fn generate(sources: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let seldon = rust(&SELDON, sources, &mut files)?;
    files.insert(PYTHON.to_owned(), python(seldon).into_bytes());
    rust(&OIP, sources, &mut files)?;
    Ok(files)
}

/// The Rust types of a file and of those that it imports, and their descriptors; gives the latter
/// back.
fn rust(source: &Source, sources: &Path, files: &mut Files) -> anyhow::Result<FileDescriptorSet> {
    let mut set = protox::compile([source.file], [sources])?;
    let folder = tempfile::tempdir()?;
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    tonic_prost_build::configure()
        // The server walks over the bytes of a message, without these types.
        .build_server(false)
        .build_transport(false)
        .client_mod_attribute(".", r#"#[cfg(feature = "client")]"#)
        .out_dir(folder.path())
        .compile_fds_with_config(set.clone(), config)?;
    for entry in fs::read_dir(folder.path())? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .ok()
            .context("a package whose name is not Unicode")?;
        files.insert(format!("{RUST}/{name}"), fs::read(entry.path())?);
    }
    for file in &mut set.file {
        file.source_code_info = None;
    }
    let descriptors = format!("{RUST}/{}", source.descriptors);
    files.insert(descriptors, set.encode_to_vec());
    Ok(set)
}

/// The descriptors as a Python module, without those that the protobuf package has itself.
fn python(mut set: FileDescriptorSet) -> String {
    const WIDTH: usize = 88;
    set.file
        .retain(|file| !file.package().starts_with("google.protobuf"));
    let text = BASE64_STANDARD.encode(set.encode_to_vec());
    let mut module = "\"\"\"Generated from `proto/` by `cargo xtask codegen`.\"\"\"\n\n\
        # A FileDescriptorSet in base64, each file after those that it imports.\n\
        DESCRIPTORS = (\n"
        .to_owned();
    for line in text.as_bytes().chunks(WIDTH) {
        module.push_str("    \"");
        module.extend(line.iter().copied().map(char::from));
        module.push_str("\"\n");
    }
    module.push_str(")\n");
    module
}
