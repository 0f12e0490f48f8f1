//! Length-prefixed frames: how this program talks to its own worker and compiler processes.
//!
//! A frame is eight bytes of length, little-endian, and that many bytes. The reader says how many it takes. A length is
//! never believed before the bytes are there: memory grows with what arrives.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest message in JSON: orders with dictionaries, contracts with code lists.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

fn too_long(length: u64, bytes_max: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes where {bytes_max} are allowed"))
}

fn cut_short() -> io::Error {
    io::Error::from(io::ErrorKind::UnexpectedEof)
}

/// Writes one frame.
///
/// # Errors
/// The other side is gone.
pub(crate) fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// Reads one frame of at most `bytes_max` bytes.
///
/// # Errors
/// The other side is gone, or the frame is longer.
pub(crate) fn read(from: &mut impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > bytes_max {
        return Err(too_long(length, bytes_max));
    }
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length { Err(cut_short()) } else { Ok(bytes) }
}

/// Writes one message as JSON.
///
/// # Errors
/// The other side is gone.
pub(crate) fn send<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    write(to, &serde_json::to_vec(message)?)
}

/// Reads one message.
///
/// # Errors
/// The other side is gone, or what came isn't such a message.
pub(crate) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    Ok(serde_json::from_slice(&read(from, MESSAGE_BYTES_MAX)?)?)
}

/// [`write`] for the server.
///
/// # Errors
/// The other side is gone.
pub(crate) async fn write_async<W: AsyncWrite + Unpin>(to: &mut W, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes()).await?;
    to.write_all(bytes).await?;
    to.flush().await
}

/// [`read`] for the server.
///
/// # Errors
/// The other side is gone, or the frame is longer.
pub(crate) async fn read_async<R: AsyncRead + Unpin>(from: &mut R, bytes_max: u64) -> io::Result<Vec<u8>> {
    let length = from.read_u64_le().await?;
    if length > bytes_max {
        return Err(too_long(length, bytes_max));
    }
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes).await?;
    if (bytes.len() as u64) < length { Err(cut_short()) } else { Ok(bytes) }
}

/// [`send`] for the server.
///
/// # Errors
/// The other side is gone.
pub(crate) async fn send_async<T: Serialize, W: AsyncWrite + Unpin>(to: &mut W, message: &T) -> io::Result<()> {
    write_async(to, &serde_json::to_vec(message)?).await
}

/// [`receive`] for the server.
///
/// # Errors
/// The other side is gone, or what came isn't such a message.
pub(crate) async fn receive_async<T: DeserializeOwned, R: AsyncRead + Unpin>(from: &mut R) -> io::Result<T> {
    Ok(serde_json::from_slice(&read_async(from, MESSAGE_BYTES_MAX).await?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_went() {
        let mut pipe = Vec::new();
        write(&mut pipe, b"").expect("a vector");
        write(&mut pipe, b"abc").expect("a vector");
        send(&mut pipe, &vec![1, 2]).expect("a vector");
        let mut from = pipe.as_slice();
        assert_eq!(read(&mut from, 0).expect("an empty frame"), b"");
        assert_eq!(read(&mut from, 3).expect("a frame of three"), b"abc");
        assert_eq!(receive::<Vec<u8>>(&mut from).expect("a message"), [1, 2]);
        assert_eq!(read(&mut from, 3).expect_err("nothing left").kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_frame_is_refused_by_its_length_and_a_lie_costs_nothing() {
        let mut pipe = Vec::new();
        write(&mut pipe, b"abcd").expect("a vector");
        assert_eq!(read(&mut pipe.as_slice(), 3).expect_err("too long").kind(), io::ErrorKind::InvalidData);
        let lie = (1_u64 << 40).to_le_bytes();
        assert_eq!(read(&mut lie.as_slice(), 1 << 41).expect_err("cut short").kind(), io::ErrorKind::UnexpectedEof);
        let short = pipe.get(..10).expect("twelve bytes were written");
        assert_eq!(read(&mut &*short, 9).expect_err("cut short").kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn both_sides_speak_the_same() {
        let mut pipe = Vec::new();
        write_async(&mut pipe, b"abc").await.expect("a vector");
        send(&mut pipe, &"x").expect("a vector");
        let mut from = pipe.as_slice();
        assert_eq!(read_async(&mut from, 3).await.expect("a frame"), b"abc");
        assert_eq!(receive_async::<String, _>(&mut from).await.expect("a message"), "x");
        assert!(read_async(&mut from, 3).await.is_err());
    }
}
