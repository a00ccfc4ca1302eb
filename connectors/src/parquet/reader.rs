//! Reads a file's byte ranges for the Parquet decoder, with read-ahead for each column.
//!
//! Reads are positional: several columns, on several threads, never share a seek position. A
//! *window* is a range that is read from start to end, a column chunk or a run of them; what lies
//! outside of all windows is read as asked.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::store::{RangeReader, StoreError};

/// A file as the Parquet decoder reads it. Cheap to clone; clones share the read-ahead.
#[derive(Debug, Clone)]
pub(super) struct RangeChunks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reader: Arc<dyn RangeReader>,
    read_ahead: u64,
    /// In file order, without overlap.
    windows: Vec<Window>,
    /// The store's last error: the Arrow decoder keeps only the text of an error.
    fault: Mutex<Option<StoreError>>,
}

#[derive(Debug)]
struct Window {
    range: Range<u64>,
    block: Mutex<Block>,
}

/// The part of a window that is in memory.
#[derive(Debug, Default)]
struct Block {
    start: u64,
    bytes: Bytes,
}

impl Block {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn slice(&self, range: Range<u64>) -> Bytes {
        self.bytes
            .slice((range.start - self.start) as usize..(range.end - self.start) as usize)
    }
}

impl RangeChunks {
    /// Reads `windows` ahead by `read_ahead` bytes each.
    pub(super) fn new(
        reader: Arc<dyn RangeReader>,
        mut windows: Vec<Range<u64>>,
        read_ahead: u64,
    ) -> Self {
        windows.retain(|range| !range.is_empty());
        windows.sort_by_key(|range| range.start);
        windows.dedup();
        let windows = windows
            .into_iter()
            .map(|range| Window {
                range,
                block: Mutex::default(),
            })
            .collect();
        Self::with_windows(reader, windows, read_ahead)
    }

    fn with_windows(reader: Arc<dyn RangeReader>, windows: Vec<Window>, read_ahead: u64) -> Self {
        Self(Arc::new(Inner {
            reader,
            read_ahead,
            windows,
            fault: Mutex::default(),
        }))
    }

    /// The error of the store that made a read fail.
    pub(super) fn take_fault(&self) -> Option<StoreError> {
        self.0.fault.lock().take()
    }

    /// A reader that holds the last `bytes` of the file already.
    pub(super) fn tail(reader: Arc<dyn RangeReader>, bytes: u64) -> Result<Self> {
        let size = reader.size();
        let start = size.saturating_sub(bytes);
        let chunks = Self::with_windows(Arc::clone(&reader), vec![], 0);
        let block = Block {
            start,
            bytes: chunks.read(start..size)?,
        };
        let windows = vec![Window {
            range: start..size,
            block: Mutex::new(block),
        }];
        Ok(Self::with_windows(reader, windows, 0))
    }

    /// Bytes from `start` on: at least `least`, at most what is in memory anyway.
    fn fetch(&self, start: u64, least: u64) -> Result<Bytes> {
        let Inner {
            reader,
            read_ahead,
            windows,
            ..
        } = &*self.0;
        let end = start.checked_add(least).filter(|end| *end <= reader.size());
        let end = end.ok_or_else(|| ParquetError::EOF("a range ends behind the file".into()))?;
        let after = windows.partition_point(|window| window.range.start <= start);
        let window = after.checked_sub(1).map(|index| &windows[index]);
        let Some(window) = window.filter(|window| end <= window.range.end) else {
            return self.read(start..end);
        };
        let mut block = window.block.lock();
        if start < block.start || start > block.end() {
            *block = Block {
                start,
                bytes: Bytes::new(),
            };
        }
        if end > block.end() {
            let from = block.end();
            let to = end.max((from + read_ahead).min(window.range.end));
            let rest = block.slice(start..from);
            let more = self.read(from..to)?;
            *block = Block {
                start,
                bytes: join(rest, more),
            };
        }
        let end = block.end();
        Ok(block.slice(start..end))
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let length = range.end - range.start;
        let bytes = self.0.reader.read(range).map_err(|error| {
            *self.0.fault.lock() = Some(error.clone());
            ParquetError::External(Box::new(error))
        })?;
        if bytes.len() as u64 != length {
            return Err(ParquetError::EOF(
                "the store gave fewer bytes than asked".into(),
            ));
        }
        Ok(bytes)
    }
}

fn join(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(&first);
    both.extend_from_slice(&second);
    both.freeze()
}

impl Length for RangeChunks {
    fn len(&self) -> u64 {
        self.0.reader.size()
    }
}

impl ChunkReader for RangeChunks {
    type T = RangeRead;

    fn get_read(&self, start: u64) -> Result<RangeRead> {
        Ok(RangeRead {
            chunks: self.clone(),
            at: start,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        Ok(self.fetch(start, length as u64)?.slice(..length))
    }
}

/// Reads on from one place.
#[derive(Debug)]
pub(super) struct RangeRead {
    chunks: RangeChunks,
    at: u64,
}

impl Read for RangeRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.at >= self.chunks.len() {
            return Ok(0);
        }
        let bytes = self.chunks.fetch(self.at, 1).map_err(|error| match error {
            ParquetError::External(inner) => io::Error::other(inner),
            error => io::Error::other(error),
        })?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Memory(Bytes, Mutex<Vec<Range<u64>>>);

    impl RangeReader for Memory {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
            self.1.lock().push(range.clone());
            Ok(self.0.slice(range.start as usize..range.end as usize))
        }

        fn verify_unchanged(&self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn memory() -> Arc<Memory> {
        Arc::new(Memory(
            (0..100).collect::<Vec<u8>>().into(),
            Mutex::default(),
        ))
    }

    #[test]
    fn every_byte_once() {
        let reader = memory();
        let chunks = RangeChunks::new(Arc::clone(&reader) as _, vec![10..50, 50..90], 16);
        for start in [10, 17, 24, 31, 38] {
            let mut first = [0; 2];
            chunks
                .get_read(start)
                .unwrap()
                .read_exact(&mut first)
                .unwrap();
            assert_eq!(first, [start as u8, start as u8 + 1]);
            let bytes = chunks.get_bytes(start + 2, 5).unwrap();
            assert_eq!(bytes[..], reader.0[start as usize + 2..start as usize + 7]);
        }
        assert_eq!(*reader.1.lock(), [10..26, 26..42, 42..50]);
    }

    #[test]
    fn outside_of_windows() {
        let reader = memory();
        let chunks = RangeChunks::new(Arc::clone(&reader) as _, vec![10..30, 90..91], 64);
        assert_eq!(chunks.get_bytes(5, 10).unwrap()[..], reader.0[5..15]);
        assert_eq!(chunks.get_bytes(15, 10).unwrap()[..], reader.0[15..25]);
        assert!(chunks.get_bytes(95, 6).is_err());
        assert_eq!(*reader.1.lock(), [5..15, 15..30]);
    }
}
