//! A small table that keeps its order.

use std::fmt;

use indexmap::{IndexMap, map};

/// A table that keeps the order in which its keys first came; a key that comes again keeps its
/// place and gets the new value, as in Python's `dict`.
///
/// Two tables are equal when they have the same entries, in whatever order. One that never had an
/// entry takes 8 bytes and no allocation: every message has several of them, and lists of short
/// messages would otherwise take many times their text.
#[derive(Clone)]
pub struct Table<T>(Option<Box<Entries<T>>>);

type Entries<T> = IndexMap<String, T>;

impl<T> Table<T> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.len())
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.0.as_ref()?.get(key)
    }

    /// The value of a key, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        self.0.as_mut()?.get_mut(key)
    }

    /// Sets the value of a key, and gives back the one that it had.
    pub fn insert(&mut self, key: String, value: T) -> Option<T> {
        self.entries().insert(key, value)
    }

    /// Takes a key and its value out.
    pub fn remove(&mut self, key: &str) -> Option<T> {
        self.0.as_mut()?.shift_remove(key)
    }

    /// The place of a key, whether it is taken or not.
    pub fn entry(&mut self, key: String) -> map::Entry<'_, String, T> {
        self.entries().entry(key)
    }

    /// The entries in their order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.as_deref().into_iter().flatten()
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in their order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    fn entries(&mut self) -> &mut Entries<T> {
        self.0.get_or_insert_default()
    }
}

/// The entries of a [`Table`], borrowed.
type Iter<'a, T> = std::iter::Flatten<std::option::IntoIter<&'a IndexMap<String, T>>>;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: PartialEq> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<T: Eq> Eq for Table<T> {}

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<T> Extend<(String, T)> for Table<T> {
    fn extend<I: IntoIterator<Item = (String, T)>>(&mut self, entries: I) {
        let mut entries = entries.into_iter().peekable();
        // Nothing is allocated for nothing.
        if entries.peek().is_some() {
            self.entries().extend(entries);
        }
    }
}

impl<T> FromIterator<(String, T)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        let mut table = Self::new();
        table.extend(entries);
        table
    }
}

impl<T> IntoIterator for Table<T> {
    type Item = (String, T);
    type IntoIter = std::iter::Flatten<std::option::IntoIter<Entries<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|entries| *entries).into_iter().flatten()
    }
}

impl<'a, T> IntoIterator for &'a Table<T> {
    type Item = (&'a String, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Metric};

    fn table(entries: &[(&str, i32)]) -> Table<i32> {
        let entries = entries.iter();
        entries
            .map(|&(key, value)| (key.to_owned(), value))
            .collect()
    }

    #[test]
    fn a_key_that_comes_again_keeps_its_place() {
        let mut found = table(&[("b", 1), ("a", 2), ("b", 3)]);
        assert_eq!(found.insert("a".to_owned(), 4), Some(2));
        found.extend(table(&[("c", 5)]));
        let entries: Vec<_> = found.clone().into_iter().collect();
        let expected = [("b", 3), ("a", 4), ("c", 5)].map(|(key, value)| (key.to_owned(), value));
        assert_eq!(entries, expected);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b", "a", "c"]);
        assert_eq!(found.values().sum::<i32>(), 12);
        assert_eq!((found.get("a"), found.get("x")), (Some(&4), None));
        assert_eq!((found.remove("b"), found.remove("b")), (Some(3), None));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn order_does_not_count_but_entries_do() {
        let one = table(&[("a", 1), ("b", 2)]);
        assert_eq!(one, table(&[("b", 2), ("a", 1)]));
        assert_ne!(one, table(&[("a", 1)]));
        assert_ne!(one, table(&[("a", 1), ("b", 3)]));
        assert_ne!(one, table(&[("a", 1), ("c", 2)]));
        assert_eq!(format!("{one:?}"), r#"{"a": 1, "b": 2}"#);
    }

    #[test]
    fn empty_ones_are_small() {
        assert_eq!(size_of::<Option<Table<String>>>(), 8 + 8);
        assert!(table(&[]).0.is_none());
        assert!(size_of::<Message>() <= 256, "{}", size_of::<Message>());
        assert!(size_of::<Metric>() <= 64, "{}", size_of::<Metric>());
    }
}
