//! Methods that do without the model.

use streeling_codec::oip::proto::{self, ModelName, ModelState, Server};
use streeling_core::{Error, ErrorKind, Result};

use super::model::Model;
use crate::protocol::Action;

pub(super) const SERVER_LIVE: &str = "server_live";
pub(super) const SERVER_READY: &str = "server_ready";
pub(super) const SERVER_METADATA: &str = "server_metadata";
pub(super) const MODEL_READY: &str = "model_ready";
pub(super) const INDEX: &str = "repository_index";
pub(super) const LOAD: &str = "repository_load";
pub(super) const UNLOAD: &str = "repository_unload";

pub(super) const NO_INFERENCE: &str = "no_inference";

/// Whether it is there for probes, which bring no token.
pub(super) fn is_probe(action: Action) -> bool {
    matches!(
        action,
        Action::Page(SERVER_LIVE | SERVER_READY | MODEL_READY)
    )
}

/// Appends what a method responds to a message.
pub(super) fn write(
    model: &Model,
    page: &str,
    message: &[u8],
    is_ready: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    match page {
        SERVER_LIVE => proto::encode_flag(true, out),
        SERVER_READY => proto::encode_flag(is_ready, out),
        MODEL_READY => {
            model.expect(proto::decode_model(message)?)?;
            proto::encode_flag(is_ready, out);
        }
        SERVER_METADATA => write_server(model, out),
        INDEX => {
            let is_ready_alone = proto::decode_index(message)?;
            if is_ready || !is_ready_alone {
                write_index(model, is_ready, out);
            }
        }
        LOAD => load(model, proto::decode_repository_model(message)?)?,
        UNLOAD => return Err(unload(model, proto::decode_repository_model(message)?)),
        _ => return Err(no_inference(model)),
    }
    Ok(())
}

fn write_server(model: &Model, out: &mut Vec<u8>) {
    let extensions: &[&str] = match &model.reload {
        Some(_) => &["parameters", "model_repository"],
        None => &["parameters"],
    };
    let server = Server {
        name: "streeling",
        version: env!("CARGO_PKG_VERSION"),
        extensions,
    };
    proto::encode_server(&server, out);
}

fn write_index(model: &Model, is_ready: bool, out: &mut Vec<u8>) {
    let (state, reason) = match is_ready {
        true => ("READY", ""),
        false => ("UNAVAILABLE", "it has not finished loading"),
    };
    let model = ModelName {
        name: &model.served.name,
        version: model.served.version.as_deref().unwrap_or_default(),
    };
    let state = ModelState {
        model,
        state,
        reason,
    };
    proto::encode_index(&[state], out);
}

fn load(model: &Model, name: &str) -> Result<()> {
    model.expect(any_version(name))?;
    let Some(reload) = &model.reload else {
        let info = "the model of this server cannot be loaded anew";
        return Err(Error::new(ErrorKind::NotImplemented, info));
    };
    reload();
    Ok(())
}

/// Why the model is not unloaded.
fn unload(model: &Model, name: &str) -> Error {
    model.expect(any_version(name)).err().unwrap_or_else(|| {
        let info = format!("{name:?} is the only model of this server and cannot be unloaded");
        Error::new(ErrorKind::NotImplemented, info)
    })
}

fn any_version(name: &str) -> ModelName<'_> {
    ModelName { name, version: "" }
}

/// Why inference is not implemented.
pub(super) fn no_inference(model: &Model) -> Error {
    let info = format!(
        "model {:?} has no method that inference calls: of several transforms none is \
         the one that is meant, and a combiner's requests are over REST alone",
        model.served.name
    );
    Error::new(ErrorKind::NotImplemented, info)
}
