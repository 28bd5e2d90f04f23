//! The items of a request, as bytes.

use std::collections::BTreeSet;
use std::fmt::Display;

use bytes::Bytes;
use streeling_codec::seldon::json::{encode_meta, encode_names};
use streeling_core::{Elements, Error, ErrorKind, Meta, Named, Payload, Result};

use crate::frame::{ITEM, ItemHeader, ItemKind, Pieces};

/// Up to here a body is copied behind its header, so that a small request is one buffer and one
/// write; a larger one is written from where it is.
pub(crate) const INLINE: usize = 4096;

/// Bytes in pieces.
#[derive(Default)]
pub(crate) struct Buffer {
    pub(crate) pieces: Pieces,
    /// What comes after `pieces` and is not yet one.
    pub(crate) tail: Vec<u8>,
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum::<usize>() + self.tail.len()
    }

    pub(crate) fn pieces(mut self) -> Pieces {
        if !self.tail.is_empty() {
            self.pieces.push(Bytes::from(self.tail));
        }
        self.pieces
    }

    /// Adds a payload and what travels beside it.
    pub(crate) fn item(&mut self, payload: &Payload, meta: Option<&Meta>) -> Result<()> {
        let mut item = ItemHeader::new(ItemKind::None);
        let start = self.start_item();
        let none = Bytes::new();
        let prefix;
        let mut text = &b""[..];
        let mut inputs = Self::default();
        let mut shared = std::slice::from_ref(&none);
        match payload {
            Payload::None => {}
            Payload::Array(array) => {
                item.layout = array.layout as u8;
                match &array.elements {
                    Elements::Typed(tensor) => {
                        item.kind = ItemKind::Numbers;
                        item.dtype = tensor.dtype().code();
                        let shape = tensor.shape();
                        item.ndim = fit(shape.len(), u8::MAX, "dimensions of an array")?;
                        for &side in shape {
                            self.tail.extend_from_slice(&(side as u64).to_le_bytes());
                        }
                        shared = std::slice::from_ref(tensor.data());
                    }
                    Elements::Json(list) => {
                        item.kind = ItemKind::List;
                        shared = std::slice::from_ref(list.bytes());
                    }
                }
                if !array.names.is_empty() {
                    let before = self.tail.len();
                    encode_names(&array.names, &mut self.tail);
                    item.names = fit(self.tail.len() - before, u32::MAX, "bytes of names")?;
                }
            }
            Payload::Text(string) => {
                item.kind = ItemKind::Text;
                text = string.as_bytes();
            }
            Payload::Bytes(bytes) => {
                item.kind = ItemKind::Binary;
                shared = std::slice::from_ref(bytes);
            }
            Payload::Json(value) | Payload::Quoted(value) => {
                item.kind = ItemKind::Json;
                shared = std::slice::from_ref(value.bytes());
            }
            Payload::Any { type_url, value } => {
                item.kind = ItemKind::Custom;
                let length = fit(type_url.len(), u32::MAX, "bytes of a type URL")?;
                prefix = [&length.to_le_bytes()[..], type_url.as_bytes()].concat();
                text = &prefix;
                shared = std::slice::from_ref(value);
            }
            Payload::Opaque(pieces) => {
                item.kind = ItemKind::Passthrough;
                shared = pieces;
            }
            Payload::Named(named) => {
                item.kind = ItemKind::Named;
                inputs.inputs(named)?;
            }
            Payload::Columns(named) => {
                item.kind = ItemKind::Columns;
                inputs.inputs(named)?;
            }
        }
        if let Some(meta) = meta {
            let before = self.tail.len();
            encode_meta(meta, &mut self.tail);
            item.meta = fit(self.tail.len() - before, u32::MAX, "bytes of meta")?;
        }
        let shared_size: usize = shared.iter().map(Bytes::len).sum();
        item.body = (text.len() + shared_size + inputs.len()) as u64;
        self.end_item(start, &item);
        self.tail.extend_from_slice(text);
        shared.iter().for_each(|piece| self.body(piece));
        self.append(inputs);
        Ok(())
    }

    /// Adds several inputs, each as an item behind its name.
    fn inputs(&mut self, named: &[Named]) -> Result<()> {
        let mut names = BTreeSet::new();
        for Named { name, payload } in named {
            if !names.insert(name) {
                return Err(Error::new(
                    ErrorKind::BadData,
                    format!("two inputs have the name {name:?}"),
                ));
            }
            if let Payload::Named(_) | Payload::Columns(_) | Payload::Opaque(_) = payload {
                return Err(Error::new(
                    ErrorKind::Internal,
                    format!("the input {name:?} is of a kind that cannot have a name"),
                ));
            }
            let length = fit(name.len(), u32::MAX, "bytes of an input's name")?;
            self.tail.extend_from_slice(&length.to_le_bytes());
            self.tail.extend_from_slice(name.as_bytes());
            self.item(payload, None)?;
        }
        Ok(())
    }

    /// Adds an item that is its body, and perhaps one name.
    pub(crate) fn value(&mut self, kind: ItemKind, name: Option<&'static str>, body: &Bytes) {
        let start = self.start_item();
        let names = self.tail.len();
        if let Some(name) = name {
            encode_names(&[name].into_iter().collect(), &mut self.tail);
        }
        let item = ItemHeader {
            names: u32::try_from(self.tail.len() - names).expect("it is a name of ours"),
            body: body.len() as u64,
            ..ItemHeader::new(kind)
        };
        self.end_item(start, &item);
        self.body(body);
    }

    /// Adds an item whose body has two parts.
    pub(crate) fn pair(&mut self, kind: ItemKind, first: &[u8], second: &Bytes) {
        let start = self.start_item();
        let item = ItemHeader {
            body: (first.len() + second.len()) as u64,
            ..ItemHeader::new(kind)
        };
        self.end_item(start, &item);
        self.tail.extend_from_slice(first);
        self.body(second);
    }

    /// Leaves room for an item's header; returns where.
    fn start_item(&mut self) -> usize {
        let start = self.tail.len();
        self.tail.resize(start + ITEM, 0);
        start
    }

    fn end_item(&mut self, start: usize, item: &ItemHeader) {
        self.tail[start..start + ITEM].copy_from_slice(&item.encode());
    }

    fn body(&mut self, shared: &Bytes) {
        if shared.len() <= INLINE {
            self.tail.extend_from_slice(shared);
        } else {
            self.cut();
            self.pieces.push(shared.clone());
        }
    }

    fn append(&mut self, other: Self) {
        if other.pieces.is_empty() {
            self.tail.extend_from_slice(&other.tail);
        } else {
            self.cut();
            self.pieces.extend(other.pieces);
            self.tail = other.tail;
        }
    }

    /// Makes a piece of the tail.
    fn cut(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        self.pieces.push(Bytes::from(tail));
    }
}

