//! Components in Rust that come with the server: it serves them by name, without Python.
//!
//! [`component`] makes one. Each is also an example of how a component is written.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod echo;
mod mean_classifier;

use std::sync::Arc;

use streeling_core::{Service, service};

use crate::echo::Echo;
use crate::mean_classifier::MeanClassifier;

/// The components, in the order of the alphabet.
pub const NAMES: [&str; 2] = ["echo", "mean_classifier"];

/// Why there is no such component.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// None has this name.
    #[error("no component rust:{name} is compiled in, there are rust:{}", NAMES.join(", rust:"))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// It takes other parameters.
    #[error("--parameters (PREDICTIVE_UNIT_PARAMETERS) of rust:{name}: {source}")]
    Parameters {
        /// The component.
        name: String,
        /// What is wrong with them.
        source: serde_json::Error,
    },
}

/// The component of a name out of [`NAMES`]; `parameters` is a JSON object of its own parameters.
///
/// # Errors
///
/// [`BuiltinError`] when there is none of this name, or it takes other parameters.
pub fn component(name: &str, parameters: &str) -> Result<Arc<dyn Service>, BuiltinError> {
    let in_parameters = |source| BuiltinError::Parameters {
        name: name.to_owned(),
        source,
    };
    Ok(match name {
        "echo" => {
            let echo: Echo = serde_json::from_str(parameters).map_err(in_parameters)?;
            service(echo)
        }
        "mean_classifier" => {
            let mean: MeanClassifier = serde_json::from_str(parameters).map_err(in_parameters)?;
            service(mean)
        }
        _ => {
            let name = name.to_owned();
            return Err(BuiltinError::Unknown { name });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_one_of_a_component() {
        for name in NAMES {
            assert!(component(name, "{}").is_ok(), "{name}");
        }
        let error = component("iris", "{}").err().unwrap().to_string();
        let expected = "no component rust:iris is compiled in, there are rust:echo, \
                        rust:mean_classifier";
        assert_eq!(error, expected);
    }

    #[test]
    fn parameters_of_another_component_are_refused() {
        for (name, parameters, expected) in [
            ("echo", r#"{"threshold":1}"#, "unknown field `threshold`"),
            ("mean_classifier", r#"{"limit":1}"#, "unknown field `limit`"),
            ("mean_classifier", r#"{"intValue":-1}"#, "invalid value"),
            ("mean_classifier", r#"{"threshold":NaN}"#, "expected value"),
        ] {
            let error = component(name, parameters).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
