//! The names that the protocol has for dtypes.

use streeling_core::DType;

/// The type of a tensor's elements, as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Datatype {
    /// One that NumPy has, too.
    Of(DType),
    /// The upper half of a binary32: only as raw bytes, and `FP32` from there on.
    Bf16,
}

/// Every name; the order is that of the specification.
const NAMES: [(&str, Datatype); 14] = [
    ("BOOL", Datatype::Of(DType::Bool)),
    ("UINT8", Datatype::Of(DType::U8)),
    ("UINT16", Datatype::Of(DType::U16)),
    ("UINT32", Datatype::Of(DType::U32)),
    ("UINT64", Datatype::Of(DType::U64)),
    ("INT8", Datatype::Of(DType::I8)),
    ("INT16", Datatype::Of(DType::I16)),
    ("INT32", Datatype::Of(DType::I32)),
    ("INT64", Datatype::Of(DType::I64)),
    ("FP16", Datatype::Of(DType::F16)),
    ("FP32", Datatype::Of(DType::F32)),
    ("FP64", Datatype::Of(DType::F64)),
    ("BYTES", Datatype::Of(DType::Bytes)),
    ("BF16", Datatype::Bf16),
];

impl Datatype {
    /// The datatype of this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(_, known)| *known == self);
        found.expect("every datatype has a name").0
    }

    /// Bytes that one element takes as raw bytes; `None` where elements differ in that.
    #[must_use]
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Of(dtype) => dtype.size(),
            Self::Bf16 => Some(2),
        }
    }

    /// All names, for errors.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_has_a_name_of_its_own() {
        for dtype in DType::ALL {
            let name = Datatype::Of(dtype).name();
            assert_eq!(Datatype::from_name(name), Some(Datatype::Of(dtype)));
        }
        assert_eq!(Datatype::from_name("BF16"), Some(Datatype::Bf16));
        assert_eq!(Datatype::from_name("fp32"), None);
        assert_eq!(Datatype::names().count(), DType::ALL.len() + 1);
    }
}
