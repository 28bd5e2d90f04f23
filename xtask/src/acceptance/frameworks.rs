//! Models of the frameworks that people serve: what the server responds is what the model says.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use streeling_proto::seldon::protos::{
    DefaultData, SeldonMessage, Tensor, default_data, model_client::ModelClient, seldon_message,
};
use streeling_testkit::{Request, Server};
use tonic::transport::Endpoint;

use super::server;
use crate::conformance;
use crate::shell::{output, root, say};
use crate::venv;

/// Classes in `tests/acceptance/frameworks`. Run as a program, a file trains its model in the
/// current folder and prints what it says to some rows.
const CLASSES: [&str; 5] = ["ScikitLearn", "XGBoost", "MLflow", "Onnx", "TensorFlow"];

/// Longer than a model takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Relative distance of two floats that are the same to a model of 32 bits.
const TOLERANCE: f64 = 1e-6;

/// Serves each model and compares.
pub(super) fn run() -> anyhow::Result<String> {
    let program = server::build()?;
    let python = venv::FRAMEWORKS.ensure()?;
    let mut seen = Vec::new();
    for class in CLASSES {
        let version = one(&program, &python, class).with_context(|| class.to_owned())?;
        say(format_args!("   {version}"));
        seen.push(version);
    }
    for first in ["seldon_core.proto.prediction_pb2", "tensorflow"] {
        messages(&python, first).with_context(|| format!("{first} first"))?;
    }
    tensors(&program, &python)?;
    Ok(seen.join(", "))
}

/// Whether our protobuf messages go together with TensorFlow's.
fn messages(python: &Path, first: &str) -> anyhow::Result<()> {
    let found = output(
        Command::new(python)
            .arg(root().join("tests/acceptance/frameworks/messages.py"))
            .arg(root().join("crates/python/python"))
            .arg(first),
    )?;
    say(format_args!("   {}", found.trim()));
    Ok(())
}

/// Compares every `tftensor` with what seldon-core did; some dtypes only TensorFlow has, so that
/// `cargo xtask test` leaves them out.
fn tensors(program: &Path, python: &Path) -> anyhow::Result<()> {
    let environment = python.ancestors().nth(2).context("it lies in bin/")?;
    let [program, environment] = [program, environment].map(|path| path.display().to_string());
    let compare = ["compare", "--server", &program, "--python", &environment];
    let arguments = [&compare[..], &["--only", "TensorProtos", "--strict"]].concat();
    conformance::run(&arguments.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

fn one(program: &Path, python: &Path, class: &str) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(class).with_extension("py");
    let source = root().join("tests/acceptance/frameworks").join(class);
    fs::copy(source.with_extension("py"), &file)?;
    let trained = output(Command::new(python).arg(&file).current_dir(folder.path()))?;
    let trained = trained.lines().last().context("it printed nothing")?;
    let trained: Value = serde_json::from_str(trained)?;
    let (rows, expected) = (array(&trained["rows"])?, array(&trained["responses"])?);
    ensure!(
        rows.len() > 1 && rows.len() == expected.len(),
        "as many responses as rows were expected: {trained}"
    );
    let server = server::command(program, python, folder.path(), class).start()?;
    let size = rows[0].len();
    let flat = rows.concat();
    let tensor = json!({"tensor": {"shape": [rows.len(), size], "values": flat}});
    for (form, data) in [("ndarray", json!({"ndarray": rows})), ("tensor", tensor)] {
        let found = over_rest(&server, form, &data)?;
        compare(&format!("REST, {form}"), &found, &expected.concat())?;
    }
    let found = over_grpc(server.grpc_address(), [rows.len(), size], flat)?;
    compare("gRPC, tensor", &found, &expected.concat())?;
    let version = trained["version"].as_str();
    Ok(version.context("it printed no version")?.to_owned())
}

fn array(value: &Value) -> anyhow::Result<Vec<Vec<f64>>> {
    serde_json::from_value(value.clone()).with_context(|| format!("no rows of numbers: {value}"))
}

fn over_rest(server: &Server, form: &str, data: &Value) -> anyhow::Result<Vec<f64>> {
    let body = json!({ "data": data }).to_string();
    let response = Request::json("/predict", body).send(server.address(), TIMEOUT)?;
    let text = String::from_utf8(response.body)?;
    ensure!(response.status == 200, "{}: {text}", response.status);
    let response: Value = serde_json::from_str(&text)?;
    let data = &response["data"];
    Ok(match form {
        "ndarray" => array(&data["ndarray"])?.concat(),
        _ => serde_json::from_value(data["tensor"]["values"].clone())?,
    })
}

fn over_grpc(server: SocketAddr, shape: [usize; 2], values: Vec<f64>) -> anyhow::Result<Vec<f64>> {
    let shape = shape
        .map(|size| i32::try_from(size).unwrap_or(i32::MAX))
        .to_vec();
    let message = SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::Data(DefaultData {
            names: Vec::new(),
            data_oneof: Some(default_data::DataOneof::Tensor(Tensor { shape, values })),
        })),
        ..SeldonMessage::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let response = runtime.block_on(async {
        let call = async {
            let channel = Endpoint::from_shared(format!("http://{server}"))?;
            let channel = channel.connect().await?;
            anyhow::Ok(ModelClient::new(channel).predict(message).await?)
        };
        tokio::time::timeout(TIMEOUT, call).await?
    })?;
    let response = response.into_inner();
    if let Some(seldon_message::DataOneof::Data(data)) = &response.data_oneof
        && let Some(default_data::DataOneof::Tensor(tensor)) = &data.data_oneof
    {
        return Ok(tensor.values.clone());
    }
    bail!("no tensor in {response:?}")
}

fn compare(what: &str, found: &[f64], expected: &[f64]) -> anyhow::Result<()> {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * b.abs().max(1e-3);
    ensure!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{what}: the model says {expected:?}, the server {found:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_and_another_count_are_found() {
        assert!(compare("", &[1.0, 2.0], &[1.0, 2.000_000_1]).is_ok());
        assert!(compare("", &[1.0, 2.0], &[1.0, 2.001]).is_err());
        assert!(compare("", &[1.0], &[1.0, 2.0]).is_err());
        assert!(compare("", &[f64::NAN], &[1.0]).is_err());
    }
}
