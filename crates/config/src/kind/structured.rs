//! Values with parts: JSON, YAML, the component's name.

use std::collections::BTreeMap;

#[cfg(test)]
use super::Examples;
use super::{Kind, Parsed};
use crate::interface::ComponentName;
use crate::language::Language::{self, Chinese, English};
use crate::language::Text;
use crate::parameters::Parameters;

/// A JSON list of typed parameters.
pub(crate) struct JsonParameters;

impl Kind for JsonParameters {
    type Value = Parameters;

    fn parse(&self, text: &str) -> Parsed<Parameters> {
        Parsed::why(Parameters::parse(text))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a JSON list of {\"name\",\"value\",\"type\"}, \
                type one of INT FLOAT DOUBLE STRING BOOL"
                .to_owned(),
            Chinese => "由 {\"name\",\"value\",\"type\"} 组成的 JSON 列表，\
                type 为 INT、FLOAT、DOUBLE、STRING、BOOL 之一"
                .to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "JSON"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(
            ["[]", r#"[{"name":"a","value":"1","type":"INT"}]"#],
            &[
                "",
                "{",
                "{}",
                "null",
                r#"[{"name":"a","value":"1","type":"int"}]"#,
            ],
        )
    }
}

/// A JSON object of texts.
pub(crate) struct Labels;

impl Kind for Labels {
    type Value = BTreeMap<String, String>;

    fn parse(&self, text: &str) -> Parsed<BTreeMap<String, String>> {
        Parsed::why(serde_json::from_str(text).map_err(|error| error.to_string()))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a JSON object whose values are texts".to_owned(),
            Chinese => "值均为字符串的 JSON 对象".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "JSON"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        let refused = ["", "x", "[]", "null", r#"{"a": 1}"#];
        Examples::new(["{}", r#"{"a": "b"}"#], &refused)
    }
}

/// A YAML mapping; kept as JSON.
pub(crate) struct Yaml;

impl Kind for Yaml {
    type Value = String;

    fn parse(&self, text: &str) -> Parsed<String> {
        match serde_yaml_ng::from_str::<serde_json::Value>(text) {
            Ok(mapping @ serde_json::Value::Object(_)) => Parsed::Value(mapping.to_string()),
            Ok(_) => Parsed::Bad(Some("it is not a mapping".to_owned())),
            // seldon-core serves all the same, so a manifest may hold such a text unnoticed.
            Err(_) => Parsed::Replaced("{}".to_owned(), "no metadata"),
        }
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a YAML mapping".to_owned(),
            Chinese => "YAML 映射".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "YAML"
    }

    fn when_bad(&self) -> Text {
        Text {
            en: "left out, with a warning, if it is not YAML; exit code 2 if it is no mapping",
            zh: "不是 YAML 时忽略，并输出警告；是 YAML 但不是映射时退出码 2",
        }
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["a: 1", "a: 2"], &["just text", "- a", "5"])
    }
}

/// A module and a class, or a component that is compiled in.
pub(crate) struct Interface;

impl Kind for Interface {
    type Value = ComponentName;

    fn parse(&self, text: &str) -> Parsed<ComponentName> {
        Parsed::why(ComponentName::parse(text.trim()))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a class's name, module and class with a dot between, or rust: and the \
                name of a component that is compiled in, or onnx: and the path of a file"
                .to_owned(),
            Chinese => "类名，或以点号连接的模块名和类名，或 rust: 加编译在内的组件名，\
                或 onnx: 加文件路径"
                .to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "NAME"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        let refused = [
            "", "a..b", "1a", "a/b.C", "a.b c", "rust:", "rust:a.b", "onnx:",
        ];
        Examples::new(["pkg.Iris", "rust:echo"], &refused)
    }
}
