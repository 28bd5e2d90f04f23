use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::error::{Warning, quoted};

/// Where Kubernetes mounts the pod's annotations, under the operator.
pub const PODINFO_ANNOTATIONS: &str = "/etc/podinfo/annotations";

pub(crate) const REST_TIMEOUT: &str = "seldon.io/rest-timeout";
pub(crate) const GRPC_TIMEOUT: &str = "seldon.io/grpc-timeout";
pub(crate) const NO_ENGINE: &str = "seldon.io/no-engine";
pub(crate) const GRPC_MAX_MESSAGE_SIZE: &str = "seldon.io/grpc-max-message-size";

/// The pod's annotations, as the downward API writes them: a line `key="value"` for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    values: BTreeMap<String, String>,
    warnings: Vec<Warning>,
}

impl Annotations {
    /// Reads a file. One that is not there holds no annotations; one that cannot be read is a
    /// warning.
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => Self {
                values: BTreeMap::new(),
                warnings: vec![Warning(format!(
                    "annotations in {} are left out: {error}",
                    path.display()
                ))],
            },
        }
    }

    /// Reads the text of such a file. A line that cannot be read is a warning and is skipped.
    pub fn parse(text: &str) -> Self {
        let mut annotations = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let parts = line
                .split_once('=')
                .and_then(|(key, value)| Some((key, unquote(value)?)));
            match parts {
                Some((key, value)) if !key.is_empty() => {
                    annotations.values.insert(key.to_owned(), value);
                }
                Some(_) | None => annotations.warnings.push(Warning(format!(
                    "annotation line {} is skipped, allowed is key=\"value\"",
                    quoted(line)
                ))),
            }
        }
        annotations
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Undoes the quoting of Go's `%q`, which the downward API uses.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    // Bytes, because `\xNN` stands for one byte of what need not be UTF-8.
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        let decoded = match c {
            '"' => return None,
            '\\' => match rest.next()? {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                '"' => '"',
                '\\' => '\\',
                'x' => {
                    bytes.push(u8::try_from(hex(&mut rest, 2)?).ok()?);
                    continue;
                }
                'u' => char::from_u32(hex(&mut rest, 4)?)?,
                'U' => char::from_u32(hex(&mut rest, 8)?)?,
                _ => return None,
            },
            plain => plain,
        };
        bytes.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0_u32, |sum, _| {
        Some((sum << 4) | chars.next()?.to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_downward_api_writes_them() {
        let text = "seldon.io/rest-timeout=\"5000\"\n\n\
                    kubernetes.io/x=\"{\\\"a\\\":\\\"b=c\\\"}\\n\"\n\
                    u=\"\\u00fc\\U0001F600\\xc3\\xbc\\t\\\\\"\r\n";
        let annotations = Annotations::parse(text);
        assert_eq!(annotations.warnings(), []);
        assert_eq!(annotations.get(REST_TIMEOUT), Some("5000"));
        assert_eq!(
            annotations.get("kubernetes.io/x"),
            Some("{\"a\":\"b=c\"}\n")
        );
        assert_eq!(annotations.get("u"), Some("ü😀ü\t\\"));
        assert_eq!(annotations.get(GRPC_TIMEOUT), None);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_skipped_with_a_warning() {
        for line in [
            "no equals sign",
            "a=b",
            "a=\"",
            "a=\"b",
            "=\"b\"",
            "a=\"b\"c\"",
            "a=\"\\q\"",
            "a=\"\\u12\"",
            "a=\"\\ud800\"",
            "a=\"b\\\"",
        ] {
            let annotations = Annotations::parse(&format!("{line}\nk=\"v\"\n"));
            assert_eq!(annotations.get("k"), Some("v"), "{line}");
            assert_eq!(annotations.get("a"), None, "{line}");
            assert_eq!(annotations.warnings().len(), 1, "{line}");
            assert!(
                annotations.warnings()[0]
                    .to_string()
                    .contains(&quoted(line)),
                "{line}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_fine_and_an_unreadable_one_is_a_warning() {
        let missing = Annotations::read("/no/such/folder/annotations");
        assert_eq!(missing, Annotations::default());
        // A folder opens, but does not read.
        let folder = Annotations::read("/");
        assert_eq!(folder.warnings().len(), 1);
    }
}
