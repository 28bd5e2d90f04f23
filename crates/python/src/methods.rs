//! Which methods a class defines.

use serde::Deserialize;
use streeling_core::{Encoding, Method};

/// The methods that a class defines, plain and for raw messages, a bit for each.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(from = "Vec<String>")]
pub(crate) struct Methods(u32);

impl Methods {
    /// `custom_service`, above the bits of the methods.
    const SERVICE: u32 = 1 << (Method::ALL.len() * 3);

    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// 22 bits from the lowest on.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn has(self, method: Method) -> bool {
        self.0 & Self::plain(method) != 0
    }

    /// Whether the class has a method for raw messages that come in this encoding.
    pub(crate) fn has_raw(self, method: Method, encoding: Encoding) -> bool {
        self.0 & Self::raw(method, encoding) != 0
    }

    /// Whether the class has a server of its own to run.
    pub(crate) fn has_service(self) -> bool {
        self.0 & Self::SERVICE != 0
    }

    fn plain(method: Method) -> u32 {
        1 << (method.code() - 1)
    }

    fn raw(method: Method, encoding: Encoding) -> u32 {
        Self::plain(method) << (Method::ALL.len() * (1 + encoding as usize))
    }
}

impl From<Vec<String>> for Methods {
    fn from(names: Vec<String>) -> Self {
        let is_defined = |name: &str| names.iter().any(|defined| defined == name);
        let mut bits = if is_defined("custom_service") {
            Self::SERVICE
        } else {
            0
        };
        for method in Method::ALL {
            let has = |suffix: &str| is_defined(&format!("{}{suffix}", method.name()));
            if has("") {
                bits |= Self::plain(method);
            }
            for encoding in [Encoding::Json, Encoding::Protobuf] {
                let takes_raw = has("_raw")
                    || match (method, encoding) {
                        (Method::HealthStatus, _) => false,
                        // Feedback comes as protobuf either way.
                        (Method::SendFeedback, _) => has("_rest") || has("_grpc"),
                        (_, Encoding::Json) => has("_rest"),
                        (_, Encoding::Protobuf) => has("_grpc"),
                    };
                if takes_raw {
                    bits |= Self::raw(method, encoding);
                }
            }
        }
        Self(bits)
    }
}
