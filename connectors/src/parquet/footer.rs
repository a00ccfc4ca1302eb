//! A file's footer: read, checked, and held while a unit is being worked on.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::Schema;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataOptions,
    ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::SchemaDescriptor;

use super::error::{FormatError, damaged};
use super::metadata::is_encrypted;
use super::reader::RangeChunks;
use crate::store::RangeReader;

/// Bytes read from the end of a file to have most footers at once.
const TAIL_BYTES: u64 = 256 * 1024;
/// Length of the footer's length and of `PAR1` behind it.
const FOOTER_END: u64 = 8;

/// An open file with its footer.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) path: String,
    pub(super) reader: Arc<dyn RangeReader>,
    arrow: ArrowReaderMetadata,
}

impl Footer {
    /// Reads the footer, and the page indexes where `with_indexes`, and checks that every column
    /// chunk lies in the file.
    pub(super) fn load(
        path: &str,
        reader: Arc<dyn RangeReader>,
        fields: Option<&Arc<Schema>>,
        with_indexes: bool,
    ) -> Result<Self, FormatError> {
        let chunks = RangeChunks::tail(Arc::clone(&reader), TAIL_BYTES).map_err(damaged(path))?;
        if footer_is_encrypted(&chunks).map_err(damaged(path))? {
            return Err(FormatError::Encrypted {
                path: path.to_owned(),
            });
        }
        let policy = if with_indexes {
            PageIndexPolicy::Optional
        } else {
            PageIndexPolicy::Skip
        };
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(policy)
            .with_metadata_options(Some(
                ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false),
            ))
            .parse_and_finish(&chunks)
            .map_err(damaged(path))?;
        check(path, &metadata, reader.size())?;
        let fields = match fields {
            Some(fields) => Arc::clone(fields),
            None => {
                super::schema::FileSchema::try_new(metadata.file_metadata().schema_descr())
                    .map_err(damaged(path))?
                    .fields
            }
        };
        let options = ArrowReaderOptions::new().with_schema(fields);
        let arrow =
            ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(damaged(path))?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            arrow,
        })
    }

    pub(super) fn arrow(&self) -> &ArrowReaderMetadata {
        &self.arrow
    }

    pub(super) fn metadata(&self) -> &Arc<ParquetMetaData> {
        self.arrow.metadata()
    }

    pub(super) fn file(&self) -> &FileMetaData {
        self.metadata().file_metadata()
    }

    pub(super) fn schema(&self) -> &SchemaDescriptor {
        self.file().schema_descr()
    }

    pub(super) fn row_group(&self, row_group: usize) -> &RowGroupMetaData {
        self.metadata().row_group(row_group)
    }

    /// Whether every chunk of the file has an offset index: only then can the new file have one.
    pub(super) fn has_indexes(&self) -> bool {
        self.metadata().offset_index().is_some()
    }
}

/// The bytes of a column chunk, dictionary and data pages.
pub(super) fn chunk_range(column: &ColumnChunkMetaData) -> Range<u64> {
    let (start, length) = column.byte_range();
    start..start + length
}

fn footer_is_encrypted(chunks: &RangeChunks) -> parquet::errors::Result<bool> {
    let size = chunks.len();
    if size < FOOTER_END + 4 {
        return Err(ParquetError::General("it is too short".to_owned()));
    }
    let end = chunks.get_bytes(size - FOOTER_END, FOOTER_END as usize)?;
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    match &end[4..] {
        b"PARE" => Ok(true),
        b"PAR1" if length <= size - FOOTER_END => {
            let footer = chunks.get_bytes(size - FOOTER_END - length, length as usize)?;
            Ok(is_encrypted(&footer))
        }
        _ => Err(ParquetError::General(
            "its end is not that of a Parquet file".to_owned(),
        )),
    }
}

fn check(path: &str, metadata: &ParquetMetaData, size: u64) -> Result<(), FormatError> {
    let problem = |what: &str| {
        Err(FormatError::Damaged {
            path: path.to_owned(),
            source: ParquetError::General(what.to_owned()),
        })
    };
    for group in metadata.row_groups() {
        if group.num_rows() < 0 {
            return problem("a row group has a negative number of rows");
        }
        for column in group.columns() {
            if column.file_path().is_some_and(|file| !file.is_empty()) {
                return Err(FormatError::Unsupported {
                    path: path.to_owned(),
                    column: column.column_path().string(),
                    reason: "lies in another file",
                });
            }
            let start = column
                .dictionary_page_offset()
                .unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            let inside = start >= 4
                // Without a data page its offset means nothing.
                && (start <= column.data_page_offset() || column.num_values() == 0)
                && column.compressed_size() >= 0
                && column.uncompressed_size() >= 0
                && end.is_some_and(|end| end as u64 <= size);
            // A chunk without pages may have any offset.
            if !inside && column.compressed_size() != 0 {
                return problem("a column chunk lies outside of the file");
            }
        }
    }
    Ok(())
}
