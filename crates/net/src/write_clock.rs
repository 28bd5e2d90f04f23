//! A clock for clients that do not read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes that a client must take in the time that it has, so that one byte now and then is not
/// enough. Systems take much more at a time of any client that reads at all.
const LEAST: usize = 4 * 1024;

/// A connection that fails with [`io::ErrorKind::TimedOut`] where it has bytes to send, and its
/// client takes less than 4 KiB of them in a time. However long a slow client takes in all, it is
/// not cut while it takes that much.
#[derive(Debug)]
pub struct WriteClock<Io> {
    io: Io,
    limit: Duration,
    /// Runs from when the client did not take all; bytes that it has taken since.
    running: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<Io> WriteClock<Io> {
    /// Gives the client of `io` so long.
    pub fn new(io: Io, limit: Duration) -> Self {
        Self {
            io,
            limit,
            running: None,
        }
    }

    /// What a write has come to, by the clock.
    fn at(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                if let Some((_, taken)) = &mut self.running {
                    *taken += count;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending if self.is_over(context) => return Poll::Ready(Err(self.late())),
            Poll::Pending => {}
        }
        written
    }

    fn late(&self) -> io::Error {
        let text = format!("the client took no more of a response for {:?}", self.limit);
        io::Error::new(io::ErrorKind::TimedOut, text)
    }

    /// Whether the client's time is over. Starts it where it does not run, and anew where the
    /// client has taken enough.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let end = |limit| {
            let now = Instant::now();
            // Thirty years are as good as for ever.
            now.checked_add(limit)
                .unwrap_or(now + Duration::from_secs(1 << 30))
        };
        let (clock, taken) = self
            .running
            .get_or_insert_with(|| (Box::pin(sleep_until(end(self.limit))), 0));
        while clock.as_mut().poll(context).is_ready() {
            if *taken < LEAST {
                return true;
            }
            clock.as_mut().reset(end(self.limit));
            *taken = 0;
        }
        false
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for WriteClock<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for WriteClock<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.at(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.at(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// All that there was has been taken where it is flushed. What TLS holds back, 64 KiB at most,
    /// must be taken in one such time: how much of it is taken cannot be seen from here.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        if flushed.is_ready() {
            self.running = None;
        } else if self.is_over(context) {
            return Poll::Ready(Err(self.late()));
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter, duplex};
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_cut() {
        let (_client, server) = duplex(1024);
        let mut server = WriteClock::new(server, LIMIT);
        let since = Instant::now();
        let error = server.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(since.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_what_was_taken_and_held_back_is_cut() {
        let (_client, server) = duplex(1024);
        let held_back = BufWriter::with_capacity(8192, server);
        let mut server = WriteClock::new(held_back, LIMIT);
        server.write_all(&[0; 4096]).await.unwrap();
        let since = Instant::now();
        let error = server.flush().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(since.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_a_byte_now_and_then_is_cut() {
        let (mut client, server) = duplex(1024);
        let mut server = WriteClock::new(server, LIMIT);
        let reading = async {
            loop {
                sleep(LIMIT / 10).await;
                client.read_u8().await.unwrap();
            }
        };
        let error = tokio::select! {
            result = server.write_all(&[0; 4096]) => result.unwrap_err(),
            () = reading => unreachable!("it reads for ever"),
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_not_cut_nor_who_rested_before() {
        let (mut client, server) = duplex(1024);
        let mut server = WriteClock::new(server, LIMIT);
        let size = 100 * LEAST;
        let writing = async {
            for _ in 0..2 {
                server.write_all(&vec![0; size]).await.unwrap();
                server.flush().await.unwrap();
                // Nothing is owed meanwhile.
                sleep(LIMIT * 5).await;
            }
        };
        let reading = async {
            let mut read = 0;
            let mut piece = vec![0; 1024];
            while read < 2 * size {
                sleep(LIMIT / 5).await;
                read += client.read(&mut piece).await.unwrap();
            }
        };
        let since = Instant::now();
        tokio::join!(writing, reading);
        assert!(since.elapsed() > LIMIT * 10);
    }
}
