//! A file as a component.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use streeling_core::{
    Component, Context, Error, ErrorKind, Message, RawJson, Response, Result, Service, service,
};
use streeling_net::Offload;

use crate::error::OnnxError;
use crate::input::array;
use crate::model::Model;
use crate::output::payload;
use crate::pace::Pace;

/// The parameters of the component, all of which may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// The name of the output to respond with.
    output: Option<String>,
}

/// The component of a file; `parameters` is a JSON object of its own parameters: `output`, the name
/// of the output to respond with.
///
/// The file is read and compiled here, which takes up to some seconds for a large one.
///
/// # Errors
///
/// [`OnnxError`] when the file cannot be read or cannot be served, or there are other parameters.
pub fn component(
    file: &Path,
    parameters: &str,
) -> std::result::Result<Arc<dyn Service>, OnnxError> {
    let Parameters { output } =
        serde_json::from_str(parameters).map_err(|error| OnnxError::Parameters {
            file: file.to_owned(),
            why: error.to_string(),
        })?;
    let model = Model::load(file, output.as_deref())?;
    Ok(service(Onnx {
        metadata: metadata(file, &model),
        name: file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        compiled: Arc::new(Compiled {
            model,
            pace: Pace::default(),
        }),
        offload: Offload::new(),
    }))
}

struct Onnx {
    /// The file without its folder, which is no client's matter.
    name: String,
    compiled: Arc<Compiled>,
    offload: Offload,
    metadata: RawJson,
}

struct Compiled {
    model: Model,
    pace: Pace,
}

#[async_trait]
impl Component for Onnx {
    async fn predict(&self, _: &Context, input: Message) -> Result<Response> {
        let array = array(input).map_err(|found| {
            self.wrong(&format!(
                "it takes an array of numbers in data; this request has {found}"
            ))
        })?;
        let rows = array.shape().first().copied().unwrap_or(0);
        let compiled = Arc::clone(&self.compiled);
        // What is large, or takes long, goes to a thread of its own.
        let size = if compiled.pace.is_long(rows) {
            usize::MAX
        } else {
            array.data().len()
        };
        let run = move || {
            let Compiled { model, pace } = &*compiled;
            let started = Instant::now();
            let output = model.run(array)?;
            pace.record(rows, started.elapsed());
            payload(&output, model.output.classes.as_deref())
        };
        let ran = self.offload.run(size, run).await;
        ran.map(Response::from).map_err(|why| self.wrong(&why))
    }

    async fn metadata(&self) -> Result<RawJson> {
        Ok(self.metadata.clone())
    }
}

impl Onnx {
    fn wrong(&self, why: &str) -> Error {
        Error::new(ErrorKind::BadData, format!("onnx:{}: {why}", self.name))
    }
}

/// What `/metadata` says: the graph, its inputs and the output that is served.
fn metadata(file: &Path, model: &Model) -> RawJson {
    let (about, output) = (&model.about, &model.output);
    let stem = || {
        file.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let name = if about.graph.is_empty() {
        stem()
    } else {
        about.graph.clone()
    };
    let inputs: Vec<_> = model
        .inputs
        .iter()
        .map(|input| {
            let (name, kind) = (&input.name, input.kind.described());
            json!({"name": name, "datatype": kind, "shape": input.shape.described()})
        })
        .collect();
    let mut custom = serde_json::Map::new();
    let mut add = |key: &str, value: String| {
        if !value.is_empty() {
            custom.insert(key.to_owned(), value.into());
        }
    };
    add("producer", about.producer.clone());
    add("opsets", about.opsets.clone());
    add("outputs", about.outputs.join(", "));
    add(
        "class_names",
        output
            .classes
            .as_ref()
            .map_or_else(String::new, |names| names.join(", ")),
    );
    let text = json!({
        "name": name,
        "versions": [about.version.to_string()],
        "platform": "onnx",
        "inputs": inputs,
        "outputs": [{
            "name": output.name,
            "datatype": output.dtype,
            "shape": output.shape.described(),
        }],
        "custom": custom,
    });
    RawJson::from_checked(text.to_string().into())
}
