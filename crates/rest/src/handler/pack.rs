//! Responses that go out compressed.

use super::Handler;
use crate::coding;
use crate::head::Head;
use crate::reply::Reply;

impl Handler {
    /// Compresses a response, where that is to be.
    pub(crate) async fn pack(&self, head: &Head, reply: Reply) -> Reply {
        match self.compress_from {
            Some(from) if coding::is_packable(&reply, from) => {
                Box::pin(coding::packed(head, reply, &self.offload)).await
            }
            _ => reply,
        }
    }
}
