//! Finds the route of a path.

use std::borrow::Cow;
use std::sync::Arc;

use crate::protocol::{Params, Protocol, Route};

/// All routes of all protocols.
#[derive(Debug)]
pub(crate) struct Router {
    protocols: Vec<Arc<dyn Protocol>>,
    /// Those without open parts, the busiest first; with the index of the protocol.
    fixed: Vec<(usize, &'static Route)>,
    /// Those with `{name}` segments.
    open: Vec<(usize, &'static Route)>,
}

/// What lies at a path.
pub(crate) struct Match<'a> {
    pub(crate) protocol: &'a Arc<dyn Protocol>,
    pub(crate) route: &'static Route,
    pub(crate) params: Params,
}

impl Router {
    /// At least one protocol; the first one speaks where no route is found and no other claims the
    /// path.
    pub(crate) fn new(protocols: Vec<Arc<dyn Protocol>>) -> Self {
        let all = protocols.iter().enumerate().flat_map(|(index, protocol)| {
            protocol.routes().iter().map(move |route| (index, route))
        });
        let (open, fixed) = all.partition(|(_, route)| route.path.contains('{'));
        Self {
            protocols,
            fixed,
            open,
        }
    }

    /// The protocol that responds where there is no route.
    pub(crate) fn fallback(&self, path: &str) -> &Arc<dyn Protocol> {
        let owner = self.protocols.iter().find(|protocol| protocol.owns(path));
        owner.unwrap_or(&self.protocols[0])
    }

    /// The route of a path. Letters may be percent-encoded and slashes doubled; a slash at the end
    /// makes another path.
    pub(crate) fn find(&self, path: &str) -> Option<Match<'_>> {
        if let Some(found) = self.fixed(path) {
            return Some(found);
        }
        let plain = plain(path);
        if *plain != *path
            && let Some(found) = self.fixed(&plain)
        {
            return Some(found);
        }
        self.open.iter().find_map(|(protocol, route)| {
            Some(Match {
                protocol: &self.protocols[*protocol],
                route,
                params: captured(route.path, &plain)?,
            })
        })
    }

    fn fixed(&self, path: &str) -> Option<Match<'_>> {
        let (protocol, route) = self.fixed.iter().find(|(_, route)| route.path == path)?;
        Some(Match {
            protocol: &self.protocols[*protocol],
            route,
            params: Params::default(),
        })
    }
}

/// The open parts of a path, if the rest of it is the pattern's.
fn captured(pattern: &'static str, path: &str) -> Option<Params> {
    let mut params = Vec::new();
    let mut parts = path.split('/');
    for expected in pattern.split('/') {
        let part = parts.next()?;
        match expected
            .strip_prefix('{')
            .and_then(|name| name.split_once('}'))
        {
            // What follows the bracket stands behind the text: `{model}:predict`.
            Some((name, end)) => {
                let text = part.strip_suffix(end).filter(|text| !text.is_empty())?;
                params.push((name, text.to_owned()));
            }
            None if part == expected => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(Params(params))
}

/// The path without percent-encoding and double slashes. What is not UTF-8 then becomes something
/// that no route has.
fn plain(path: &str) -> Cow<'_, str> {
    if !path.contains('%') && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut rest = path.as_bytes();
    let mut plain = Vec::with_capacity(rest.len());
    while let [first, tail @ ..] = rest {
        rest = tail;
        let mut byte = *first;
        if let (b'%', Some(escaped)) = (byte, rest.get(..2).and_then(hexadecimal)) {
            byte = escaped;
            rest = &rest[2..];
        }
        if byte != b'/' || plain.last() != Some(&b'/') {
            plain.push(byte);
        }
    }
    String::from_utf8_lossy(&plain).into_owned().into()
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seldon::Seldon;

    fn router() -> Router {
        Router::new(vec![Arc::new(Seldon::default())])
    }

    #[test]
    fn paths_may_be_written_in_other_ways() {
        let router = router();
        for path in ["//predict", "/%70redict", "%2Fpredic%74", "///predict"] {
            assert_eq!(router.find(path).unwrap().route.path, "/predict", "{path}");
        }
        for path in [
            "",
            "/",
            "/predict/",
            "/predict%2F",
            "/Predict",
            "/%7",
            "/predict%",
            "/%zzredict",
            "predict",
        ] {
            assert!(router.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn open_parts_are_captured() {
        let model = |pattern, path| {
            let params = captured(pattern, path)?;
            Some(params.get("model").unwrap().to_owned())
        };
        let infer = "/v2/models/{model}/infer";
        assert_eq!(model(infer, "/v2/models/a b/infer").as_deref(), Some("a b"));
        for path in [
            "/v2/models//infer",
            "/v2/models/a",
            "/v2/models/a/infer/",
            "/v2/models/a/b",
        ] {
            assert_eq!(model(infer, path), None, "{path}");
        }
        let predict = "/v1/models/{model}:predict";
        assert_eq!(
            model(predict, "/v1/models/a:b:predict").as_deref(),
            Some("a:b")
        );
        assert_eq!(model(predict, "/v1/models/:predict"), None);
        let two = captured("/m/{model}/versions/{version}", "/m/x/versions/7").unwrap();
        assert_eq!(
            (two.get("model"), two.get("version")),
            (Some("x"), Some("7"))
        );
        assert_eq!(two.get("other"), None);
    }
}
