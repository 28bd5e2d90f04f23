//! Texts of which little is required.

use std::net::{IpAddr, Ipv4Addr};

#[cfg(test)]
use super::Examples;
use super::{Kind, Parsed};
use crate::language::Language::{self, Chinese, English};
use crate::language::Text;

/// Any text. One that is empty, as an empty flag `--x ""` is, counts as none.
pub(crate) struct AnyText;

impl Kind for AnyText {
    type Value = Option<String>;

    fn parse(&self, text: &str) -> Parsed<Option<String>> {
        Parsed::Value(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "any text".to_owned(),
            Chinese => "任意文本".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "TEXT"
    }

    fn when_bad(&self) -> Text {
        Text {
            en: "exit code 2 if it is not UTF-8",
            zh: "不是 UTF-8 时退出码 2",
        }
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["a", "b"], &[])
    }
}

/// An IP address.
pub(crate) struct Address;

impl Kind for Address {
    type Value = IpAddr;

    fn parse(&self, text: &str) -> Parsed<IpAddr> {
        let text = text.trim();
        if text == "localhost" {
            return Parsed::Value(Ipv4Addr::LOCALHOST.into());
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        Parsed::of(bare.parse().ok())
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "an IPv4 or IPv6 address, or localhost".to_owned(),
            Chinese => "IPv4 或 IPv6 地址，或 localhost".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "ADDRESS"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        let refused = ["", "example.org", "300.0.0.1", "0.0.0.0:9000"];
        Examples::new(["localhost", "[::1]"], &refused)
    }
}

/// A word that stands between two slashes of a URL.
pub(crate) struct UrlWord;

impl Kind for UrlWord {
    type Value = String;

    fn parse(&self, text: &str) -> Parsed<String> {
        let text = text.trim();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        // These two have a meaning of their own in a path.
        let is_word = !matches!(text, "" | "." | "..") && text.bytes().all(is_plain);
        Parsed::of(is_word.then(|| text.to_owned()))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a word of letters, digits and -._~".to_owned(),
            Chinese => "由字母、数字和 -._~ 组成的单词".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "WORD"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["iris", "a-b.c_1~"], &["", "..", "a/b", "a b", "ä", "a?b"])
    }
}

/// The path part of a URL.
pub(crate) struct UrlPath;

impl Kind for UrlPath {
    type Value = String;

    fn parse(&self, text: &str) -> Parsed<String> {
        let text = text.trim();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let is_path = text.starts_with('/') && text.bytes().all(is_plain);
        Parsed::of(is_path.then(|| text.to_owned()))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a path that starts with / (letters, digits and -._~/)".to_owned(),
            Chinese => "以 / 开头的路径（字母、数字和 -._~/）".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "/PATH"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["/", "/a-b/c"], &["", "metrics", "/a?b", "/a b", "/ä"])
    }
}
