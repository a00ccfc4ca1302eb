//! gzip, zstd and bzip2 around a text file, each worked on by a thread of its own.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use bytes::{Buf, Bytes};
use tokio::runtime::Handle;

use crate::store::RangeReader;

/// Bytes that travel between threads at a time.
const PIECE: usize = 1 << 20;
/// Pieces that wait between two threads.
const WAITING: usize = 2;

/// What a file is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
}

impl Compression {
    /// The wrapping that the name of a file tells, and the name without it.
    pub(super) fn of(path: &str) -> (Self, &str) {
        for (extension, compression) in [
            (".gz", Self::Gzip),
            (".zst", Self::Zstd),
            (".bz2", Self::Bzip2),
        ] {
            let split = path.len().saturating_sub(extension.len());
            if let Some((stem, end)) = path.split_at_checked(split)
                && end.eq_ignore_ascii_case(extension)
            {
                return (compression, stem);
            }
        }
        (Self::None, path)
    }

    /// `input` of `size` bytes, unwrapped: all members or frames of it. No bytes at all are no
    /// member, and an empty file.
    pub(super) fn decoder(
        self,
        input: impl Read + Send + 'static,
        size: u64,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            _ if size == 0 => Box::new(io::empty()),
            Self::None => Box::new(input),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(input)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(input)?),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(input)),
        })
    }

    /// Wraps what is written to `out`, at the level each tool takes by itself.
    fn encoder<W: Write>(self, out: W) -> io::Result<Encoder<W>> {
        Ok(match self {
            Self::None => Encoder::None(out),
            Self::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(
                out,
                flate2::Compression::default(),
            )),
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, 0)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
            Self::Bzip2 => Encoder::Bzip2(bzip2::write::BzEncoder::new(
                out,
                bzip2::Compression::best(),
            )),
        })
    }
}

/// One gzip member, one zstd frame or one bzip2 stream being written.
enum Encoder<W: Write> {
    None(W),
    Gzip(flate2::write::GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
    Bzip2(bzip2::write::BzEncoder<W>),
}

impl<W: Write> Encoder<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::None(out) => out.write_all(bytes),
            Self::Gzip(out) => out.write_all(bytes),
            Self::Zstd(out) => out.write_all(bytes),
            Self::Bzip2(out) => out.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Self::None(out) => Ok(out),
            Self::Gzip(out) => out.finish(),
            Self::Zstd(out) => out.finish(),
            Self::Bzip2(out) => out.finish(),
        }
    }
}

/// An object of a store from its beginning to its end.
pub(super) struct RangeRead {
    reader: Arc<dyn RangeReader>,
    at: u64,
    /// Bytes asked of the store at a time: doubled with each request, up to the largest.
    request: usize,
    buffered: Bytes,
}

impl RangeRead {
    pub(super) fn new(reader: Arc<dyn RangeReader>, first_request: usize) -> Self {
        Self {
            reader,
            at: 0,
            request: first_request,
            buffered: Bytes::new(),
        }
    }
}

impl Read for RangeRead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        const LARGEST: usize = 8 << 20;
        if self.buffered.is_empty() && self.at < self.reader.size() {
            let end = self.reader.size().min(self.at + self.request as u64);
            self.buffered = self.reader.read(self.at..end)?;
            self.at = end;
            self.request = (2 * self.request).min(LARGEST.max(self.request));
        }
        let bytes = out.len().min(self.buffered.len());
        self.buffered.copy_to_slice(&mut out[..bytes]);
        Ok(bytes)
    }
}

/// Reads on a thread of its own, a few pieces ahead. Dropped, it lets the thread end.
pub(super) struct ReadAhead(Receiver<io::Result<Bytes>>);

impl ReadAhead {
    pub(super) fn new(mut input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        start("text-read", move || {
            loop {
                let mut piece = Vec::with_capacity(PIECE);
                let read = input.by_ref().take(PIECE as u64).read_to_end(&mut piece);
                let (over, piece) = match read {
                    Ok(bytes) => (bytes < PIECE, Ok(Bytes::from(piece))),
                    Err(error) => (true, Err(error)),
                };
                if sender.send(piece).is_err() || over {
                    return;
                }
            }
        })?;
        Ok(Self(receiver))
    }

