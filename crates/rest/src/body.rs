//! Taking a request's body in, within its limits.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt};
use http::StatusCode;
use streeling_core::{Charge, Error, ErrorKind, Limit};
use streeling_net::{Elsewhere, Offload};
use tokio::time::{Instant, timeout};

/// Bytes that are reserved for a body by its claim alone; more only for what has come. So what a
/// buffer of 1 MB takes is not copied each time that it has doubled, and no half of it stays empty.
const RESERVED_AT_MOST: usize = 1 << 20;

/// How much of a refused body is read so that the client gets to see the response: closing a
/// connection with unread data makes the kernel reset it, which can overtake the response.
const DISCARD_BYTES: usize = 16 * 1024 * 1024;

/// How long a refused body is read for the same purpose.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes at most.
    pub(crate) size: usize,
    /// Time at most between two pieces.
    pub(crate) idle: Duration,
    /// Time at most from the first wait for a piece to the end.
    pub(crate) time: Duration,
}

impl Limits {
    /// Refuses a body by the length that its client claims.
    pub(crate) fn check(self, claimed: Option<u64>) -> Result<(), Error> {
        match claimed.map(usize::try_from) {
            Some(Ok(length)) if length <= self.size => Ok(()),
            None => Ok(()),
            Some(_) => Err(self.too_large()),
        }
    }

    pub(crate) fn too_large(self) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "the request body is too large, allowed are {} bytes (--max-body-size, \
                 STREELING_MAX_BODY_SIZE)",
                self.size
            ),
        )
        .beyond(Limit::Body)
    }

    fn idled(self) -> Error {
        Error {
            http_status: Some(StatusCode::REQUEST_TIMEOUT.as_u16()),
            ..Error::new(
                ErrorKind::BadData,
                format!(
                    "nothing more of the body came for {:?} (--idle-timeout, \
                     STREELING_IDLE_TIMEOUT)",
                    self.idle
                ),
            )
            .beyond(Limit::BodyPause)
        }
    }

    fn late(self) -> Error {
        Error {
            http_status: Some(StatusCode::REQUEST_TIMEOUT.as_u16()),
            ..Error::new(
                ErrorKind::BadData,
                format!(
                    "the body did not come within {:?} (--body-timeout, STREELING_BODY_TIMEOUT)",
                    self.time
                ),
            )
            .beyond(Limit::BodyTime)
        }
    }
}

/// Reads a body to its end. One that comes in one piece is not copied; up to 1 MiB memory is
/// reserved by the claim alone, the rest of it when so much has come. `charge` has taken what is
/// claimed; it grows where nothing is, before memory does.
pub(crate) async fn collect<B: Buf, E>(
    body: &mut (impl Stream<Item = Result<B, E>> + Unpin),
    claimed: Option<u64>,
    limits: Limits,
    charge: &mut Charge,
    offload: &Offload,
) -> Result<Bytes, Error> {
    let mut until = None;
    let first = match piece(body, limits, &mut until).await? {
        None => return Ok(Bytes::new()),
        Some(first) if first.len() > limits.size => return Err(limits.too_large()),
        Some(first) => first,
    };
    // The claim is how the body is framed: it has ended here.
    if claimed == Some(first.len() as u64) {
        return Ok(first);
    }
    let mut charged = claimed.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if first.len() > charged {
        charge.grow(first.len() - charged)?;
        charged = first.len();
    }
    let Some(second) = piece(body, limits, &mut until).await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::with_capacity(charged.min(RESERVED_AT_MOST).max(first.len()));
    whole.extend_from_slice(&first);
    drop(first);
    let mut whole = Elsewhere::new(whole);
    let mut next = Some(second);
    while let Some(mut piece_) = next {
        let (length, capacity) = (whole.get_mut().len(), whole.get_mut().capacity());
        let size = length + piece_.len();
        if size > limits.size {
            return Err(limits.too_large());
        }
        // It is copied then, into what is claimed, or into twice the room.
        if size > capacity {
            let room = if size <= charged {
                charged
            } else {
                size.max((2 * capacity).min(limits.size))
            };
            if room > charged {
                charge.grow(room - charged)?;
                charged = room;
            }
            let grow = move || {
                whole.get_mut().reserve(room - length);
                (whole, piece_)
            };
            (whole, piece_) = offload.run(length, grow).await;
        }
        whole.get_mut().extend_from_slice(&piece_);
        next = piece(body, limits, &mut until).await?;
    }
    let whole = whole.into_inner().freeze();
    // To drop what is large takes long, wherever that is done.
    if Offload::moves(whole.len()) {
        return Ok(Bytes::from_owner(Elsewhere::new(whole)));
    }
    Ok(whole)
}

