//! `cargo xtask codegen`: the Rust types of the protobuf messages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use prost::Message as _;

use crate::shell::root;

/// The file that imports all others, within `proto/`.
const SOURCE: &str = "prediction.proto";

/// What is generated, by file name.
type Files = BTreeMap<String, Vec<u8>>;

/// Writes `crates/proto/src/generated`, or only checks that it is what it should be.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let folder = root().join("crates/proto/src/generated");
    for (name, wanted) in generate(&root().join("proto"))? {
        let path = folder.join(&name);
        if !check {
            fs::write(path, wanted)?;
        } else if fs::read(&path).ok().is_none_or(|found| found != wanted) {
            bail!(
                "{} is out of date: run `cargo xtask codegen`",
                path.display()
            );
        }
    }
    Ok(())
}

fn generate(sources: &Path) -> anyhow::Result<Files> {
    let mut set = protox::compile([SOURCE], [sources])?;
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
    let mut files = Files::new();
    for entry in fs::read_dir(folder.path())? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .ok()
            .context("a package whose name is not Unicode")?;
        files.insert(name, fs::read(entry.path())?);
    }
    for file in &mut set.file {
        file.source_code_info = None;
    }
    files.insert("descriptors.bin".to_owned(), set.encode_to_vec());
    Ok(files)
}
