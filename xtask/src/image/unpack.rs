//! Image layouts, read again: every digest is checked.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;

use super::layout::REF_NAME;
use crate::dist::archive::sha256;

/// A layout on the disk.
pub(super) struct Stored {
    folder: PathBuf,
}

impl Stored {
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        ensure!(
            folder.join("index.json").is_file(),
            "{} is missing: cargo xtask image makes it",
            folder.display()
        );
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Descriptors of all that has a manifest: the index of the image, and what refers to it.
    pub(super) fn manifests(&self) -> anyhow::Result<Vec<Value>> {
        let text = fs::read_to_string(self.folder.join("index.json"))?;
        let index: Value = serde_json::from_str(&text)?;
        let manifests = index["manifests"].as_array();
        Ok(manifests.context("index.json has no manifests")?.clone())
    }

    /// The descriptor of the image's index.
    pub(super) fn index(&self) -> anyhow::Result<Value> {
        let mut all = self.manifests()?.into_iter();
        let named = all.find(|one| one["annotations"][REF_NAME].is_string());
        named.context("index.json names no image")
    }

    /// What a descriptor is of.
    pub(super) fn blob(&self, descriptor: &Value) -> anyhow::Result<Vec<u8>> {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        let name = digest
            .strip_prefix("sha256:")
            .with_context(|| format!("{digest:?} must be a digest by sha256"))?;
        let bytes = fs::read(self.folder.join("blobs/sha256").join(name))
            .with_context(|| format!("the layout has no blob {digest}"))?;
        let found = sha256(&bytes);
        ensure!(found == name, "the blob {name} has the digest {found}");
        ensure!(
            descriptor["size"] == bytes.len(),
            "the blob {name} has {} bytes, and not the {} that its descriptor says",
            bytes.len(),
            descriptor["size"]
        );
        Ok(bytes)
    }

    pub(super) fn document(&self, descriptor: &Value) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.blob(descriptor)?)?)
    }

    /// The manifest of the image for an architecture.
    pub(super) fn image(&self, arch: &str) -> anyhow::Result<Value> {
        let index = self.document(&self.index()?)?;
        let images = index["manifests"].as_array();
        let images = images.context("the index of the image has no manifests")?;
        let found = images
            .iter()
            .find(|one| one["platform"]["architecture"] == arch);
        self.document(found.with_context(|| format!("the image is not made for {arch}"))?)
    }

    /// Unpacks the layers; gives what a container is to be started with.
    pub(super) fn unpack(&self, arch: &str, root: &Path) -> anyhow::Result<Value> {
        let manifest = self.image(arch)?;
        let config = self.document(&manifest["config"])?;
        let layers = manifest["layers"].as_array().context("no layers")?;
        let digests = config["rootfs"]["diff_ids"].as_array();
        let digests = digests.context("no diff_ids")?;
        ensure!(
            layers.len() == digests.len(),
            "{} layers have {} digests",
            layers.len(),
            digests.len()
        );
        for (layer, digest) in layers.iter().zip(digests) {
            let packed = self.blob(layer)?;
            let mut tar = Vec::new();
            GzDecoder::new(packed.as_slice()).read_to_end(&mut tar)?;
            let found = format!("sha256:{}", sha256(&tar));
            ensure!(*digest == found, "a layer is {found}, and not {digest}");
            let mut archive = tar::Archive::new(tar.as_slice());
            archive.set_preserve_permissions(true);
            archive.set_preserve_mtime(true);
            archive.unpack(root)?;
        }
        Ok(config["config"].clone())
    }
}
