//! JSON text written as the protobuf that it stands for.

use streeling_core::RawJson;

use super::encode_error::{EncodeError, Result};
use crate::error::Result as DecodeResult;
use crate::json::scan::Cursor;
use crate::protobuf::write::{bytes, varint};
use crate::protobuf::write_value::{float, write_elements, write_value};

/// Appends the fields of the `Value` that is a JSON text.
pub(super) fn write_json(json: &RawJson, place: &'static str, out: &mut Vec<u8>) -> Result<()> {
    with_cursor(json, place, |cursor| write_value(cursor, out))
}

/// Appends the fields of the `ListValue` that is a JSON text.
pub(super) fn write_list(json: &RawJson, out: &mut Vec<u8>) -> Result<()> {
    with_cursor(json, "data.ndarray", |cursor| write_elements(cursor, out))
}

fn with_cursor(
    json: &RawJson,
    place: &'static str,
    write: impl FnOnce(&mut Cursor<'_>) -> DecodeResult<()>,
) -> Result<()> {
    let written = Cursor::new(json.as_bytes()).and_then(|mut cursor| write(&mut cursor));
    written.map_err(|error| {
        let what = if error.is_final() {
            "invalid JSON"
        } else {
            "text with half of a surrogate pair, or anything but a list for an array"
        };
        EncodeError { place, what }
    })
}

/// Appends the fields of a `Tensor` whose shape and values are not those of an array.
pub(super) fn write_json_tensor(json: &RawJson, out: &mut Vec<u8>) -> Result<()> {
    let place = "data.tensor";
    let mut shape = Vec::new();
    let mut values = Vec::new();
    with_cursor(json, place, |cursor| {
        cursor.object(|cursor, span| {
            match &*cursor.field(span) {
                "shape" => {
                    shape.clear();
                    cursor.list(|cursor| {
                        let side = float(cursor)?;
                        // 2^31 and more do not fit, nor do fractions.
                        let whole = side.fract() == 0.0
                            && (-2_147_483_648.0..2_147_483_648.0).contains(&side);
                        if !whole {
                            return Err(cursor.wrong_type("a side of 32 bits"));
                        }
                        #[expect(clippy::cast_possible_truncation, reason = "checked before")]
                        varint(u64::from_le_bytes((side as i64).to_le_bytes()), &mut shape);
                        Ok(())
                    })
                }
                "values" => {
                    values.clear();
                    cursor.list(|cursor| {
                        values.extend_from_slice(&float(cursor)?.to_le_bytes());
                        Ok(())
                    })
                }
                _ => cursor.skip(),
            }
        })
    })
    .map_err(|_| EncodeError {
        place,
        what: "anything but sides of 32 bits and numbers",
    })?;
    bytes(1, &shape, out);
    bytes(2, &values, out);
    Ok(())
}
