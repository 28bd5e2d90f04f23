//! The names of an array's columns.

use std::borrow::Cow;
use std::fmt;

use crate::raw::RawJson;

/// The names of an array's columns.
///
/// The default ones become text only where they are written: an array of a whole image as one row
/// has 150,528 of them. Names are equal when they read the same, however they are kept.
#[derive(Clone)]
pub enum Names {
    /// The component does not say; the server gives default names where the array has columns.
    /// Reads as none.
    Unset,
    /// As a request or a component gave them; may be none at all.
    Given(Vec<String>),
    /// So many default names: `t:0`, `t:1` and so on.
    Numbered(usize),
    /// Anything but a list of strings, as JSON, which alone can say it.
    Json(RawJson),
}

impl Names {
    /// What stands before the number in a default name.
    pub const PREFIX: &'static str = "t:";

    /// No names.
    #[must_use]
    pub const fn new() -> Self {
        Self::Given(Vec::new())
    }

    /// How many names there are; none in what is no list of strings.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Unset | Self::Json(_) => 0,
            Self::Given(names) => names.len(),
            Self::Numbered(count) => *count,
        }
    }

    /// About how many bytes they take as JSON, to know whether they are large.
    #[must_use]
    pub fn size(&self) -> usize {
        // Quotes and a comma; what stands before a number, and the number.
        const ENTRY: usize = 3;
        const NUMBERED: usize = 12;
        match self {
            Self::Unset => 0,
            Self::Given(names) => names.iter().map(|name| name.len() + ENTRY).sum(),
            Self::Numbered(count) => count.saturating_mul(NUMBERED),
            Self::Json(json) => json.as_bytes().len(),
        }
    }

    /// Whether nothing is said, or that there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && !matches!(self, Self::Json(_))
    }

    /// The names in their order.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let (given, count) = match self {
            Self::Unset | Self::Json(_) => (&[][..], 0),
            Self::Given(names) => (&names[..], 0),
            Self::Numbered(count) => (&[][..], *count),
        };
        let given = given.iter().map(|name| Cow::Borrowed(name.as_str()));
        given.chain((0..count).map(|column| Cow::Owned(format!("{}{column}", Self::PREFIX))))
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(one), Self::Given(two)) => one == two,
            (Self::Numbered(one), Self::Numbered(two)) => one == two,
            (Self::Json(one), Self::Json(two)) => one == two,
            (Self::Json(_), _) | (_, Self::Json(_)) => false,
            _ => self.len() == other.len() && self.iter().eq(other.iter()),
        }
    }
}

impl Eq for Names {}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(json) => json.fmt(f),
            _ => f.debug_list().entries(self.iter()).finish(),
        }
    }
}

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        Self::Given(names)
    }
}

impl<S: Into<String>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::Given(names.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_equal_when_they_read_the_same() {
        let given: Names = ["t:0", "t:1"].into_iter().collect();
        assert_eq!(Names::Numbered(2), given);
        assert_eq!(given, Names::Numbered(2));
        assert_eq!(Names::Numbered(0), Names::default());
        assert_eq!(Names::Unset, Names::default());
        assert_ne!(Names::Numbered(3), given);
        assert_ne!(Names::Numbered(2), Names::Numbered(3));
        assert_ne!(given, ["t:0", "t:2"].into_iter().collect());
        assert_eq!(format!("{:?}", Names::Numbered(2)), r#"["t:0", "t:1"]"#);
    }

    #[test]
    fn what_is_no_list_of_strings_equals_itself_alone() {
        let json = |text: &'static str| Names::Json(RawJson::from_checked(text.into()));
        assert_eq!(json("[1]"), json("[1]"));
        assert_ne!(json("[1]"), json("[2]"));
        assert_ne!(json("null"), Names::Unset);
        assert!(!json("null").is_empty());
        assert_eq!((json("[1]").len(), json("[1]").iter().count()), (0, 0));
        assert_eq!(format!("{:?}", json("[1]")), "[1]");
    }

    #[test]
    fn default_names_count_from_zero() {
        let names = Names::Numbered(11);
        assert_eq!((names.len(), names.is_empty()), (11, false));
        assert_eq!(names.iter().last().as_deref(), Some("t:10"));
        assert_eq!(names.iter().count(), 11);
    }
}
