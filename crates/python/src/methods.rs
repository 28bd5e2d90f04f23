//! Which methods a class defines.

use serde::Deserialize;
use streeling_core::{Encoding, Method};

/// The methods that a class defines and workers are called for, plain and for raw messages, a bit
/// for each.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(from = "Vec<String>")]
pub(crate) struct Methods(u32);

impl Methods {
    /// `custom_service`, above the bits of the methods.
    const SERVICE: u32 = 1 << (Method::ALL.len() * 3);
    /// `tags` or `metrics`.
    const ANNOTATES: u32 = Self::SERVICE << 1;

    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// 26 bits from the lowest on.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn has(self, method: Method) -> bool {
        self.0 & Self::plain(method) != 0
    }

    /// Whether the class has a method for raw messages that come in this encoding.
    pub(crate) fn has_raw(self, method: Method, encoding: Encoding) -> bool {
        // Tensors have no message of their own.
        encoding != Encoding::Tensors && self.0 & Self::raw(method, encoding) != 0
    }

    /// Whether the class has a server of its own to run.
    pub(crate) fn has_service(self) -> bool {
        self.0 & Self::SERVICE != 0
    }

    /// Whether the class adds something to responses after the call.
    pub(crate) fn annotates(self) -> bool {
        self.0 & Self::ANNOTATES != 0
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
        let bit = |names: &[&str], bit| match names.iter().any(|name| is_defined(name)) {
            true => bit,
            false => 0,
        };
        let mut bits =
            bit(&["custom_service"], Self::SERVICE) | bit(&["tags", "metrics"], Self::ANNOTATES);
        // Metadata is found out at the load.
        let called = Method::ALL
            .into_iter()
            .filter(|&method| method != Method::Metadata);
        for method in called {
            let has = |suffix: &str| is_defined(&format!("{}{suffix}", method.name()));
            if has("") {
                bits |= Self::plain(method);
            }
            for encoding in [Encoding::Json, Encoding::Protobuf] {
                let takes_raw = has("_raw")
                    || match (method, encoding) {
                        (Method::HealthStatus | Method::Metadata, _) => false,
                        // Predictions alone choose by the transport.
                        (Method::Predict, Encoding::Json) => has("_rest"),
                        (Method::Predict, Encoding::Protobuf) => has("_grpc"),
                        _ => has("_rest") || has("_grpc"),
                    };
                if takes_raw {
                    bits |= Self::raw(method, encoding);
                }
            }
        }
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Protobuf];

    fn methods(names: &[&str]) -> Methods {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        names.into()
    }

    #[test]
    fn each_name_stands_for_itself_alone() {
        for defined in Method::ALL {
            let is_called = defined != Method::Metadata;
            let plain = methods(&[defined.name()]);
            let raw = methods(&[&format!("{}_raw", defined.name())]);
            for method in Method::ALL {
                let expected = method == defined && is_called;
                assert_eq!(plain.has(method), expected, "{defined:?} {method:?}");
                assert!(!raw.has(method), "{defined:?} {method:?}");
                for encoding in ENCODINGS {
                    let has_raw = raw.has_raw(method, encoding);
                    assert_eq!(has_raw, expected, "{defined:?} {method:?}");
                    assert!(!plain.has_raw(method, encoding), "{defined:?} {method:?}");
                }
            }
            assert!(!plain.has_service() && !raw.has_service());
        }
        let service = methods(&["custom_service"]);
        assert!(service.has_service());
        assert!(!service.annotates());
        for name in ["tags", "metrics"] {
            let annotates = methods(&[name]);
            assert!(annotates.annotates() && !annotates.has_service());
            assert!(!Method::ALL.into_iter().any(|method| annotates.has(method)));
        }
    }

    #[test]
    fn all_of_them_take_26_bits() {
        let names = Method::ALL.map(|method| format!("{}_raw", method.name()));
        let names = names
            .into_iter()
            .chain(["custom_service", "tags"].map(str::to_owned));
        let bits = Methods::from(names.collect::<Vec<_>>()).bits();
        assert_eq!(bits >> 26, 0, "{bits:b}");
        assert_eq!(Methods::from_bits(bits).bits(), bits);
    }

    #[test]
    fn raw_methods_of_one_encoding() {
        for (suffix, predict) in [("_rest", [true, false]), ("_grpc", [false, true])] {
            let names = Method::ALL.map(|method| format!("{}{suffix}", method.name()));
            let methods = Methods::from(names.to_vec());
            for method in Method::ALL {
                let has = ENCODINGS.map(|encoding| methods.has_raw(method, encoding));
                let expected = match method {
                    Method::Predict => predict,
                    Method::HealthStatus | Method::Metadata => [false, false],
                    _ => [true, true],
                };
                assert_eq!(has, expected, "{method:?}{suffix}");
            }
        }
    }
}