    /// The next piece; `None` behind the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.0.recv().ok().transpose()
    }
}

/// Writes to `W`, wrapped, on a thread of its own. Dropped unfinished, it gives `W` up.
pub(super) struct WriteBehind<W> {
    pieces: SyncSender<Piece>,
    /// Taken once its result is known.
    thread: Option<JoinHandle<io::Result<W>>>,
}

enum Piece {
    Bytes(Vec<u8>),
    /// Without it, a sender that is gone means that the file was given up.
    End,
}

impl<W: Write + Send + 'static> WriteBehind<W> {
    pub(super) fn new(compression: Compression, out: W) -> io::Result<Self> {
        let (pieces, receiver) = sync_channel(WAITING);
        let mut encoder = compression.encoder(out)?;
        let thread = start("text-write", move || {
            for piece in receiver {
                match piece {
                    Piece::Bytes(bytes) => encoder.write_all(&bytes)?,
                    Piece::End => return encoder.finish(),
                }
            }
            Err(io::Error::other("the file was given up"))
        })?;
        Ok(Self {
            pieces,
            thread: Some(thread),
        })
    }

    /// Hands `bytes` over, a piece at a time.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            if self.pieces.send(Piece::Bytes(piece.to_vec())).is_err() {
                return self.join().map(drop);
            }
        }
        Ok(())
    }

    /// Waits until everything is written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        // When nobody listens any more, the thread has an error for us.
        let _ = self.pieces.send(Piece::End);
        self.join()
    }

    fn join(&mut self) -> io::Result<W> {
        let done = self.thread.take().map(JoinHandle::join);
        match done {
            Some(Ok(done)) => done,
            Some(Err(_)) => Err(io::Error::other("the writing thread panicked")),
            None => Err(io::Error::other("writing failed before")),
        }
    }
}

/// Starts a thread from which a store can be called: it knows the runtime of the one it came from.
fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let runtime = Handle::try_current().ok();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _entered = runtime.as_ref().map(Handle::enter);
        work()
    })
}

#[cfg(test)]
mod tests {
    use super::super::corpus::Memory;
    use super::*;

    #[test]
    fn names() {
        for (path, compression, stem) in [
            ("a/b.csv", Compression::None, "a/b.csv"),
            ("a/b.csv.gz", Compression::Gzip, "a/b.csv"),
            ("b.tsv.ZST", Compression::Zstd, "b.tsv"),
            ("b.bz2", Compression::Bzip2, "b"),
            ("gz", Compression::None, "gz"),
            ("é", Compression::None, "é"),
        ] {
            assert_eq!(Compression::of(path), (compression, stem));
        }
    }

    #[test]
    fn there_and_back_in_two_members() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7 % 251) as u8).collect();
        for compression in [
            Compression::None,
            Compression::Gzip,
            Compression::Zstd,
            Compression::Bzip2,
        ] {
            let mut wrapped = vec![];
            for half in text.chunks(2_000_000) {
                let mut out = WriteBehind::new(compression, vec![]).unwrap();
                out.write_all(half).unwrap();
                wrapped.extend(out.finish().unwrap());
            }
            let input = RangeRead::new(Memory::reader(&wrapped), 1000);
            let decoder = compression.decoder(input, wrapped.len() as u64).unwrap();
            let mut ahead = ReadAhead::new(decoder).unwrap();
            let mut read = vec![];
            while let Some(piece) = ahead.next().unwrap() {
                read.extend_from_slice(&piece);
            }
            assert!(read == text, "{compression:?}");
            let cut = wrapped[..wrapped.len() - 5].to_vec();
            let input = RangeRead::new(Memory::reader(&cut), 1000);
            let mut decoder = compression.decoder(input, cut.len() as u64).unwrap();
            let read = io::copy(&mut decoder, &mut io::sink());
            assert_eq!(
                read.is_ok(),
                compression == Compression::None,
                "{compression:?}"
            );
        }
    }

    #[test]
    fn a_failing_output_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = WriteBehind::new(Compression::None, Full).unwrap();
        out.write_all(b"a").unwrap();
        let error = out.finish().map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