/// Reads a body to its end and leaves it in the pieces in which it came; `charge` as for
/// [`collect`].
pub(crate) async fn pieces<B: Buf, E>(
    body: &mut (impl Stream<Item = Result<B, E>> + Unpin),
    claimed: Option<u64>,
    limits: Limits,
    charge: &mut Charge,
) -> Result<Vec<Bytes>, Error> {
    let mut charged = claimed.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    let (mut pieces, mut size) = (Vec::new(), 0);
    let mut until = None;
    while let Some(next) = piece(body, limits, &mut until).await? {
        size += next.len();
        if size > limits.size {
            return Err(limits.too_large());
        }
        if size > charged {
            charge.grow(size - charged)?;
            charged = size;
        }
        pieces.push(next);
    }
    Ok(pieces)
}

async fn piece<B: Buf, E>(
    body: &mut (impl Stream<Item = Result<B, E>> + Unpin),
    limits: Limits,
    until: &mut Option<Instant>,
) -> Result<Option<Bytes>, Error> {
    // What is there already needs no timer, and no room for one: a timer is large, and is aligned
    // to cache lines, as then everything would be that it is part of.
    let piece = match body.next().now_or_never() {
        Some(piece) => piece,
        None => {
            // Nor is the clock read before it is needed.
            let now = Instant::now();
            let left = until.get_or_insert(now + limits.time).duration_since(now);
            let next = Box::pin(timeout(limits.idle.min(left), body.next()));
            next.await.map_err(|_| {
                if left <= limits.idle {
                    limits.late()
                } else {
                    limits.idled()
                }
            })?
        }
    };
    match piece {
        None => Ok(None),
        Some(Ok(mut piece)) => Ok(Some(piece.copy_to_bytes(piece.remaining()))),
        Some(Err(_)) => Err(Error::new(
            ErrorKind::BadData,
            "the body broke off, or is not framed as HTTP demands",
        )),
    }
}