/// A count as it stands in a header.
pub(crate) fn fit<T: TryFrom<usize> + Copy + Display>(
    count: usize,
    max: T,
    what: &str,
) -> Result<T> {
    T::try_from(count).map_err(|_| {
        Error::new(
            ErrorKind::TooLarge,
            format!("{count} {what} are too many: at most {max} can be passed to the component"),
        )
    })
}

#[cfg(test)]
mod tests {
    use streeling_core::{DType, Tensor};

    use super::*;

    fn written(payload: &Payload) -> Result<Vec<u8>> {
        let mut buffer = Buffer::default();
        buffer.item(payload, None)?;
        Ok(buffer.pieces().concat())
    }

    fn named(inputs: impl IntoIterator<Item = (&'static str, Payload)>) -> Payload {
        let inputs = inputs.into_iter().map(|(name, payload)| Named {
            name: name.to_owned(),
            payload,
        });
        Payload::Named(inputs.collect())
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let array = |ndim| Tensor::new(DType::U8, vec![1; ndim], Bytes::from_static(b"x")).unwrap();
        assert!(written(&array(255).into()).is_ok());
        let error = written(&array(256).into()).unwrap_err();
        assert_eq!(
            (error.kind, error.info.as_str()),
            (
                ErrorKind::TooLarge,
                "256 dimensions of an array are too many: at most 255 can be passed to the \
                 component"
            )
        );
        assert_eq!(fit(usize::from(u16::MAX), u16::MAX, "x").unwrap(), u16::MAX);
        assert_eq!(fit(u32::MAX as usize, u32::MAX, "x").unwrap(), u32::MAX);
        for error in [
            fit(1 << 16, u16::MAX, "x").map(u32::from),
            fit(1 << 32, u32::MAX, "x"),
        ] {
            assert_eq!(error.unwrap_err().kind, ErrorKind::TooLarge);
        }
    }

    #[test]
    fn inputs_of_any_size_fill_their_item() {
        let text = |size| Payload::Text("x".repeat(size));
        for sizes in [
            [1, 2],
            [INLINE + 1, 1],
            [1, INLINE + 1],
            [INLINE + 1, INLINE + 2],
        ] {
            let bytes = |size: usize| Payload::Bytes(vec![7; size].into());
            let inputs = [
                ("a", bytes(sizes[0])),
                ("b", text(3)),
                ("", bytes(sizes[1])),
            ];
            let frame = written(&named(inputs.clone())).unwrap();
            let header = ItemHeader::decode(&frame).unwrap();
            assert_eq!((header.kind, header.ndim), (ItemKind::Named, 0));
            let mut rest = &frame[ITEM..];
            assert_eq!(header.body, rest.len() as u64);
            for (name, payload) in inputs {
                let (length, after) = rest.split_first_chunk().unwrap();
                assert_eq!(u32::from_le_bytes(*length) as usize, name.len());
                let after = after.strip_prefix(name.as_bytes()).unwrap();
                let item = written(&payload).unwrap();
                rest = after.strip_prefix(&item[..]).unwrap();
            }
            assert!(rest.is_empty(), "{sizes:?}");
        }
    }

    #[test]
    fn inputs_must_differ_in_name_and_hold_one_payload() {
        let text = || Payload::Text("x".to_owned());
        let error = written(&named([("a", text()), ("b", text()), ("a", text())])).unwrap_err();
        assert_eq!(
            (error.kind, error.info.as_str()),
            (ErrorKind::BadData, "two inputs have the name \"a\"")
        );
        for wrong in [named([("b", text())]), Payload::Opaque(Vec::new())] {
            let error = written(&named([("a", wrong)])).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Internal);
        }
    }
}
