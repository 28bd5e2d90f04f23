//! Cuts a client that floods its connection with frames that cost it nothing.
//!
//! HTTP/2 lets a client send settings, pings, priorities, window updates, empty data and resets
//! without end, and each is work for the server. So their heads are counted as the bytes pass. A
//! client may send some thousands at once, and then as many as go with what it requests, reads and
//! sends; beyond that its connection ends with GOAWAY and `ENHANCE_YOUR_CALM`. H2 bounds some
//! of them itself: parts of a head, empty data, resets of requests that it has not handed on yet.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use streeling_net::{Activity, Cut, Seldom};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::frames::{Head, Kind, Scan};

/// Control frames that a client may send at once, and in a second thereafter: at a microsecond or
/// two each, they take no more than 0.2 % of a core.
const CONTROLS: i64 = 10_000;
const CONTROLS_A_SECOND: i64 = 1_000;

/// Control frames that go with a request: a ping for each of its reads, window updates, the rest of
/// a long head.
const CONTROLS_A_REQUEST: i64 = 16;

/// Bytes of data, either way, that one control frame goes with.
const BYTES_A_CONTROL: usize = 1024;

/// What a frame of settings counts: all streams are looked at for it.
const SETTINGS_COUNT: i64 = 10;

/// Requests that a client may take back at once beyond those that it may have open, and in a second
/// thereafter. Each response allows one more.
const RESETS: i64 = 1_000;
const RESETS_A_SECOND: i64 = 100;

/// `ENHANCE_YOUR_CALM`, as bytes of a frame.
const CALM: [u8; 4] = [0, 0, 0, 0xb];

/// A client's connection, after its preface has been read.
pub(crate) struct Frames<Io> {
    io: Io,
    activity: Activity,
    log: Arc<Seldom>,
    received: Scan,
    sent: Scan,
    controls: Allowance,
    resets: Allowance,
    /// Bytes of data that no control frame has gone with yet.
    data: usize,
    last_stream: u32,
    flood: Option<Kind>,
}

impl<Io> Frames<Io> {
    /// Of a connection of which `preface` bytes come before the first frame, and which may have so
    /// many requests open.
    pub(crate) fn new(
        io: Io,
        preface: usize,
        streams: u32,
        activity: Activity,
        log: Arc<Seldom>,
    ) -> Self {
        Self {
            io,
            activity,
            log,
            received: Scan::after(preface),
            sent: Scan::after(0),
            controls: Allowance::new(CONTROLS, CONTROLS_A_SECOND),
            resets: Allowance::new(RESETS + 2 * i64::from(streams), RESETS_A_SECOND),
            data: 0,
            last_stream: 0,
            flood: None,
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let Self {
            received,
            controls,
            resets,
            data,
            last_stream,
            flood,
            ..
        } = self;
        received.advance(bytes, |head| {
            let is_allowed = match head.kind {
                Kind::Headers => {
                    *last_stream = (*last_stream).max(head.stream);
                    controls.earn(CONTROLS_A_REQUEST);
                    true
                }
                Kind::Data if head.length > 0 || head.ends_stream() => {
                    *data += head.length;
                    true
                }
                Kind::Reset => resets.take(1),
                Kind::Settings if head.is_response() => true,
                Kind::Settings => controls.take(SETTINGS_COUNT),
                Kind::Data | Kind::Control => controls.take(1),
            };
            if !is_allowed {
                flood.get_or_insert(head.kind);
            }
        });
        self.earn();
    }

    fn send(&mut self, bytes: &[u8]) {
        let Self {
            sent,
            resets,
            data,
            activity,
            ..
        } = self;
        sent.advance(bytes, |head: Head| match head.kind {
            Kind::Headers => resets.earn(1),
            Kind::Data => *data += head.length,
            Kind::Reset if head.refuses() => activity.refused(),
            Kind::Reset | Kind::Settings | Kind::Control => {}
        });
        self.earn();
    }

    fn earn(&mut self) {
        let earned = self.data / BYTES_A_CONTROL;
        if earned > 0 {
            self.data %= BYTES_A_CONTROL;
            self.controls
                .earn(i64::try_from(earned).unwrap_or(CONTROLS));
        }
    }
}

impl<Io: AsyncWrite + Unpin> Frames<Io> {
    /// Says goodbye, if that can be done at once and between two frames.
    fn end(&mut self, context: &mut Context<'_>, kind: Kind) -> io::Error {
        self.activity.cut(Cut::Flood);
        if let Some(more) = self.log.now() {
            tracing::warn!(
                more,
                "a gRPC client sent too many frames ({}), its connection is cut",
                kind.name()
            );
        }
        if self.sent.is_between_frames() {
            let mut goaway = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
            goaway.extend_from_slice(&self.last_stream.to_be_bytes());
            goaway.extend_from_slice(&CALM);
            // A client that does not take it does not get it.
            let _ = Pin::new(&mut self.io).poll_write(context, &goaway);
            let _ = Pin::new(&mut self.io).poll_flush(context);
        }
        flooded()
    }
}

fn flooded() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "too many frames")
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncRead for Frames<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.flood.is_some() {
            return Poll::Ready(Err(flooded()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.io).poll_read(context, buffer);
        // Nothing has come where it is pending, or failed.
        self.receive(&buffer.filled()[before..]);
        match self.flood {
            None => result,
            Some(kind) => Poll::Ready(Err(self.end(context, kind))),
        }
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Frames<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.flood.is_some() {
            return Poll::Ready(Err(flooded()));
        }
        let result = Pin::new(&mut self.io).poll_write(context, bytes);
        if let Poll::Ready(Ok(length)) = result {
            self.send(&bytes[..length]);
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.flood.is_some() {
            return Poll::Ready(Err(flooded()));
        }
        let result = Pin::new(&mut self.io).poll_write_vectored(context, pieces);
        if let Poll::Ready(Ok(mut length)) = result {
            for piece in pieces {
                let written = piece.len().min(length);
                self.send(&piece[..written]);
                length -= written;
            }
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// How many of something there may be: so many at once, and some more with every second.
struct Allowance {
    most: i64,
    a_second: i64,
    left: i64,
    /// When time was last counted; looked at only when there is nothing left.
    counted: Instant,
}

impl Allowance {
    fn new(most: i64, a_second: i64) -> Self {
        Self {
            most,
            a_second,
            left: most,
            counted: Instant::now(),
        }
    }

    fn earn(&mut self, number: i64) {
        self.left = self.left.saturating_add(number).min(self.most);
    }

    /// Whether there were so many left.
    fn take(&mut self, number: i64) -> bool {
        if self.left < number {
            self.wait();
        }
        self.left -= number;
        self.left >= 0
    }

    /// Counts the time that has passed.
    fn wait(&mut self) {
        let passed = self.counted.elapsed();
        self.counted = Instant::now();
        let seconds = passed.min(Duration::from_secs(3600)).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "at most an hour's worth"
        )]
        self.earn((seconds * self.a_second as f64) as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_allowance_comes_back_with_time_and_is_never_more_than_its_most() {
        let mut allowance = Allowance::new(10, 4);
        assert!((0..10).all(|_| allowance.take(1)));
        assert!(!allowance.take(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        // Four, but for the one that was taken in vain.
        assert!((0..3).all(|_| allowance.take(1)));
        assert!(!allowance.take(1));
        tokio::time::advance(Duration::from_secs(86_400)).await;
        allowance.earn(1);
        assert!((0..10).all(|_| allowance.take(1)));
        assert!(!allowance.take(1));
    }
}
