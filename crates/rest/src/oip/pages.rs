//! What needs no call of the model: health, what the server is, the repository of its one model.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use streeling_codec::oip::Served;
use streeling_core::{Error, ErrorKind, RawJson, Result};

use super::status::failure;
use crate::protocol::Params;
use crate::reply::{Reply, json};

pub(super) const LIVE: &str = "live";
pub(super) const READY: &str = "ready";
pub(super) const MODEL_READY: &str = "model ready";
pub(super) const V1_READY: &str = "V1 model ready";
pub(super) const V1_MODELS: &str = "V1 models";
pub(super) const SERVER: &str = "server";
pub(super) const INDEX: &str = "index";
pub(super) const LOAD: &str = "load";
pub(super) const UNLOAD: &str = "unload";
pub(super) const NO_INFERENCE: &str = "no inference";

/// Loads the model anew.
pub type Reload = Arc<dyn Fn() + Send + Sync>;

/// What the pages are about.
#[derive(Clone)]
pub(super) struct Pages {
    pub(super) served: Served,
    pub(super) reload: Option<Reload>,
}

impl Pages {
    /// What a page responds.
    pub(super) fn reply(&self, page: &str, params: &Params, is_ready: bool) -> Reply {
        let response = self.response(page, params, is_ready);
        response.unwrap_or_else(|error| failure(&error))
    }

    fn response(&self, page: &str, params: &Params, is_ready: bool) -> Result<Reply> {
        self.known(params)?;
        let name = &self.served.name;
        let (status, body) = match page {
            LIVE => (StatusCode::OK, serde_json::json!({"live": true})),
            READY => (available(is_ready), serde_json::json!({"ready": is_ready})),
            MODEL_READY => (
                available(is_ready),
                serde_json::json!({"name": name, "ready": is_ready}),
            ),
            // There are no words for a model that is not ready but the error.
            V1_READY if !is_ready => return Err(Error::not_ready()),
            V1_READY => (
                StatusCode::OK,
                serde_json::json!({"name": name, "ready": true}),
            ),
            V1_MODELS => (StatusCode::OK, serde_json::json!({"models": [name]})),
            INDEX => (StatusCode::OK, self.index(is_ready)),
            LOAD => (StatusCode::OK, self.load()?),
            UNLOAD => {
                return Err(Error::new(
                    ErrorKind::NotImplemented,
                    format!("{name:?} is the only model of this server and cannot be unloaded"),
                ));
            }
            NO_INFERENCE => return Err(self.no_inference()),
            _ => (StatusCode::OK, self.about()),
        };
        Ok(json(status, Bytes::from(body.to_string())))
    }

    /// Checks that a path is about the one model, and its version.
    fn known(&self, params: &Params) -> Result<()> {
        let name = &self.served.name;
        match params.get("model") {
            Some(model) if model != name => Err(Error::new(
                ErrorKind::UnknownModel,
                format!("no model {model:?} is served here, only {name:?}"),
            )),
            _ => self.known_version(params),
        }
    }

    /// Checks the version in a path.
    pub(super) fn known_version(&self, params: &Params) -> Result<()> {
        let Some(version) = params.get("version") else {
            return Ok(());
        };
        let name = &self.served.name;
        let there = match &self.served.version {
            Some(known) if known == version => return Ok(()),
            Some(known) => format!("only {known:?}"),
            None => "it has none".to_owned(),
        };
        Err(Error::new(
            ErrorKind::UnknownModel,
            format!("no version {version:?} of model {name:?} is served here, {there}"),
        ))
    }

    fn about(&self) -> serde_json::Value {
        let mut extensions = vec!["binary_tensor_data", "parameters"];
        if self.reload.is_some() {
            extensions.push("model_repository");
        }
        serde_json::json!({
            "name": "streeling",
            "version": env!("CARGO_PKG_VERSION"),
            "extensions": extensions,
        })
    }

    fn index(&self, is_ready: bool) -> serde_json::Value {
        let version = self.served.version.as_deref().unwrap_or_default();
        let (state, reason) = if is_ready {
            ("READY", "")
        } else {
            ("UNAVAILABLE", "it has not finished loading")
        };
        serde_json::json!([{
            "name": self.served.name,
            "version": version,
            "state": state,
            "reason": reason,
        }])
    }

    fn load(&self) -> Result<serde_json::Value> {
        let Some(reload) = &self.reload else {
            return Err(Error::new(
                ErrorKind::NotImplemented,
                "the model of this server cannot be loaded anew",
            ));
        };
        reload();
        Ok(serde_json::json!({"name": self.served.name, "load": true}))
    }

    fn no_inference(&self) -> Error {
        Error::new(
            ErrorKind::NotImplemented,
            format!(
                "model {:?} has no method that inference calls: a router has /route, a combiner \
                 /aggregate, and of several transforms none is the one meant",
                self.served.name
            ),
        )
    }

    /// What a model is, from what the component says about itself.
    pub(super) fn metadata(&self, metadata: &RawJson) -> Vec<u8> {
        let said = serde_json::from_slice(metadata.as_bytes());
        let said: serde_json::Value = said.unwrap_or_default();
        let list = |field: &str| said[field].as_array().cloned();
        let own = self
            .served
            .version
            .iter()
            .map(|version| version.as_str().into());
        // Seldon's default is one empty text, which is no version.
        let named = list("versions").map(|mut versions| {
            versions.retain(|version| version != "");
            versions
        });
        let versions = named.filter(|versions| !versions.is_empty());
        serde_json::json!({
            "name": self.served.name,
            "versions": versions.unwrap_or_else(|| own.collect()),
            "platform": said["platform"].as_str().unwrap_or_default(),
            "inputs": tensors(list("inputs")),
            "outputs": tensors(list("outputs")),
        })
        .to_string()
        .into_bytes()
    }
}

/// Those that are described as the protocol demands it: Seldon has another form, too.
fn tensors(described: Option<Vec<serde_json::Value>>) -> Vec<serde_json::Value> {
    let mut tensors = described.unwrap_or_default();
    tensors.retain(|one| {
        one["name"].is_string() && one["datatype"].is_string() && one["shape"].is_array()
    });
    tensors
}

fn available(is_ready: bool) -> StatusCode {
    if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
