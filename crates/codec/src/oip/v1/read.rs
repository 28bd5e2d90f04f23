//! Requests.

use std::collections::HashMap;

use bytes::Bytes;
use streeling_core::{
    Array, Elements, Layout, Message, Meter, Named, Names, Payload, RawJson, Result,
};

use crate::error::{self, DecodeError, take};
use crate::json::array::nested;
use crate::json::document::{one_value, raw};
use crate::json::scan::Cursor;
use crate::oip::json::refused;
use crate::oip::parameters::bad;

/// A column that is being put together: its name, and what each row has.
struct Column {
    name: String,
    values: Vec<RawJson>,
}

/// Reads a request of prediction.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for what is none; that of the memory.
pub fn decode(json: &Bytes, memory: &Meter) -> Result<Message> {
    let (mut instances, mut inputs) = (None, None);
    one_value(json, |cursor| {
        cursor.object(|cursor, span| {
            let start = *cursor;
            let slot = match &*cursor.field(span) {
                "instances" => &mut instances,
                "inputs" => &mut inputs,
                _ => return cursor.skip(),
            };
            *slot = (start.peek() != Some(b'n')).then_some(start);
            cursor.skip()
        })
    })
    .map_err(refused)?;
    let reader = Reader { json, memory };
    let payload = match (inputs, instances) {
        (Some(inputs), _) if inputs.peek() == Some(b'{') => reader.columns_of(inputs),
        (Some(inputs), _) => reader.rows(inputs, "inputs"),
        (None, Some(instances)) => reader.rows(instances, "instances"),
        (None, None) => return Err(bad("the request has neither instances nor inputs")),
    };
    Ok(Message {
        payload: payload?,
        ..Message::default()
    })
}

#[derive(Clone, Copy)]
struct Reader<'r> {
    json: &'r Bytes,
    memory: &'r Meter,
}

