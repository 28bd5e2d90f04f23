//! Images, tried: unpacked, started as Kubernetes would, called, and ended.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::arch;
use super::container::{Container, Setup, Writable};
use super::unpack::Stored;
use crate::dist::archive::{Entry, zip};
use crate::shell::say;

/// A component as users write them; the second number is of a package that is installed for it.
const COMPONENT: &str = "\
import numpy as np

try:
    from streeling_trial import FACTOR
except ImportError:
    FACTOR = 1


class Trial:
    def __init__(self, factor=1):
        self.factor = factor * FACTOR

    def predict(self, X, names, meta=None):
        return np.asarray(X).mean(axis=1, keepdims=True) * self.factor
";

/// What the s2i images of Seldon Core are started with, beside a service type.
const VARIABLES: [(&str, &str); 4] = [
    ("MODEL_NAME", "Trial"),
    ("SERVICE_TYPE", "MODEL"),
    (
        "PARAMETERS",
        r#"[{"name": "factor", "value": "2", "type": "INT"}]"#,
    ),
    ("GUNICORN_WORKERS", "2"),
];

const ROW: &str = r#"{"data": {"ndarray": [[1.0, 2.0]]}}"#;

/// Unpacks an image for this machine, and serves in it.
pub(crate) fn try_image(layout: &Path, name: &str) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir_in(layout.parent().context("a layout has a folder")?)?;
    let root = scratch.path().join("root");
    let config = Stored::open(layout)?.unpack(arch::own()?, &root)?;
    let image = Image {
        root: &root,
        config: &config,
    };
    let tried = match name {
        "python" => image.component().and_then(|()| image.built()),
        _ => image.builtin(),
    };
    tried.with_context(|| format!("image {name}"))?;
    say(format_args!("   {name}: unpacked, served, ended on TERM"));
    Ok(())
}

struct Image<'a> {
    root: &'a Path,
    config: &'a Value,
}

impl Image<'_> {
    /// A component in Rust that the program has.
    fn builtin(&self) -> anyhow::Result<()> {
        let mut words = self.entrypoint()?;
        words.push("rust:echo");
        self.serve(words, &[], &json!([[1.0, 2.0]]))
    }

    /// A component in Python, in a folder of the image.
    fn component(&self) -> anyhow::Result<()> {
        let sleep = vec!["/bin/sh", "-c", "/bin/sleep 0"];
        self.start(sleep, &[], Writable::Tmp)?.finish()?;
        let write = vec![
            "/bin/sh",
            "-c",
            "! true >/microservice/file && true >/tmp/file",
        ];
        self.start(write, &[], Writable::Tmp)?.finish()?;
        let file = self.root.join("microservice/Trial.py");
        fs::write(&file, COMPONENT)?;
        self.serve(self.entrypoint()?, &VARIABLES, &json!([[3.0]]))?;
        fs::remove_file(file)?;
        Ok(())
    }

    /// The same, put into the image as s2i does.
    fn built(&self) -> anyhow::Result<()> {
        let source = self.root.join("tmp/src");
        fs::create_dir_all(&source)?;
        fs::write(source.join("Trial.py"), COMPONENT)?;
        fs::write(source.join("requirements.txt"), "streeling-trial==1.0\n")?;
        let wheels = self.root.join("whl");
        fs::create_dir_all(&wheels)?;
        fs::write(
            wheels.join("streeling_trial-1.0-py3-none-any.whl"),
            wheel()?,
        )?;

        let scripts = self.config["Labels"]["io.openshift.s2i.scripts-url"].as_str();
        let scripts = scripts.and_then(|url| url.strip_prefix("image://"));
        let scripts = scripts.context("the image does not say where its scripts for s2i are")?;
        let assemble = format!("{scripts}/assemble");
        let mut words = self.entrypoint()?;
        words.push(&assemble);
        let log = self
            .start(words, &[("PIP_NO_INDEX", "1")], Writable::All)?
            .finish()?;
        ensure!(
            log.contains("Successfully installed streeling-trial-1.0"),
            "assemble did not install the wheel:\n{log}"
        );
        let run = format!("{scripts}/run");
        let mut words = self.entrypoint()?;
        words.push(&run);
        self.serve(words, &VARIABLES, &json!([[30.0]]))
    }

    fn entrypoint(&self) -> anyhow::Result<Vec<&str>> {
        let words = self.config["Entrypoint"].as_array();
        let words = words.context("the image has no entry point")?;
        words
            .iter()
            .map(|word| word.as_str().context("a word must be a string"))
            .collect()
    }

    fn start(
        &self,
        words: Vec<&str>,
        environment: &[(&str, &str)],
        writable: Writable,
    ) -> anyhow::Result<Container> {
        Container::start(&Setup {
            root: self.root,
            config: self.config,
            words,
            environment,
            writable,
        })
    }

    /// Serves, gets the response to a row, ends.
    fn serve(
        &self,
        words: Vec<&str>,
        environment: &[(&str, &str)],
        expected: &Value,
    ) -> anyhow::Result<()> {
        let mut container = self.start(words, environment, Writable::Tmp)?;
        let response = container.post("/predict", ROW)?;
        ensure!(
            response["data"]["ndarray"] == *expected,
            "{ROW} must give {expected}, and not {response}"
        );
        let took = container.terminate()?;
        say(format_args!(
            "   {expected} in response, ended {:.2} s after TERM",
            took.as_secs_f64()
        ));
        Ok(())
    }
}

/// A package of one number, as small as pip takes it.
fn wheel() -> anyhow::Result<Vec<u8>> {
    let info = "streeling_trial-1.0.dist-info";
    let files = [
        ("streeling_trial.py".to_owned(), "FACTOR = 10\n"),
        (
            format!("{info}/METADATA"),
            "Metadata-Version: 2.1\nName: streeling-trial\nVersion: 1.0\n",
        ),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    ];
    let mut record: String = files
        .iter()
        .map(|(path, _)| format!("{path},,\n"))
        .collect();
    record.push_str(&format!("{info}/RECORD,,\n"));
    let mut entries: Vec<Entry> = files
        .into_iter()
        .map(|(path, text)| Entry::file(path, text))
        .collect();
    entries.push(Entry::file(format!("{info}/RECORD"), record));
    zip(&entries, 1_700_000_000)
}
