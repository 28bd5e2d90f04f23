//! Image layouts, as the image specification of the Open Container Initiative has them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::contents::Settings;
use crate::dist::archive::{gzip, sha256};

/// What an image is called in the index of its layout.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(super) const SBOM: &str = "application/vnd.cyclonedx+json";

/// A layer, and why it is there.
pub(super) struct Layer {
    pub(super) tar: Vec<u8>,
    pub(super) created_by: String,
    /// Seconds since 1970.
    pub(super) time: u64,
}

/// What all architectures of an image have alike.
pub(super) struct Description<'a> {
    pub(super) settings: &'a Settings,
    /// Beside those of the Dockerfile.
    pub(super) labels: Vec<(String, String)>,
    /// Seconds since 1970.
    pub(super) time: u64,
}

/// A layout that is being written, under another name until it is whole.
pub(super) struct Layout {
    folder: PathBuf,
    unfinished: PathBuf,
    manifests: Vec<Value>,
}

/// What a build without an own search path has, as Docker's builds do.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Layout {
    pub(super) fn create(folder: &Path) -> anyhow::Result<Self> {
        let name = folder.file_name().context("a layout has a name")?;
        let unfinished = folder.with_file_name(format!(".{}", name.to_string_lossy()));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir_all(unfinished.join("blobs/sha256"))?;
        fs::write(
            unfinished.join("oci-layout"),
            json!({"imageLayoutVersion": "1.0.0"}).to_string(),
        )?;
        Ok(Self {
            folder: folder.to_owned(),
            unfinished,
            manifests: Vec::new(),
        })
    }

    /// Writes a blob; gives its descriptor.
    fn blob(&self, media_type: &str, bytes: &[u8]) -> anyhow::Result<Value> {
        let digest = sha256(bytes);
        fs::write(self.unfinished.join("blobs/sha256").join(&digest), bytes)?;
        Ok(json!({
            "mediaType": media_type,
            "digest": format!("sha256:{digest}"),
            "size": bytes.len(),
        }))
    }

    fn document(&self, media_type: &str, value: &Value) -> anyhow::Result<Value> {
        self.blob(media_type, value.to_string().as_bytes())
    }

    /// Writes the image of one architecture; gives its descriptor.
    pub(super) fn image(
        &self,
        arch: &str,
        about: &Description<'_>,
        layers: &[Layer],
    ) -> anyhow::Result<Value> {
        let mut blobs = Vec::new();
        let mut digests = Vec::new();
        let mut history = Vec::new();
        for layer in layers {
            blobs.push(self.blob(LAYER, &gzip(&layer.tar)?)?);
            digests.push(format!("sha256:{}", sha256(&layer.tar)));
            history.push(json!({
                "created": date(layer.time)?,
                "created_by": layer.created_by,
            }));
        }
        let settings = about.settings;
        let ports = settings.ports.iter();
        let ports: serde_json::Map<_, _> = ports
            .map(|port| (format!("{port}/tcp"), json!({})))
            .collect();
        let labels: serde_json::Map<_, _> = settings
            .labels
            .iter()
            .chain(&about.labels)
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let mut config = json!({
            "User": settings.user,
            "ExposedPorts": ports,
            "Env": [PATH],
            "Entrypoint": settings.entrypoint,
            "Labels": labels,
        });
        if !settings.workdir.is_empty() {
            config["WorkingDir"] = json!(settings.workdir);
        }
        let config = self.document(
            CONFIG,
            &json!({
                "created": date(about.time)?,
                "architecture": arch,
                "os": "linux",
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": digests},
                "history": history,
            }),
        )?;
        let annotations: serde_json::Map<_, _> = about
            .labels
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let mut descriptor = self.document(
            MANIFEST,
            &json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config,
                "layers": blobs,
                "annotations": annotations,
            }),
        )?;
        descriptor["platform"] = json!({"architecture": arch, "os": "linux"});
        Ok(descriptor)
    }

    /// Attaches a bill of materials to an image, by a manifest that refers to it.
    pub(super) fn attach(&mut self, image: &Value, sbom: &[u8], time: u64) -> anyhow::Result<()> {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": SBOM,
            "config": self.blob(EMPTY, b"{}")?,
            "layers": [self.blob(SBOM, sbom)?],
            "subject": {
                "mediaType": image["mediaType"],
                "digest": image["digest"],
                "size": image["size"],
            },
            "annotations": {"org.opencontainers.image.created": date(time)?},
        });
        let mut descriptor = self.document(MANIFEST, &manifest)?;
        descriptor["artifactType"] = json!(SBOM);
        self.manifests.push(descriptor);
        Ok(())
    }

    /// Writes the index of all architectures, and puts the layout in its place; gives its digest.
    pub(super) fn finish(mut self, name: &str, images: &[Value]) -> anyhow::Result<String> {
        ensure!(!images.is_empty(), "{name} has no architecture");
        let mut index = self.document(
            INDEX,
            &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}),
        )?;
        let digest = index["digest"].as_str().context("a descriptor has one")?;
        let digest = digest.to_owned();
        index["annotations"] = json!({REF_NAME: name});
        self.manifests.insert(0, index);
        let all = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests});
        fs::write(self.unfinished.join("index.json"), all.to_string())?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::rename(&self.unfinished, &self.folder)?;
        Ok(digest)
    }
}

/// In the form of RFC 3339.
pub(super) fn date(seconds: u64) -> anyhow::Result<String> {
    Ok(jiff::Timestamp::from_second(seconds.try_into()?)?.to_string())
}
