//! What the operator and the manifest say of the unit, mostly by variables alone.

use std::collections::BTreeMap;

use crate::draft::Part;
use crate::kind::{AnyText, Labels, LenientBool, UrlWord, Yaml};
use crate::language::Text;
use crate::row::DefaultValue::{self, Derived, Typed};
use crate::row::{Flag, Group, Row, Status, To};
use crate::settings::component::Component;

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
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub version: Option<String>,
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
    &MODEL_NAME,
    &MODEL_VERSION,
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

static MODEL_NAME: Row = Row {
    flag: Flag::Value("model-name"),
    variables: &["STREELING_MODEL_NAME", "MLSERVER_MODEL_NAME"],
    default: Derived(
        Text {
            en: "PREDICTIVE_UNIT_ID, else the name of the class",
            zh: "PREDICTIVE_UNIT_ID，没有则取类名",
        },
        |draft, _| {
            let class = draft.part::<Component>().interface.name().to_owned();
            let identity = draft.part::<Identity>();
            identity.model = identity.unit.clone().unwrap_or(class);
        },
    ),
    value: &To(UrlWord, |identity: &mut Identity, name| {
        identity.model = name;
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Name of the model in the Open Inference Protocol",
        zh: "Open Inference Protocol（V2）中模型的名称",
    },
    detail: Text {
        en: "It stands in paths, as in /v2/models/iris/infer. KServe and Seldon's operator set \
             the second variable.",
        zh: "它出现在路径中，例如 /v2/models/iris/infer。第二个变量由 KServe 和 Seldon 的 \
             Operator 设置。",
    },
};

static MODEL_VERSION: Row = Row {
    flag: Flag::Value("model-version"),
    variables: &["STREELING_MODEL_VERSION", "MLSERVER_MODEL_VERSION"],
    default: DefaultValue::None,
    value: &To(UrlWord, |identity: &mut Identity, version| {
        identity.version = Some(version);
    }),
    group: Group::Identity,
    status: Status::Active,
    meaning: Text {
        en: "Version of the model in the Open Inference Protocol",
        zh: "Open Inference Protocol（V2）中模型的版本",
    },
    detail: Text {
        en: "With one, requests may name it, as in /v2/models/iris/versions/v3/infer, and \
             responses do.",
        zh: "设置后，请求可以指明版本（例如 /v2/models/iris/versions/v3/infer），\
             响应中也会带上它。",
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
