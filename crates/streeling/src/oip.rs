//! The Open Inference Protocol beside Seldon's, on the same ports.

use std::sync::Arc;

use streeling_config::{ServiceType, Settings};
use streeling_core::Method;

/// Loads the component again, sooner or later.
pub(crate) type Reload = Arc<dyn Fn() + Send + Sync>;

/// What the protocol is over REST.
#[cfg(feature = "rest")]
pub(crate) fn rest(settings: &Settings, reload: &Reload) -> streeling_rest::oip::Oip {
    use streeling_rest::oip::{Oip, Served};

    let served = Served {
        name: settings.identity.model.clone(),
        version: settings.identity.version.clone(),
    };
    Oip::new(served, infer(settings))
        .with_max_depth(settings.limits.json_depth)
        .with_reload(Arc::clone(reload))
}

/// What the protocol is over gRPC.
#[cfg(feature = "grpc")]
pub(crate) fn grpc(settings: &Settings, reload: &Reload) -> streeling_grpc::oip::Oip {
    use streeling_grpc::oip::{Oip, Served};

    let served = Served {
        name: settings.identity.model.clone(),
        version: settings.identity.version.clone(),
    };
    Oip::new(served, infer(settings)).with_reload(Arc::clone(reload))
}

/// Says it once where requests of inference have no method to call: those are two, and the protocol
/// does not say which one is meant.
#[cfg(feature = "python")]
pub(crate) fn warn_of(methods: &[String], settings: &Settings) {
    let has = |method: Method| methods.iter().any(|name| name == method.name());
    let has_both = has(Method::TransformInput) && has(Method::TransformOutput);
    if has_both && !(has(Method::Predict) && infer(settings) == Method::Predict) {
        tracing::warn!(
            "the class defines transform_input and transform_output: /v2/models/{}/infer cannot be \
             for both, and is refused; Seldon's routes call each",
            settings.identity.model
        );
    }
}

/// What a request of inference calls; the workers know better where a class does not define it.
fn infer(settings: &Settings) -> Method {
    match settings.component.service_type {
        ServiceType::Transformer => Method::TransformInput,
        ServiceType::Model
        | ServiceType::Router
        | ServiceType::Combiner
        | ServiceType::OutlierDetector => Method::Predict,
    }
}
