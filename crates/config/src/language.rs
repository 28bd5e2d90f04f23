/// A language of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, which `--help` and every message are in, too.
    English,
    /// Chinese, which many users of Seldon Core read.
    Chinese,
}

/// A text in every language of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) en: &'static str,
    pub(crate) zh: &'static str,
}

impl Text {
    /// No text, in any language.
    pub(crate) const NONE: Self = Self { en: "", zh: "" };

    pub(crate) const fn get(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::Chinese => self.zh,
        }
    }
}
