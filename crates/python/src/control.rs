//! The control socket of a process: frames that belong to no request, and descriptors with them.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::net::{
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, sendmsg, shutdown,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::error::StartError;
use crate::frame::{HEADER, Header, Kind};

/// Descriptors that go with one frame at most, which is less than the system allows.
pub(crate) const DESCRIPTORS: usize = 128;

/// Frames on the control socket are written by our own package before and after the component's
/// code has run; what they hold is a traceback at most.
const LARGEST: u64 = 16 << 20;

/// The server's half of a process's control socket. At its end the process knows that the server is
/// gone.
#[derive(Debug)]
pub(crate) struct Control {
    socket: UnixStream,
    /// Locked while a frame is written.
    writing: tokio::sync::Mutex<()>,
}

impl Control {
    /// A control socket, and the half for the process.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = pair()?;
        let control = Self {
            socket: ours,
            writing: tokio::sync::Mutex::default(),
        };
        Ok((control, theirs))
    }

    /// Sends a frame.
    pub(crate) async fn send(&self, kind: Kind, body: &[u8]) -> io::Result<()> {
        let _alone = self.writing.lock().await;
        self.write(&Header::control(kind, body.len()).encode())
            .await?;
        self.write(body).await
    }

    /// Sends a frame without a body, and these descriptors with it, at most [`DESCRIPTORS`]. It is
    /// sent whole or not at all, also where this is not waited for to the end.
    pub(crate) async fn send_descriptors(
        &self,
        kind: Kind,
        descriptors: &[OwnedFd],
    ) -> io::Result<()> {
        let header = Header::control(kind, 0).encode();
        let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(OwnedFd::as_fd).collect();
        let sent = self.socket.async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
                return Err(io::Error::other("too many descriptors for one frame"));
            }
            let pieces = [IoSlice::new(&header)];
            Ok(sendmsg(
                &self.socket,
                &pieces,
                &mut ancillary,
                SendFlags::NOSIGNAL,
            )?)
        });
        // A stream socket takes so few bytes in one piece.
        match sent.await? {
            HEADER => Ok(()),
            sent => Err(io::Error::other(format!("{sent} of {HEADER} bytes sent"))),
        }
    }

    /// The next frame.
    pub(crate) async fn receive(&self) -> Result<(Kind, Vec<u8>), StartError> {
        let mut head = [0; HEADER];
        self.read(&mut head).await?;
        let header = Header::decode(&head)?;
        if header.length > LARGEST {
            return Err(StartError::Protocol(format!(
                "a control frame of {} bytes, allowed are {LARGEST}",
                header.length
            )));
        }
        let mut body = vec![0; header.length as usize];
        self.read(&mut body).await?;
        Ok((header.kind, body))
    }

    /// Tells the process that nothing more comes.
    pub(crate) fn close(&self) {
        // A socket that is not connected any more tells it as well.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }

    async fn read(&self, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.socket.readable().await?;
            match self.socket.try_read(bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => bytes = &mut bytes[read..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.socket.writable().await?;
            match self.socket.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A connected pair of stream sockets: the first one is the server's.
pub(crate) fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}
