//! The frames of the worker protocol, as bytes; see `PROTOCOL.md`.

use bytes::{Buf, Bytes};
use streeling_core::Method;

/// The version that server and worker must both speak.
pub(crate) const VERSION: u32 = 6;

/// Bytes of a frame's header.
pub(crate) const HEADER: usize = 32;

/// Bytes of an item's header.
pub(crate) const ITEM: usize = 24;

/// A frame in the pieces in which it is written.
pub(crate) type Pieces = Vec<Bytes>;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Package = 1,
    Hello = 2,
    Load = 3,
    Ready = 4,
    Failed = 5,
    Request = 6,
    Reply = 7,
    Error = 8,
    Construct = 9,
    Constructed = 10,
    Fork = 11,
    Forked = 12,
    Data = 13,
    Release = 14,
    Stacks = 15,
    TakeOver = 16,
    Taken = 17,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::Package,
        Self::Hello,
        Self::Load,
        Self::Ready,
        Self::Failed,
        Self::Request,
        Self::Reply,
        Self::Error,
        Self::Construct,
        Self::Constructed,
        Self::Fork,
        Self::Forked,
        Self::Data,
        Self::Release,
        Self::Stacks,
        Self::TakeOver,
        Self::Taken,
    ];

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u8 == code)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes that follow the header.
    pub(crate) length: u64,
    pub(crate) kind: Kind,
    pub(crate) method: u8,
    /// Request: bytes of the context, which comes before the items.
    pub(crate) context: u16,
    /// Request: how many items. Reply and error: microseconds in the component. Take over: the
    /// number of the other connection. Taken: 1, or 0 where it came too late.
    pub(crate) count: u32,
    pub(crate) id: u64,
    /// `CLOCK_MONOTONIC` in nanoseconds, 0 for never. Request: the deadline. Reply and error: when
    /// the component was entered.
    pub(crate) moment: u64,
}

impl Header {
    /// The header of a frame that does not belong to a request.
    pub(crate) fn control(kind: Kind, length: usize) -> Self {
        Self {
            length: length as u64,
            kind,
            method: 0,
            context: 0,
            count: 0,
            id: 0,
            moment: 0,
        }
    }

    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8] = self.kind as u8;
        bytes[9] = self.method;
        bytes[10..12].copy_from_slice(&self.context.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.count.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.id.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.moment.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; HEADER]) -> Result<Self, Fault> {
        let mut rest = &bytes[..];
        let length = rest.get_u64_le();
        let code = rest.get_u8();
        let kind = Kind::from_code(code).ok_or(Fault::Kind(code))?;
        Ok(Self {
            length,
            kind,
            method: rest.get_u8(),
            context: rest.get_u16_le(),
            count: rest.get_u32_le(),
            id: rest.get_u64_le(),
            moment: rest.get_u64_le(),
        })
    }
}

/// What an item carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ItemKind {
    None = 0,
    Numbers = 1,
    List = 2,
    Text = 3,
    Binary = 4,
    Json = 5,
    Message = 6,
    Passthrough = 8,
    Custom = 9,
    Protobuf = 10,
    Named = 11,
    Http = 12,
    TensorProto = 13,
    Quoted = 14,
    Columns = 15,
}

impl ItemKind {
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [
            Self::None,
            Self::Numbers,
            Self::List,
            Self::Text,
            Self::Binary,
            Self::Json,
            Self::Message,
            Self::Passthrough,
            Self::Custom,
            Self::Protobuf,
            Self::Named,
            Self::Http,
            Self::TensorProto,
            Self::Quoted,
            Self::Columns,
        ]
        .into_iter()
        .find(|&kind| kind as u8 == code)
    }
}

/// The bit of a method's number that says: the caller reads several tensors with their names.
pub(crate) const TENSORS: u8 = 1 << 7;

/// What a worker is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A method of the component.
    Method(Method),
    /// A page of its own.
    Page,
}

impl Call {
    /// How many there are.
    pub(crate) const COUNT: usize = Method::ALL.len() + 1;

    /// As reports have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Method(method) => method.name(),
            Self::Page => "page",
        }
    }

    /// The number in a frame, from 1 on.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Method(method) => method.code(),
            Self::Page => Method::ALL.len() as u8 + 1,
        }
    }
}

impl From<Method> for Call {
    fn from(method: Method) -> Self {
        Self::Method(method)
    }
}

/// The header of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ItemHeader {
    pub(crate) kind: ItemKind,
    pub(crate) dtype: u8,
    pub(crate) ndim: u8,
    pub(crate) layout: u8,
    pub(crate) names: u32,
    pub(crate) meta: u32,
    pub(crate) body: u64,
}

impl ItemHeader {
    /// The header of an item that is empty.
    pub(crate) fn new(kind: ItemKind) -> Self {
        Self {
            kind,
            dtype: 0,
            ndim: 0,
            layout: 0,
            names: 0,
            meta: 0,
            body: 0,
        }
    }

    pub(crate) fn encode(&self) -> [u8; ITEM] {
        let mut bytes = [0; ITEM];
        bytes[0] = self.kind as u8;
        bytes[1] = self.dtype;
        bytes[2] = self.ndim;
        bytes[3] = self.layout;
        bytes[4..8].copy_from_slice(&self.names.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.meta.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.body.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() < ITEM {
            return Err(Fault::Items);
        }
        let code = bytes.get_u8();
        let kind = ItemKind::from_code(code).ok_or(Fault::Item(code))?;
        let dtype = bytes.get_u8();
        let ndim = bytes.get_u8();
        let layout = bytes.get_u8();
        let names = bytes.get_u32_le();
        let meta = bytes.get_u32_le();
        bytes.advance(4);
        Ok(Self {
            kind,
            dtype,
            ndim,
            layout,
            names,
            meta,
            body: bytes.get_u64_le(),
        })
    }
}

/// How a worker breaks the protocol; it is killed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    #[error("an item of unknown kind {0}")]
    Item(u8),
    #[error("items that do not fill their frame exactly")]
    Items,
    #[error("an array of unknown dtype {0}")]
    DType(u8),
    #[error("an array whose shape does not fit its elements: {0}")]
    Shape(#[from] streeling_core::ShapeError),
    #[error("a header whose value is no bytes")]
    Header,
    #[error("text that is not UTF-8")]
    Utf8,
    #[error("invalid JSON: {0}")]
    Json(String),
    #[error("an unexpected frame: {0:?}")]
    Unexpected(Kind),
    #[error("an unexpected item: {0:?}")]
    UnexpectedItem(ItemKind),
}
