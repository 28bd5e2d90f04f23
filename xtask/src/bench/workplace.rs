//! The folder that servers run in.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::models::MODELS;

/// Models, logs and what is sent to the servers.
pub(super) struct Workplace(TempDir);

impl Workplace {
    /// A new one with all models and with what makes other servers serve them.
    pub(super) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        for model in MODELS {
            write(&format!("{}.py", model.name), model.source)?;
        }
        write("mosec_app.py", include_str!("adapters/mosec_app.py"))?;
        write("litserve_app.py", include_str!("adapters/litserve_app.py"))?;
        write("mlserver_app.py", include_str!("adapters/mlserver_app.py"))?;
        write(
            "model-settings.json",
            r#"{"name": "bench", "implementation": "mlserver_app.Component"}"#,
        )?;
        Ok(Self(folder))
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }
}
