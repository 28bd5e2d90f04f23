//! The Cargo features of this build.

use streeling_config::Features;

/// What the Cargo features put into this build.
pub const FEATURES: Features = Features {
    rest: cfg!(feature = "rest"),
    grpc: cfg!(feature = "grpc"),
    metrics: cfg!(feature = "metrics"),
    tls: cfg!(feature = "tls"),
    jaeger: cfg!(feature = "jaeger"),
    otlp: cfg!(feature = "otlp"),
    component: None,
};
