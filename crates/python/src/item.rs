//! The items of a request, as bytes.

use std::fmt::Display;

use bytes::Bytes;
use streeling_codec::seldon::json::{encode_meta, encode_names};
use streeling_core::{Elements, Error, ErrorKind, Meta, Payload, Result};

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
        let mut shared = std::slice::from_ref(&none);
        match payload {
            Payload::None => {}
            Payload::Array(array) => {
                item.form = array.layout as u8;
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
            Payload::Json(value) => {
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
            Payload::Named(_) => {
                return Err(Error::new(
                    ErrorKind::BadData,
                    "several inputs cannot be passed to a Python component",
                ));
            }
        }
        if let Some(meta) = meta {
            let before = self.tail.len();
            encode_meta(meta, &mut self.tail);
            item.meta = fit(self.tail.len() - before, u32::MAX, "bytes of meta")?;
        }
        item.body = (text.len() + shared.iter().map(Bytes::len).sum::<usize>()) as u64;
        self.end_item(start, &item);
        self.tail.extend_from_slice(text);
        shared.iter().for_each(|piece| self.body(piece));
        Ok(())
    }

    /// Adds an item that is nothing but its body.
    pub(crate) fn value(&mut self, kind: ItemKind, body: &Bytes) {
        let start = self.start_item();
        let item = ItemHeader {
            body: body.len() as u64,
            ..ItemHeader::new(kind)
        };
        self.end_item(start, &item);
        self.body(body);
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
            self.pieces
                .push(Bytes::from(std::mem::take(&mut self.tail)));
            self.pieces.push(shared.clone());
        }
    }
}

/// A count as it stands in a header.
pub(crate) fn fit<T: TryFrom<usize> + Display>(count: usize, max: T, what: &str) -> Result<T> {
    T::try_from(count).map_err(|_| {
        Error::new(
            ErrorKind::TooLarge,
            format!("{count} {what} are too many: at most {max} can be passed to the component"),
        )
    })
}
