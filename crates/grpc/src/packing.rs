//! Responses that go out compressed.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use streeling_codec::compression::{Coding, pack};
use streeling_core::{Account, Use};
use streeling_net::{Elsewhere, Offload};

use crate::frame::PREFIX;

/// How many times longer packing takes than moving as many bytes as [`Offload`] counts.
const EFFORT: usize = 4;

/// In which order codings are chosen: most clients name all that they know, in no order.
const PREFERRED: [Coding; 3] = [Coding::Gzip, Coding::Zstd, Coding::Deflate];

/// From how many bytes on a message is packed, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    from: usize,
    coding: Coding,
}

impl Packing {
    /// What a request's headers allow; `None` where messages go out as they are.
    pub(crate) fn of(headers: &HeaderMap, from: Option<usize>) -> Option<Self> {
        let from = from?;
        let all = headers.get_all("grpc-accept-encoding").iter();
        let names = all.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let known: Vec<_> = names
            .filter_map(|name| Coding::named(name.trim_ascii()))
            .collect();
        let coding = PREFERRED
            .into_iter()
            .find(|coding| known.contains(coding))?;
        Some(Self { from, coding })
    }

    /// What `grpc-encoding` of the response says.
    pub(crate) fn name(self) -> HeaderValue {
        HeaderValue::from_static(self.coding.name())
    }

    /// The frame with its message packed, where that is to be and makes it shorter.
    pub(crate) async fn pack(self, frame: Bytes, account: &Account, offload: &Offload) -> Bytes {
        let size = frame.len() - PREFIX;
        if size < self.from {
            return frame;
        }
        let charge = account.charge(Use::Response, size);
        let work = move || match pack(&frame[PREFIX..], self.coding, PREFIX, charge) {
            Some((mut packed, charge)) => {
                let length = (packed.len() - PREFIX) as u32;
                packed[0] = 1;
                packed[1..PREFIX].copy_from_slice(&length.to_be_bytes());
                charge.hold(packed.into())
            }
            None => frame,
        };
        let frame = offload.run(size.saturating_mul(EFFORT), work).await;
        // To drop what is large takes long, wherever that is done.
        if Offload::moves(frame.len()) {
            return Bytes::from_owner(Elsewhere::new(frame));
        }
        frame
    }
}

/// Whether the message of a frame is packed.
pub(crate) fn is_packed(frame: &[u8]) -> bool {
    frame.first() == Some(&1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_say_what_a_client_takes() {
        let of = |values: &[&'static str], from| {
            let name = http::HeaderName::from_static("grpc-accept-encoding");
            let value = |value: &&'static str| (name.clone(), HeaderValue::from_static(value));
            let headers: HeaderMap = values.iter().map(value).collect();
            Packing::of(&headers, from).map(|packing| packing.coding)
        };
        for (values, coding) in [
            (&[][..], None),
            (&["identity"], None),
            (&["", "br,GZIP"], None),
            (&["identity,deflate,gzip"], Some(Coding::Gzip)),
            (&["identity, zstd ,deflate"], Some(Coding::Zstd)),
            (&["identity", "deflate"], Some(Coding::Deflate)),
        ] {
            assert_eq!(of(values, Some(1)), coding, "{values:?}");
            assert_eq!(of(values, None), None);
        }
    }
}
