//! What TensorFlow's `TensorProto` means, whichever encoding it came in.

use std::cell::Cell;

use bytes::Bytes;
use streeling_core::{DType, Tensor};

use crate::json::array::MAX_DIMS;

/// Bytes of tensors that one document may require by repeating the last value of a short list,
/// unless the caller says otherwise: 16 MiB.
///
/// It is the only place where a few bytes of a message can stand for many in memory, so it is
/// counted over the whole document.
pub const REPEATED_LIMIT: usize = 16 << 20;

/// What the elements of a `TensorProto` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers or booleans; never [`DType::Bytes`].
    Numbers(DType),
    /// Byte strings.
    Strings,
    /// Pairs of float32.
    Complex64,
    /// Pairs of float64.
    Complex128,
}

/// A kind, its number and name in `DataType`, and the number and JSON name of its list.
struct Row {
    kind: Kind,
    number: u8,
    name: &'static str,
    #[cfg_attr(
        not(feature = "proto"),
        expect(dead_code, reason = "only protobuf has numbers")
    )]
    list: u32,
    list_name: &'static str,
}

const fn row(
    kind: Kind,
    number: u8,
    name: &'static str,
    list: u32,
    list_name: &'static str,
) -> Row {
    Row {
        kind,
        number,
        name,
        list,
        list_name,
    }
}

const TABLE: [Row; 15] = [
    row(Kind::Numbers(DType::F32), 1, "DT_FLOAT", 5, "floatVal"),
    row(Kind::Numbers(DType::F64), 2, "DT_DOUBLE", 6, "doubleVal"),
    row(Kind::Numbers(DType::I32), 3, "DT_INT32", 7, "intVal"),
    row(Kind::Numbers(DType::U8), 4, "DT_UINT8", 7, "intVal"),
    row(Kind::Numbers(DType::I16), 5, "DT_INT16", 7, "intVal"),
    row(Kind::Numbers(DType::I8), 6, "DT_INT8", 7, "intVal"),
    row(Kind::Strings, 7, "DT_STRING", 8, "stringVal"),
    row(Kind::Complex64, 8, "DT_COMPLEX64", 9, "scomplexVal"),
    row(Kind::Numbers(DType::I64), 9, "DT_INT64", 10, "int64Val"),
    row(Kind::Numbers(DType::Bool), 10, "DT_BOOL", 11, "boolVal"),
    row(Kind::Numbers(DType::U16), 17, "DT_UINT16", 7, "intVal"),
    row(Kind::Complex128, 18, "DT_COMPLEX128", 12, "dcomplexVal"),
    row(Kind::Numbers(DType::F16), 19, "DT_HALF", 13, "halfVal"),
    row(Kind::Numbers(DType::U32), 22, "DT_UINT32", 16, "uint32Val"),
    row(Kind::Numbers(DType::U64), 23, "DT_UINT64", 17, "uint64Val"),
];

impl Kind {
    /// The kind of arrays of a dtype.
    pub(crate) fn of(dtype: DType) -> Self {
        match dtype {
            DType::Bytes => Self::Strings,
            numbers => Self::Numbers(numbers),
        }
    }

    /// The kind of a number of `DataType`; `None` for what no array here can hold.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| u64::from(row.number) == number)
            .map(|row| row.kind)
    }

    /// The kind of a name of `DataType`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.name == name)
            .map(|row| row.kind)
    }

    /// The number in `DataType`.
    #[cfg(feature = "proto")]
    pub(crate) fn number(self) -> u8 {
        self.row().number
    }

    /// The name in `DataType`.
    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    /// The number of the field that lists the elements.
    #[cfg(feature = "proto")]
    pub(crate) fn list(self) -> u32 {
        self.row().list
    }

    /// The JSON name of the field that lists the elements.
    pub(crate) fn list_name(self) -> &'static str {
        self.row().list_name
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.kind == self)
            .expect("every kind has a row")
    }
}

/// Why there is no tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The parts do not belong together.
    Invalid(&'static str),
    /// A repeated value would take more memory than is left.
    TooLarge,
}

