//! What the operator says of the unit.

use crate::key::Key;
use crate::names;
use crate::row::{DefaultValue, Flag, Group as G, Row, Status, row};
use crate::value::Kind;

use DefaultValue::Text;

pub(super) static ROWS: &[Row] = &[
    row(
        Key::PayloadPassthrough,
        (
            Flag::None,
            &[names::PAYLOAD_PASSTHROUGH],
            Text("false"),
            Kind::LenientBool,
        ),
        G::Component,
        Status::Active,
        "Do not decode the payload of predictions over REST",
        "predict_raw, or else predict, gets the bytes of the body, whatever its content type, and \
         the bytes or text that it returns go out as they are, as application/json.",
    ),
    row(
        Key::UnitId,
        (
            Flag::None,
            &[names::UNIT_ID],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Identity,
        Status::Active,
        "Name of this unit in the inference graph",
        "",
    ),
    row(
        Key::UnitImage,
        (
            Flag::None,
            &[names::UNIT_IMAGE],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Identity,
        Status::Active,
        "Container image of this unit",
        "",
    ),
    row(
        Key::PredictorId,
        (
            Flag::None,
            &[names::PREDICTOR_ID],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Identity,
        Status::Active,
        "Name of the predictor that this unit belongs to",
        "",
    ),
    row(
        Key::PredictorLabels,
        (
            Flag::None,
            &[names::PREDICTOR_LABELS],
            Text("{}"),
            Kind::Labels,
        ),
        G::Identity,
        Status::Active,
        "Labels of the predictor, as JSON",
        "",
    ),
    row(
        Key::DeploymentId,
        (
            Flag::None,
            &[names::DEPLOYMENT_ID],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Identity,
        Status::Active,
        "Name of the deployment",
        "",
    ),
    row(
        Key::ExecutorEnabled,
        (
            Flag::None,
            &[names::EXECUTOR_ENABLED],
            Text("false"),
            Kind::LenientBool,
        ),
        G::Identity,
        Status::Active,
        "Whether an orchestrator forwards the requests; the operator sets it",
        "",
    ),
    row(
        Key::ModelMetadata,
        (
            Flag::None,
            &[names::MODEL_METADATA],
            DefaultValue::None,
            Kind::Yaml,
        ),
        G::Identity,
        Status::Active,
        "YAML laid over the component's own metadata",
        "",
    ),
];
