//! Several tensors of one reply, each with its name.

use bytes::{Buf, Bytes};
use streeling_core::{Array, DType, Elements, Layout, Named, Names, Payload, RawJson, Tensor};

use crate::frame::{Fault, ITEM, ItemHeader, ItemKind};

/// Reads the tensors that an item's body holds, each an item behind its name.
///
/// What they take is bounded by the body: the shortest of them has 28 bytes.
pub(crate) fn named(mut body: Bytes) -> Result<Payload, Fault> {
    let mut all = Vec::new();
    while !body.is_empty() {
        let length = body.try_get_u32_le().map_err(|_| Fault::Items)? as usize;
        if length > body.len() {
            return Err(Fault::Items);
        }
        let name = String::from_utf8(body.split_to(length).into()).map_err(|_| Fault::Utf8)?;
        let payload = tensor(&mut body)?;
        all.push(Named { name, payload });
    }
    Ok(Payload::Named(all))
}

/// Takes the next item, which has neither names nor meta.
fn tensor(rest: &mut Bytes) -> Result<Payload, Fault> {
    let item = ItemHeader::decode(rest)?;
    rest.advance(ITEM);
    let shape = usize::from(item.ndim) * 8;
    if item.names != 0 || item.meta != 0 || shape > rest.len() {
        return Err(Fault::Items);
    }
    let mut dimensions = rest.split_to(shape);
    let shape = (0..item.ndim).map(|_| dimensions.get_u64_le() as usize);
    let shape = shape.collect();
    let size = usize::try_from(item.body).map_err(|_| Fault::Items)?;
    if size > rest.len() {
        return Err(Fault::Items);
    }
    let body = rest.split_to(size);
    let (layout, elements) = match item.kind {
        ItemKind::Numbers => {
            let dtype = DType::from_code(item.dtype).ok_or(Fault::DType(item.dtype))?;
            let tensor = Tensor::new(dtype, shape, body)?;
            (Layout::Unset, Elements::Typed(tensor))
        }
        ItemKind::List => (Layout::Nested, Elements::Json(RawJson::from_checked(body))),
        other => return Err(Fault::UnexpectedItem(other)),
    };
    Ok(Payload::Array(Array {
        names: Names::Unset,
        layout,
        elements,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: ItemKind, dtype: u8, shape: &[u64], body: &[u8]) -> Vec<u8> {
        let header = ItemHeader {
            dtype,
            ndim: shape.len() as u8,
            body: body.len() as u64,
            ..ItemHeader::new(kind)
        };
        let mut item = header.encode().to_vec();
        shape
            .iter()
            .for_each(|side| item.extend_from_slice(&side.to_le_bytes()));
        item.extend_from_slice(body);
        item
    }

    fn behind_name(name: &[u8], item: &[u8]) -> Vec<u8> {
        [&(name.len() as u32).to_le_bytes()[..], name, item].concat()
    }

    fn two() -> Vec<u8> {
        let bools = item(ItemKind::Numbers, DType::Bool.code(), &[2], &[1, 0]);
        let list = item(ItemKind::List, 0, &[1], b"[\"a\"]");
        let body = [behind_name("é".as_bytes(), &bools), behind_name(b"", &list)];
        body.concat()
    }

    #[test]
    fn each_has_its_name_and_dtype() {
        let Payload::Named(all) = named(two().into()).unwrap() else {
            panic!("several have names");
        };
        let names: Vec<_> = all.iter().map(|one| &*one.name).collect();
        assert_eq!(names, ["é", ""]);
        let bools = Tensor::from_bools(vec![2], vec![true, false]).unwrap();
        assert_eq!(all[0].payload, bools.into());
        let Payload::Array(list) = &all[1].payload else {
            panic!("a list is an array");
        };
        let text = RawJson::from_checked("[\"a\"]".into());
        assert_eq!(list.elements, Elements::Json(text));
        assert_eq!(named(Bytes::new()).unwrap(), Payload::Named(Vec::new()));
    }

    #[test]
    fn what_is_cut_off_or_changed_is_a_fault() {
        let whole = Bytes::from(two());
        let first = 4 + "é".len() + ITEM + 8 + 2;
        for end in (1..whole.len()).filter(|&end| end != first) {
            let found = named(whole.slice(..end));
            assert!(matches!(found, Err(Fault::Items)), "{end}: {found:?}");
        }
        let one = |item: Vec<u8>| named(behind_name(b"x", &item).into());
        let wrong = one(item(ItemKind::Named, 0, &[], b""));
        assert!(matches!(wrong, Err(Fault::UnexpectedItem(ItemKind::Named))));
        let wrong = one(item(ItemKind::Numbers, 99, &[0], b""));
        assert!(matches!(wrong, Err(Fault::DType(99))));
        let wrong = one(item(
            ItemKind::Numbers,
            DType::Bool.code(),
            &[u64::MAX],
            b"",
        ));
        assert!(matches!(wrong, Err(Fault::Shape(_))));
        let wrong = named(behind_name(b"\xff", &item(ItemKind::List, 0, &[], b"")).into());
        assert!(matches!(wrong, Err(Fault::Utf8)));
    }
}
