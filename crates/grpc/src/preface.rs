//! The first bytes of an HTTP/2 connection, read beforehand and given to hyper all the same.

use streeling_net::Replayed;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that every client sends first: `PRI * HTTP/2.0` and so on.
pub(crate) const LENGTH: usize = 24;

/// Waits until the client has said something of that length; whether it is the preface is for hyper
/// to find out. `None` when it has left before.
pub(crate) async fn read<Io: AsyncRead + Unpin>(mut io: Io) -> Option<Replayed<Io, LENGTH>> {
    let mut preface = [0; LENGTH];
    io.read_exact(&mut preface).await.ok()?;
    Some(Replayed::new(preface, LENGTH, io))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use tokio::io::ReadBuf;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn every_byte_is_read_once_in_whatever_pieces() {
        let sent: Vec<u8> = (0..100).collect();
        for piece in [1, 7, LENGTH, 99] {
            let (client, mut server) = (&sent[..], Vec::new());
            let mut replayed = read(client).await.unwrap();
            let mut buffer = vec![0; piece];
            loop {
                match replayed.read(&mut buffer).await.unwrap() {
                    0 => break,
                    length => server.extend_from_slice(&buffer[..length]),
                }
            }
            assert_eq!(server, sent, "{piece}");
        }
    }

    /// Gives some bytes and then no more, and counts how often it is looked at.
    struct Half(&'static [u8], usize);

    impl AsyncRead for Half {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.1 += 1;
            if self.0.is_empty() {
                return Poll::Pending;
            }
            buffer.put_slice(std::mem::take(&mut self.0));
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_preface_is_waited_for_without_looking() {
        let mut half = Half(b"PRI *", 0);
        let waited = timeout(Duration::from_secs(60), read(&mut half)).await;
        assert!(waited.is_err());
        // The bytes, that there are no more, and once more when the time is over.
        assert_eq!(half.1, 3);
    }

    #[tokio::test]
    async fn a_client_that_leaves_early_has_no_connection() {
        assert!(read(&b"PRI * HTTP/2.0"[..]).await.is_none());
    }
}