impl Reader<'_> {
    /// A list: of rows that are objects, or of anything else.
    fn rows(self, start: Cursor<'_>, field: &'static str) -> Result<Payload> {
        let mut cursor = start;
        if let Some(tensor) = nested(&mut cursor) {
            self.memory.take(tensor.data().len())?;
            if tensor.is_empty() {
                return Err(bad(format!("{field} has no rows")));
            }
            return Ok(array(Elements::Typed(tensor)));
        }
        let mut ahead = start;
        let is_list = ahead.take(b'[');
        ahead.whitespace();
        if is_list && ahead.peek() == Some(b'{') {
            let columns = self
                .table(start)
                .map_err(|error| refused(error.inside(field)))?;
            return self.together(columns, field);
        }
        if !is_list {
            return Err(refused(start.wrong_type("a list").inside(field)));
        }
        let list = self
            .raw(start)
            .map_err(|error| refused(error.inside(field)))?;
        Ok(array(Elements::Json(list)))
    }

    /// The columns of a list of objects.
    fn table(self, mut cursor: Cursor<'_>) -> error::Result<Vec<Column>> {
        let mut columns: Vec<Column> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut row = 0;
        cursor.list(|cursor| {
            let start = cursor.pos;
            let mut next = 0;
            cursor.object(|cursor, span| {
                let name = cursor.text(span)?;
                take(self.memory, 4 * size_of::<RawJson>(), cursor.pos)?;
                // Rows mostly have their names in one order.
                let is_next = columns.get(next).is_some_and(|column| column.name == name);
                let place = if is_next {
                    Some(next)
                } else {
                    places.get(&*name).copied()
                };
                let place = match place {
                    Some(place) => place,
                    None if row == 0 => {
                        take(self.memory, 512 + 2 * name.len(), cursor.pos)?;
                        places.insert(name.clone().into_owned(), columns.len());
                        columns.push(Column {
                            name: name.into_owned(),
                            values: Vec::new(),
                        });
                        columns.len() - 1
                    }
                    None => {
                        let problem = "a name that the first row does not have";
                        return Err(DecodeError::invalid(span.start, problem));
                    }
                };
                next = place + 1;
                let value = raw(self.json, cursor)?;
                let values = &mut columns[place].values;
                // Of a name that comes twice the last one counts.
                values.truncate(row);
                values.push(value);
                Ok(())
            })?;
            row += 1;
            if columns.iter().any(|column| column.values.len() != row) {
                return Err(DecodeError::invalid(
                    start,
                    "a row without a name of the first",
                ));
            }
            Ok(())
        })?;
        Ok(columns)
    }

    fn together(self, columns: Vec<Column>, field: &'static str) -> Result<Payload> {
        if columns.is_empty() {
            return Err(bad(format!("rows of {field} have no names")));
        }
        let is_table = columns
            .iter()
            .all(|column| column.values.iter().all(is_scalar));
        let columns = columns.into_iter().map(|Column { name, values }| {
            let length: usize = values.iter().map(|value| value.as_bytes().len() + 1).sum();
            self.memory.take(length + 1)?;
            let mut list = Vec::with_capacity(length + 1);
            for value in &values {
                list.push(if list.is_empty() { b'[' } else { b',' });
                list.extend_from_slice(value.as_bytes());
            }
            list.push(b']');
            let list = RawJson::from_checked(list.into());
            Ok(Named {
                name,
                payload: self.list(list)?,
            })
        });
        let columns = columns.collect::<Result<_>>()?;
        Ok(if is_table {
            Payload::Columns(columns)
        } else {
            Payload::Named(columns)
        })
    }

    /// The columns of an object of lists.
    fn columns_of(self, mut cursor: Cursor<'_>) -> Result<Payload> {
        let mut columns: Vec<Named> = Vec::new();
        let mut is_table = true;
        let mut rows = None;
        let mut failed = None;
        let walked = cursor.object(|cursor, span| {
            let name = cursor.text(span)?.into_owned();
            take(self.memory, 512 + name.len(), cursor.pos)?;
            if cursor.peek() != Some(b'[') {
                return Err(cursor.wrong_type("a list").inside(&name));
            }
            let start = *cursor;
            let (mut count, mut is_flat) = (0, true);
            cursor.list(|cursor| {
                count += 1;
                is_flat &= !matches!(cursor.peek(), Some(b'[' | b'{'));
                cursor.skip()
            })?;
            is_table &= is_flat && *rows.get_or_insert(count) == count;
            match self.raw(start).map(|list| self.list(list)) {
                Ok(Ok(payload)) => columns.push(Named { name, payload }),
                Ok(Err(error)) => failed = Some(error),
                Err(error) => return Err(error),
            }
            Ok(())
        });
        walked.map_err(|error| refused(error.inside("inputs")))?;
        match failed {
            Some(error) => Err(error),
            None if columns.is_empty() => Err(bad("inputs has no names")),
            None if is_table => Ok(Payload::Columns(columns)),
            None => Ok(Payload::Named(columns)),
        }
    }

    fn raw(self, mut cursor: Cursor<'_>) -> error::Result<RawJson> {
        raw(self.json, &mut cursor)
    }

    /// The array that a list is.
    fn list(self, list: RawJson) -> Result<Payload> {
        let mut cursor = Cursor::new(list.as_bytes()).map_err(refused)?;
        match nested(&mut cursor) {
            Some(tensor) => {
                self.memory.take(tensor.data().len())?;
                Ok(array(Elements::Typed(tensor)))
            }
            None => Ok(array(Elements::Json(list))),
        }
    }
}

fn is_scalar(value: &RawJson) -> bool {
    !matches!(value.as_bytes().first(), Some(b'[' | b'{'))
}

fn array(elements: Elements) -> Payload {
    Payload::Array(Array {
        names: Names::new(),
        layout: Layout::Nested,
        elements,
    })
}