/// Appends an integer of a list to the elements so far. A list has integers of 32 bits for elements
/// of fewer, of which the lowest bits count.
pub(crate) fn push_integer(value: i128, dtype: DType, out: &mut Vec<u8>) -> Result<(), Fault> {
    const OUTSIDE: Fault = Fault::Invalid("a value that its list cannot hold");
    macro_rules! push {
        ($($dtype:ident => $list:ty as $rust:ty),*) => {
            match dtype {
                $(DType::$dtype => {
                    let value = <$list>::try_from(value).map_err(|_| OUTSIDE)? as $rust;
                    out.extend_from_slice(&value.to_le_bytes());
                })*
                DType::Bool => out.push(u8::from(value != 0)),
                DType::F32 | DType::F64 | DType::Bytes => return Err(OUTSIDE),
            }
        };
    }
    push!(I8 => i32 as i8, I16 => i32 as i16, I32 => i32 as i32, I64 => i64 as i64,
          U8 => i32 as u8, U16 => i32 as u16, U32 => u32 as u32, U64 => u64 as u64,
          F16 => i32 as u16);
    Ok(())
}

/// Where the elements of an array are in the `TensorProto` that TensorFlow makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// There are none.
    Nowhere,
    /// In `tensor_content`, as they lie in memory.
    Content,
    /// In the list of the dtype.
    List,
}

/// Where the elements go: a single one into its list, several into `tensor_content` but for the
/// dtypes that TensorFlow always lists.
pub(crate) fn place(tensor: &Tensor) -> Place {
    match (tensor.len(), tensor.dtype()) {
        (0, _) => Place::Nowhere,
        (1, _) | (_, DType::U16 | DType::Bool | DType::Bytes) => Place::List,
        _ => Place::Content,
    }
}

/// The tensor of `tensor_content` or, if that is empty, of the elements in `list`, which are in
/// memory order. A list that is too short repeats its last element, an empty one stands for zeros;
/// both take what they need out of `budget`.
pub(crate) fn tensor(
    dtype: DType,
    shape: Vec<usize>,
    content: Bytes,
    mut list: Vec<u8>,
    budget: &Cell<usize>,
) -> Result<Tensor, Fault> {
    const TOO_MANY: Fault = Fault::Invalid("more values than the shape has room for");
    if shape.len() > MAX_DIMS {
        return Err(Fault::Invalid("more than 32 dimensions"));
    }
    let Some(size) = dtype.size() else {
        return Err(Fault::Invalid("strings, where there must be numbers"));
    };
    if shape.contains(&0) {
        // Takes no memory here, but the other sides are lists when it is written.
        take(others(&shape), budget)?;
    }
    let needed = if shape.contains(&0) {
        Some(0)
    } else {
        shape
            .iter()
            .try_fold(size, |bytes, &side| bytes.checked_mul(side))
    };
    if !content.is_empty() {
        if needed != Some(content.len()) {
            return Err(Fault::Invalid(
                "a tensor_content that is not as long as the shape demands",
            ));
        }
        let content = if dtype == DType::Bool && content.iter().any(|&byte| byte > 1) {
            content.iter().map(|&byte| u8::from(byte != 0)).collect()
        } else {
            content
        };
        return finished(dtype, shape, content);
    }
    let needed = needed.ok_or(Fault::TooLarge)?;
    if list.len() > needed {
        return Err(TOO_MANY);
    }
    if list.len() < needed {
        take(needed, budget)?;
        let last = list[list.len().saturating_sub(size)..].to_vec();
        if last.iter().all(|&byte| byte == 0) {
            list.resize(needed, 0);
        } else {
            let missing = (needed - list.len()) / size;
            list.reserve_exact(needed - list.len());
            for _ in 0..missing {
                list.extend_from_slice(&last);
            }
        }
    }
    finished(dtype, shape, list.into())
}

fn finished(dtype: DType, shape: Vec<usize>, data: Bytes) -> Result<Tensor, Fault> {
    Tensor::new(dtype, shape, data)
        .map_err(|_| Fault::Invalid("values that are not as many as the shape demands"))
}

/// The product of the sides that are not zero, saturated.
pub(crate) fn others(shape: &[usize]) -> usize {
    shape
        .iter()
        .filter(|&&side| side != 0)
        .fold(1, |product: usize, &side| product.saturating_mul(side))
}

fn take(bytes: usize, budget: &Cell<usize>) -> Result<(), Fault> {
    budget.set(budget.get().checked_sub(bytes).ok_or(Fault::TooLarge)?);
    Ok(())
}
