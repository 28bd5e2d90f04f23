//! A small table that keeps its order.

use std::{fmt, slice, vec};

use indexmap::{IndexMap, map};

/// A table that keeps the order in which its keys first came; a key that comes again keeps its
/// place and gets the new value, as in Python's `dict`.
///
/// Two tables are equal when they have the same entries, in whatever order. One that never had an
/// entry takes 8 bytes and no allocation: every message has several of them, and lists of short
/// messages would otherwise take many times their text.
#[derive(Clone)]
pub struct Table<T>(Option<Box<Entries<T>>>);

/// Most entries that are compared one by one: up to here that costs less than their hashes.
const FEW: usize = 8;

#[derive(Clone)]
enum Entries<T> {
    Few(Vec<(String, T)>),
    Many(IndexMap<String, T>),
}

impl<T> Table<T> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0.as_deref() {
            None => 0,
            Some(Entries::Few(list)) => list.len(),
            Some(Entries::Many(map)) => map.len(),
        }
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        match self.0.as_deref()? {
            Entries::Few(list) => list
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value),
            Entries::Many(map) => map.get(key),
        }
    }

    /// The value of a key, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        match self.0.as_deref_mut()? {
            Entries::Few(list) => find(list, key),
            Entries::Many(map) => map.get_mut(key),
        }
    }

    /// Sets the value of a key, and gives back the one that it had.
    pub fn insert(&mut self, key: String, value: T) -> Option<T> {
        let entries = self.0.get_or_insert_default();
        match &mut **entries {
            Entries::Few(list) => {
                if let Some(known) = find(list, &key) {
                    return Some(std::mem::replace(known, value));
                }
                if list.len() < FEW {
                    list.push((key, value));
                } else {
                    let mut map: IndexMap<_, _> = list.drain(..).collect();
                    map.insert(key, value);
                    **entries = Entries::Many(map);
                }
                None
            }
            Entries::Many(map) => map.insert(key, value),
        }
    }

    /// Takes a key and its value out.
    pub fn remove(&mut self, key: &str) -> Option<T> {
        match self.0.as_deref_mut()? {
            Entries::Few(list) => {
                let place = list.iter().position(|(known, _)| known == key)?;
                Some(list.remove(place).1)
            }
            Entries::Many(map) => map.shift_remove(key),
        }
    }

    /// The entries in their order.
    pub fn iter(&self) -> Iter<'_, T> {
        match self.0.as_deref() {
            None => Iter::Few([].iter()),
            Some(Entries::Few(list)) => Iter::Few(list.iter()),
            Some(Entries::Many(map)) => Iter::Many(map.iter()),
        }
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in their order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }
}

fn find<'a, T>(list: &'a mut [(String, T)], key: &str) -> Option<&'a mut T> {
    let found = list.iter_mut().find(|(known, _)| known == key);
    found.map(|(_, value)| value)
}

/// The entries of a [`Table`], borrowed.
#[derive(Clone, Debug)]
pub enum Iter<'a, T> {
    /// Of a list.
    Few(slice::Iter<'a, (String, T)>),
    /// Of a map.
    Many(map::Iter<'a, String, T>),
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (&'a String, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(list) => list.next().map(|(key, value)| (key, value)),
            Self::Many(map) => map.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Few(list) => list.size_hint(),
            Self::Many(map) => map.size_hint(),
        }
    }
}

/// The entries of a [`Table`].
#[derive(Debug)]
pub enum IntoIter<T> {
    /// Of a list.
    Few(vec::IntoIter<(String, T)>),
    /// Of a map.
    Many(map::IntoIter<String, T>),
}

impl<T> Iterator for IntoIter<T> {
    type Item = (String, T);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(list) => list.next(),
            Self::Many(map) => map.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Few(list) => list.size_hint(),
            Self::Many(map) => map.size_hint(),
        }
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

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
        for (key, value) in entries {
            self.insert(key, value);
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
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        match self.0.map(|entries| *entries) {
            None => IntoIter::Few(Vec::new().into_iter()),
            Some(Entries::Few(list)) => IntoIter::Few(list.into_iter()),
            Some(Entries::Many(map)) => IntoIter::Many(map.into_iter()),
        }
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
    fn many_entries_are_as_few() {
        let mut found: Table<usize> = Table::new();
        for round in 0..2 {
            for key in 0..3 * FEW {
                let before = found.insert(key.to_string(), key + round);
                assert_eq!(before, (round > 0).then_some(key));
                assert_eq!(found.get(&key.to_string()), Some(&(key + round)));
            }
        }
        assert_eq!(found.len(), 3 * FEW);
        *found.get_mut("20").unwrap() = 0;
        assert_eq!((found.remove("0"), found.get("0")), (Some(1), None));
        let expected: Vec<_> = (1..3 * FEW)
            .map(|key| (key.to_string(), if key == 20 { 0 } else { key + 1 }))
            .collect();
        assert!(
            found
                .iter()
                .map(|(key, value)| (key.clone(), *value))
                .eq(expected.clone())
        );
        assert!(found.clone().into_iter().eq(expected.clone()));
        // Equal to one that was never larger.
        let few = expected[..FEW].to_vec();
        for (key, _) in &expected[FEW..] {
            found.remove(key);
        }
        assert_eq!(found, few.into_iter().collect());
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
