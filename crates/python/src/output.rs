//! Passes on what a worker writes to its standard streams, line by line.

use std::sync::OnceLock;

use bytes::{Buf, BytesMut};
use memchr::memrchr;
use streeling_core::{ComponentOutput, StandardStream};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A line longer than this is passed on in parts, so that a worker that never ends its line cannot
/// fill the memory.
const LONGEST: usize = 1 << 20;

/// Forwards one pipe of a process until its end; `slot` is set once it is a worker's. It reads
/// as fast as the process writes, so a chatty component never blocks on a full pipe.
pub(crate) async fn forward(
    mut pipe: impl AsyncRead + Unpin,
    stream: StandardStream,
    slot: &OnceLock<usize>,
    output: &dyn ComponentOutput,
) {
    let write = |line: &[u8]| output.write(stream, slot.get().copied(), line);
    let mut buffer = BytesMut::with_capacity(4096);
    // What has been searched for the end of a line.
    let mut searched = 0;
    loop {
        match pipe.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if let Some(end) = memrchr(b'\n', &buffer[searched..]) {
            let whole = searched + end + 1;
            for line in buffer[..whole].split_inclusive(|byte| *byte == b'\n') {
                write(line);
            }
            buffer.advance(whole);
        }
        if buffer.len() >= LONGEST {
            write(&buffer);
            buffer.clear();
        }
        searched = buffer.len();
    }
    if !buffer.is_empty() {
        // The next line of another worker must not continue this one.
        buffer.extend_from_slice(b"\n");
        write(&buffer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[derive(Debug, Default)]
    struct Lines(Mutex<Vec<Vec<u8>>>);

    impl ComponentOutput for Lines {
        fn write(&self, stream: StandardStream, worker: Option<usize>, line: &[u8]) {
            assert_eq!((stream, worker), (StandardStream::Output, Some(3)));
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    async fn forwarded(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut writer, reader) = tokio::io::duplex(1 << 16);
        let slot = OnceLock::from(3);
        let lines = Lines::default();
        let write = async {
            for part in parts {
                writer.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(writer);
        };
        tokio::join!(
            write,
            forward(reader, StandardStream::Output, &slot, &lines)
        );
        lines.0.into_inner().unwrap()
    }

    #[tokio::test]
    async fn lines_are_passed_on_whole_and_unchanged() {
        let lines = forwarded(&[b"a\r\nb", b"", b"\xff\n\n", b"\x1f30\x1f c \n", b"d"]).await;
        let expected: [&[u8]; 5] = [b"a\r\n", b"b\xff\n", b"\n", b"\x1f30\x1f c \n", b"d\n"];
        assert_eq!(lines, expected);
    }

    #[tokio::test]
    async fn a_very_long_line_is_passed_on_in_parts() {
        let long = vec![b'x'; 5 * LONGEST / 2];
        let lines = forwarded(&[&long, b"\nnext\n"]).await;
        let (last, parts) = lines.split_last().unwrap();
        assert_eq!(last, b"next\n");
        assert!(parts.len() > 2 && parts.iter().all(|part| part.len() <= 2 * LONGEST));
        assert_eq!(parts.concat(), [&long[..], b"\n"].concat());
    }
}
