//! The end of a client that does not speak TLS, in its own words.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// How long the client may take to read the response.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes of its that are read away at most; a connection that is closed with bytes unread is reset,
/// and the response with it.
const READ_AWAY: usize = 64 * 1024;

const HTTP1: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 49\r\n\
    connection: close\r\n\r\n\
    this port speaks TLS: use a URL with https://...\n";

/// Empty SETTINGS, and GOAWAY with the code `INADEQUATE_SECURITY`, whose text clients show.
const HTTP2: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x1c\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\
    this port speaks TLS";

/// Whether a client that starts like this speaks TLS.
pub(super) fn is_tls(start: &[u8]) -> bool {
    start.first() == Some(&HANDSHAKE)
}

/// Tells a client that starts like this, and speaks HTTP, what is spoken here.
pub(super) async fn refuse<Io: AsyncRead + AsyncWrite + Unpin>(io: &mut Io, start: &[u8]) {
    let response = if start.starts_with(b"PRI ") {
        HTTP2
    } else if start.first().is_some_and(u8::is_ascii_uppercase) {
        HTTP1
    } else {
        return;
    };
    // The client may have gone, or may not read: it is the end of it in any case.
    if let Ok(Ok(())) = timeout(LINGER, io.write_all(response)).await {
        linger(io).await;
    }
}

/// Lets the client read what has been written to it, the reason of its end.
pub(super) async fn linger<Io: AsyncRead + AsyncWrite + Unpin>(io: &mut Io) {
    let read_away = async {
        io.shutdown().await?;
        let mut buffer = [0; 1024];
        let mut left = READ_AWAY;
        while left > 0 {
            match io.read(&mut buffer).await? {
                0 => break,
                length => left = left.saturating_sub(length),
            }
        }
        std::io::Result::Ok(())
    };
    let _ = timeout(LINGER, read_away).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_say_their_own_length() {
        let text = std::str::from_utf8(HTTP1).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{text}"
        );
        let (settings, goaway) = HTTP2.split_at(9);
        assert_eq!(settings[..4], [0, 0, 0, 4]);
        assert_eq!(usize::from(goaway[2]), goaway.len() - 9);
    }
}
