//! What the operator and the manifest say of the unit, by variables alone.

use std::collections::BTreeMap;

use crate::draft::Part;
use crate::kind::{AnyText, Labels, LenientBool, Yaml};
use crate::language::Text;
use crate::row::DefaultValue::{self, Typed};
use crate::row::{Flag, Group, Row, Status, To};

/// What a manifest says of the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Hand the component raw bytes, and send its bytes as they are.
    pub payload_passthrough: bool,
    /// Laid over the component's metadata: one JSON object, made of the YAML that was given.
    pub model_metadata: Option<String>,
}

impl Part for Deployment {
    fn blank() -> Self {
        Self {
            payload_passthrough: false,
            model_metadata: None,
        }
    }
}

/// What this unit is in its deployment. Everything is as the operator wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name of this unit in the graph.
    pub unit: Option<String>,
    /// Its container image, with its version.
    pub image: Option<String>,
    /// Name of the predictor.
    pub predictor: Option<String>,
    /// Labels of the predictor.
    pub labels: BTreeMap<String, String>,
    /// Name of the deployment.
    pub deployment: Option<String>,
    /// Whether an orchestrator forwards the requests.
    pub executor: bool,
}

impl Part for Identity {
    fn blank() -> Self {
        Self::default()
    }
}

pub(super) static ROWS: &[&Row] = &[
    &PAYLOAD_PASSTHROUGH,
    &UNIT_ID,
    &UNIT_IMAGE,
    &PREDICTOR_ID,
    &PREDICTOR_LABELS,
    &DEPLOYMENT_ID,
    &EXECUTOR_ENABLED,
    &MODEL_METADATA,
];

static PAYLOAD_PASSTHROUGH: Row = Row {
    flag: Flag::None,
    variables: &["PAYLOAD_PASSTHROUGH"],
    default: Typed("false"),
    value: &To(LenientBool, |deployment: &mut Deployment, on| {
        deployment.payload_passthrough = on;
    }),
    group: Group::Component,
    status: Status::Active,
    meaning: Text {
        en: "Do not decode the payload of predictions over REST",
        zh: "跳过对 REST 预测请求有效载荷的解码",
    },
    detail: Text {
        en: "predict_rest, else predict_raw, else predict, gets the bytes of the body, \
             whatever its content type, and the bytes or text that it returns go out as they \
             are, as application/json.",
        zh: "predict_rest（没有则 predict_raw，再没有则 predict）直接得到请求体的字节，\
             不论其内容类型；它返回的字节或文本以 application/json 原样发出。",
    },
};

static UNIT_ID: Row = Row {
    flag: Flag::None,
    variables: &["PREDICTIVE_UNIT_ID"],
    default: DefaultValue::None,
    value: &To(AnyText, |identity: &mut Identity, name| {
        identity.unit = name;
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Name of this unit in the inference graph",
        zh: "本单元在推理图中的名称",
    },
    detail: Text::NONE,
};

static UNIT_IMAGE: Row = Row {
    flag: Flag::None,
    variables: &["PREDICTIVE_UNIT_IMAGE"],
    default: DefaultValue::None,
    value: &To(AnyText, |identity: &mut Identity, image| {
        identity.image = image;
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Container image of this unit",
        zh: "本单元的容器镜像",
    },
    detail: Text::NONE,
};

static PREDICTOR_ID: Row = Row {
    flag: Flag::None,
    variables: &["PREDICTOR_ID"],
    default: DefaultValue::None,
    value: &To(AnyText, |identity: &mut Identity, name| {
        identity.predictor = name;
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Name of the predictor that this unit belongs to",
        zh: "本单元所属 predictor 的名称",
    },
    detail: Text::NONE,
};

static PREDICTOR_LABELS: Row = Row {
    flag: Flag::None,
    variables: &["PREDICTOR_LABELS"],
    default: Typed("{}"),
    value: &To(Labels, |identity: &mut Identity, labels| {
        identity.labels = labels;
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Labels of the predictor, as JSON",
        zh: "predictor 的标签（labels），JSON 格式",
    },
    detail: Text::NONE,
};

static DEPLOYMENT_ID: Row = Row {
    flag: Flag::None,
    variables: &["SELDON_DEPLOYMENT_ID"],
    default: DefaultValue::None,
    value: &To(AnyText, |identity: &mut Identity, name| {
        identity.deployment = name;
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Name of the deployment",
        zh: "部署（SeldonDeployment）的名称",
    },
    detail: Text::NONE,
};

static EXECUTOR_ENABLED: Row = Row {
    flag: Flag::None,
    variables: &["SELDON_EXECUTOR_ENABLED"],
    default: Typed("false"),
    value: &To(LenientBool, |identity: &mut Identity, on| {
        identity.executor = on;
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Whether an orchestrator forwards the requests; the operator sets it",
        zh: "请求是否由服务编排器转发；由 Operator 设置",
    },
    detail: Text::NONE,
};

static MODEL_METADATA: Row = Row {
    flag: Flag::None,
    variables: &["MODEL_METADATA"],
    default: DefaultValue::None,
    value: &To(Yaml, |deployment: &mut Deployment, metadata| {
        deployment.model_metadata = Some(metadata);
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "YAML laid over the component's own metadata",
        zh: "覆盖组件自身元数据的 YAML",
    },
    detail: Text::NONE,
};