/// Reads on and throws away, in the background and within bounds.
pub(crate) fn discard<B, E>(mut body: impl Stream<Item = Result<B, E>> + Send + Unpin + 'static)
where
    B: Buf + Send,
    E: Send,
{
    tokio::spawn(timeout(DISCARD_TIME, async move {
        let mut read = 0;
        while let Some(Ok(piece)) = body.next().await {
            read += piece.remaining();
            if read > DISCARD_BYTES {
                break;
            }
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::{iter, pending};

    use streeling_core::{Account, Budget};

    use super::*;

    const LIMITS: Limits = Limits {
        size: 6,
        idle: Duration::from_millis(20),
        time: Duration::from_secs(1),
    };

    async fn collected(pieces: &[Bytes]) -> Result<Bytes, Error> {
        let mut body = iter(pieces.to_vec()).map(Ok::<_, Infallible>);
        collect(&mut body, None, LIMITS, &mut charge(), &Offload::new()).await
    }

    fn charge() -> Charge {
        Account::default().request()
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        let piece = Bytes::from(b"abcdef".to_vec());
        let whole = collected(std::slice::from_ref(&piece)).await.unwrap();
        assert_eq!(whole.as_ptr(), piece.as_ptr());
        assert_eq!(whole, piece);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_beyond_the_claim() {
        let piece = iter([Ok::<_, Infallible>(Bytes::from_static(b"abc"))]);
        let mut body = piece.chain(pending());
        let whole = collect(&mut body, Some(3), LIMITS, &mut charge(), &Offload::new()).await;
        assert_eq!(whole.unwrap(), "abc");
    }

    #[tokio::test]
    async fn limit_counts_all_pieces() {
        let piece = Bytes::from_static(b"abc");
        assert_eq!(collected(&[]).await.unwrap(), "");
        assert_eq!(
            collected(&[piece.clone(), piece.clone()]).await.unwrap(),
            "abcabc"
        );
        let error = collected(&[piece.clone(), piece, Bytes::from_static(b"d")])
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert_eq!(
            collected(&[Bytes::from_static(b"abcdefg")])
                .await
                .unwrap_err()
                .kind,
            ErrorKind::TooLarge
        );
    }

    #[tokio::test(start_paused = true)]
    async fn pause_is_bounded() {
        let mut body = pending::<Result<Bytes, Infallible>>();
        let error = collect(&mut body, None, LIMITS, &mut charge(), &Offload::new()).await;
        let error = error.unwrap_err();
        assert_eq!(error.http_status, Some(408));
        assert_eq!(error.limit, Some(Limit::BodyPause));
        assert!(error.info.contains("--idle-timeout"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_time_is_bounded_however_often_a_piece_comes() {
        const SLOW: Limits = Limits {
            size: 1000,
            ..LIMITS
        };
        let piece = async |()| {
            tokio::time::sleep(Duration::from_millis(19)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"a")), ()))
        };
        let since = Instant::now();
        let mut body = Box::pin(futures_util::stream::unfold((), piece));
        let offload = Offload::new();
        let error = collect(&mut body, Some(1000), SLOW, &mut charge(), &offload).await;
        let error = error.unwrap_err();
        assert_eq!(
            (error.http_status, error.limit),
            (Some(408), Some(Limit::BodyTime))
        );
        assert!(error.info.contains("within 1s (--body-timeout"), "{error}");
        assert_eq!(since.elapsed(), SLOW.time);
        let error = pieces(&mut body, Some(1000), SLOW, &mut charge()).await;
        assert_eq!(error.unwrap_err().limit, Some(Limit::BodyTime));
    }

    #[tokio::test]
    async fn what_is_not_claimed_is_charged_before_memory_grows() {
        const PIECE: usize = 1000;
        const LIMITS: Limits = Limits {
            size: usize::MAX,
            idle: Duration::from_millis(20),
            time: Duration::from_secs(1),
        };
        let (budget, offload) = (Budget::new(8 << 20), Offload::new());
        let piece = Bytes::from(vec![7; PIECE]);
        let pieces = |count| iter(vec![piece.clone(); count]).map(Ok::<_, Infallible>);
        for (count, claim) in [
            (1, false),
            (2, false),
            (200, false),
            (200, true),
            (500, false),
            (500, true),
            (3000, false),
            (3000, true),
        ] {
            let mut charge = budget.account().request();
            let claimed = claim.then_some((count * PIECE) as u64);
            if claim {
                charge.grow(count * PIECE).unwrap();
            }
            let mut body = pieces(count);
            let whole = collect(&mut body, claimed, LIMITS, &mut charge, &offload)
                .await
                .unwrap();
            assert_eq!(whole.len(), count * PIECE);
            let room = whole.try_into_mut().map_or(PIECE, |whole| whole.capacity());
            assert!(charge.bytes() >= room.max(count * PIECE), "{count} {claim}");
            assert!(!claim || charge.bytes() == count * PIECE);
        }
        let mut charge = budget.account().request();
        let mut body = pieces(10_000);
        let error = collect(&mut body, None, LIMITS, &mut charge, &offload).await;
        assert_eq!(error.unwrap_err().kind, ErrorKind::TooLarge);
        assert!(body.count().await > 3000, "the rest was not read");
        drop(charge);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn claim_is_held_against_the_limit() {
        assert!(LIMITS.check(None).is_ok());
        assert!(LIMITS.check(Some(6)).is_ok());
        assert_eq!(LIMITS.check(Some(7)).unwrap_err().kind, ErrorKind::TooLarge);
        assert!(LIMITS.check(Some(u64::MAX)).is_err());
    }
}
