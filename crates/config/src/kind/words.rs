//! Booleans, and words of a list.

#[cfg(test)]
use super::Examples;
use super::{Kind, Parsed};
use crate::language::Language::{self, Chinese, English};
use crate::language::Text;

const BOOLEANS: Text = Text {
    en: "1, true or t; 0, false, f or no",
    zh: "1、true 或 t；0、false、f 或 no",
};

/// A boolean of which unknown text is an error.
pub(crate) struct Bool;

impl Kind for Bool {
    type Value = bool;

    fn parse(&self, text: &str) -> Parsed<bool> {
        Parsed::of(boolean(text.trim()))
    }

    fn allowed(&self, language: Language) -> String {
        BOOLEANS.get(language).to_owned()
    }

    fn placeholder(&self) -> &'static str {
        "0|1"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["1", "0"], &["2", "yes", "x"])
    }
}

/// A boolean of which unknown text is false, with a warning, as seldon-core reads it.
pub(crate) struct LenientBool;

impl Kind for LenientBool {
    type Value = bool;

    fn parse(&self, text: &str) -> Parsed<bool> {
        match boolean(text.trim()) {
            Some(value) => Parsed::Value(value),
            None => Parsed::Replaced(false, "false"),
        }
    }

    fn allowed(&self, language: Language) -> String {
        BOOLEANS.get(language).to_owned()
    }

    fn placeholder(&self) -> &'static str {
        "0|1"
    }

    fn when_bad(&self) -> Text {
        Text {
            en: "false, with a warning",
            zh: "视为 false，并输出警告",
        }
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["1", "0"], &[])
    }
}

/// `None`: not a boolean.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" => Some(true),
        "" | "0" | "false" | "f" | "no" => Some(false),
        _ => None,
    }
}

/// An enum that is a word on the command line.
pub(crate) trait Word: Copy + Sync + 'static {
    /// Every word with what it means, in the order of the documentation.
    const WORDS: &'static [(&'static str, Self)];
}

/// Makes an enum of words, each of which is written once.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The word that users know it by.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::kind::Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];
        }
    };
}

pub(crate) use words;

/// One of the words of an enum.
pub(crate) struct Words<T: Word> {
    /// See [`Kind::placeholder`].
    pub(crate) placeholder: &'static str,
    /// Words that are taken as another one, with a warning.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    pub(crate) of: std::marker::PhantomData<T>,
}

impl<T: Word> Words<T> {
    /// The words, and no others.
    pub(crate) const ALL: Self = Self::with("WORD", &[]);

    /// The words, and aliases for some.
    pub(crate) const fn with(
        placeholder: &'static str,
        aliases: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            placeholder,
            aliases,
            of: std::marker::PhantomData,
        }
    }
}

fn meaning<T: Word>(word: &str) -> Option<T> {
    let mut words = T::WORDS.iter();
    words
        .find(|(known, _)| *known == word)
        .map(|(_, value)| *value)
}

impl<T: Word> Kind for Words<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Parsed<T> {
        let text = text.trim();
        let alias = self.aliases.iter().find(|(alias, _)| *alias == text);
        match alias.and_then(|(_, word)| Some((meaning(word)?, *word))) {
            Some((value, word)) => Parsed::Replaced(value, word),
            None => Parsed::of(meaning(text)),
        }
    }

    fn allowed(&self, language: Language) -> String {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        match language {
            English => format!("one of {}", words.join(" ")),
            Chinese => format!("{} 之一", words.join("、")),
        }
    }

    fn placeholder(&self) -> &'static str {
        self.placeholder
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        let (first, second) = (T::WORDS[0].0, T::WORDS[1].0);
        let (lower, upper) = (first.to_lowercase(), first.to_uppercase());
        let other_case = if lower == first { upper } else { lower };
        let longer = format!("{first}S");
        let mut refused = vec!["", &longer, "TRACE", "xml"];
        // A number has no case.
        if other_case != first {
            refused.push(&other_case);
        }
        Examples::new([first, second], &refused)
    }
}
