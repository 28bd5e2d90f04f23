//! HTTP/1: which responses have come on a connection.

use std::collections::VecDeque;

use crate::http::{End, Response, take_request, take_response};

/// Both directions of one connection.
#[derive(Debug, Default)]
pub(super) struct Http1 {
    sent: Vec<u8>,
    /// The method of the first request in `sent` is among `methods` already, its body is to come.
    head_is_counted: bool,
    /// Of the requests that have no response yet.
    methods: VecDeque<String>,
    received: Vec<u8>,
    responses: Vec<Response>,
}

impl Http1 {
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        while let Some((method, length)) = take_request(&self.sent) {
            if !self.head_is_counted {
                self.methods.push_back(method);
            }
            self.head_is_counted = length.is_none();
            let Some(length) = length else { break };
            self.sent.drain(..length);
        }
    }

    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        self.take(End::Open);
    }

    pub(super) fn ended(&mut self) {
        self.take(End::Closed);
    }

    /// With the interim responses.
    pub(super) fn responses(&self) -> &[Response] {
        &self.responses
    }

    pub(super) fn open(&self) -> usize {
        self.methods.len()
    }

    fn take(&mut self, end: End) {
        while let Some(method) = self.methods.front() {
            let Some((response, length)) = take_response(&self.received, method == "HEAD", end)
            else {
                return;
            };
            self.received.drain(..length);
            if response.status >= 200 {
                self.methods.pop_front();
            }
            self.responses.push(response);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interim_response_does_not_end_its_request_and_heads_have_no_bodies() {
        let mut reader = Http1::default();
        reader.sent(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
        reader.received(b"HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!((reader.responses().len(), reader.open()), (1, 1));
        reader.sent(b"ab");
        reader.received(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        reader.sent(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        assert_eq!((reader.responses().len(), reader.open()), (2, 2));
        reader.received(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nHTTP/1.1 404 No\r\n\r\nx");
        assert_eq!((reader.responses().len(), reader.open()), (3, 1));
        reader.ended();
        assert_eq!(reader.responses()[3].body, b"x");
        assert_eq!(reader.open(), 0);
    }
}
