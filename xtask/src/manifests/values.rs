//! The chart's values, judged by the chart's schema as `helm` does it. The library that judges is
//! Python's: a crate for it would be compiled in every clone for 20 seconds.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::shell::{output, root};
use crate::venv;

const CHART: &str = "deploy/helm/streeling";

/// Reads a schema and a list of documents; prints a list with the errors of each of them.
const JUDGE: &str = "
import json, sys
from jsonschema import Draft7Validator
schema, documents = (json.load(open(name, encoding='utf-8')) for name in sys.argv[1:])
Draft7Validator.check_schema(schema)
judge = Draft7Validator(schema)
say = lambda error: error.json_path + ': ' + error.message
print(json.dumps([[say(error) for error in judge.iter_errors(each)] for each in documents]))
";

/// What users may do to the values, as a path and what is set there, and whether it is taken.
fn changes() -> [(&'static str, Value, bool); 15] {
    [
        ("/server/grpcWorkers", json!(0), true),
        ("/server/grpcWorkers", json!("0"), false),
        ("/server/worker", json!(4), false),
        ("/networkPolice", json!({"enabled": false}), false),
        ("/image/tag", json!(0.1), false),
        ("/image/digest", json!("sha256:0123"), false),
        ("/fullnameOverride", json!("Iris"), false),
        ("/tmp/sizeLimit", json!("1 GB"), false),
        ("/podDisruptionBudget/maxUnavailable", json!("25%"), true),
        (
            "/podDisruptionBudget/maxUnavailable",
            json!("a quarter"),
            false,
        ),
        ("/tls/secretName", json!("iris-tls"), true),
        ("/tls/clientCertificates", json!("yes"), false),
        ("/authToken/key", json!("../token"), false),
        (
            "/env",
            json!([{"name": "GUNICORN_THREADS", "value": "5"}]),
            true,
        ),
        (
            "/env",
            json!([{"name": "GUNICORN_WORKERS", "value": "5"}]),
            false,
        ),
    ]
}

/// Checks the defaults and what becomes of changes; gives the number of sets of values.
pub(super) fn check() -> anyhow::Result<usize> {
    let text = fs::read_to_string(root().join(CHART).join("values.yaml"))?;
    let defaults: Value = serde_yaml_ng::from_str(&text).context("values.yaml")?;
    let changes = changes();
    let mut documents = vec![defaults.clone()];
    for (path, value, _) in &changes {
        documents.push(with(&defaults, path, value)?);
    }
    let judged = judge(&documents)?;
    let expected = [true]
        .into_iter()
        .chain(changes.iter().map(|change| change.2));
    for (index, (errors, taken)) in judged.iter().zip(expected).enumerate() {
        let what = match index.checked_sub(1) {
            None => "values.yaml".to_owned(),
            Some(index) => format!("{} = {}", changes[index].0, changes[index].1),
        };
        match (taken, errors.is_empty()) {
            (true, false) => bail!("{CHART}: {what} is refused: {}", errors.join("; ")),
            (false, true) => bail!("{CHART}: the schema takes {what}"),
            _ => {}
        }
    }
    Ok(documents.len())
}

/// The errors of each document.
fn judge(documents: &[Value]) -> anyhow::Result<Vec<Vec<String>>> {
    let mut file = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(&mut file, documents)?;
    file.flush()?;
    let schema = root().join(CHART).join("values.schema.json");
    let python = venv::SCHEMA.ensure()?;
    let text = output(
        Command::new(python)
            .args(["-c", JUDGE])
            .args([schema.as_path(), file.path()]),
    )?;
    let judged: Vec<Vec<String>> = serde_json::from_str(&text)?;
    if judged.len() != documents.len() {
        bail!(
            "{} of {} documents were judged",
            judged.len(),
            documents.len()
        );
    }
    Ok(judged)
}

/// The values with another one at a path of two or one keys.
fn with(values: &Value, path: &str, value: &Value) -> anyhow::Result<Value> {
    let mut values = values.clone();
    let (parent, key) = path.rsplit_once('/').context("a path starts with /")?;
    let parent = values.pointer_mut(parent).and_then(Value::as_object_mut);
    parent
        .with_context(|| format!("values.yaml has nothing at {path}"))?
        .insert(key.to_owned(), value.clone());
    Ok(values)
}
