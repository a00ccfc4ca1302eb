//! Writes a row group: masked chunks as they were encoded, all others byte for byte as they were.

use std::io::Write;
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::writer::SerializedFileWriter;

use super::encode::{ChunkBody, MaskedChunk};
use super::footer::{Footer, chunk_range};
use super::metadata::trusted;
use super::reader::RangeChunks;

/// Appends row group `row_group` of the source, with `masked` in place of their old chunks.
pub(super) fn append_row_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    footer: &Footer,
    row_group: usize,
    masked: Vec<MaskedChunk>,
    read_ahead: u64,
) -> Result<()> {
    let group = footer.row_group(row_group);
    let is_masked = |leaf: usize| masked.iter().any(|chunk| chunk.leaf == leaf);
    let copied = (0..group.num_columns()).filter(|leaf| !is_masked(*leaf));
    let ranges = copied.map(|leaf| chunk_range(group.column(leaf))).collect();
    let source = RangeChunks::merged(Arc::clone(&footer.reader), ranges, read_ahead);

    let mut masked = masked.into_iter().peekable();
    let mut out = writer.next_row_group()?;
    for leaf in 0..group.num_columns() {
        match masked
            .next_if(|chunk| chunk.leaf == leaf)
            .map(|chunk| chunk.body)
        {
            None => out.append_column(&source, copied_chunk(footer, row_group, leaf, &source))?,
            Some(ChunkBody::Arrow(mut chunk)) => {
                drop_indexes(chunk.close_mut(), footer);
                chunk.append_to_row_group(&mut out)?;
            }
            Some(ChunkBody::Int96(file, mut closed)) => {
                drop_indexes(&mut closed, footer);
                out.append_column(&file, *closed)?;
            }
        }
    }
    out.close()?;
    Ok(())
}

/// What the source's footer says about a chunk, with its page indexes and bloom filter.
fn copied_chunk(
    footer: &Footer,
    row_group: usize,
    leaf: usize,
    source: &RangeChunks,
) -> ColumnCloseResult {
    let group = footer.row_group(row_group);
    let column = group.column(leaf);
    let offset_index = footer.metadata().offset_index();
    let column_index = footer.metadata().column_index();
    let column_index = column_index.filter(|_| footer.has_indexes());
    ColumnCloseResult {
        bytes_written: column.compressed_size() as u64,
        rows_written: group.num_rows() as u64,
        metadata: trusted(column, footer.file()),
        // An unreadable filter is left out: it only ever saves work.
        bloom_filter: Sbbf::read_from_column_chunk(column, source).ok().flatten(),
        column_index: column_index
            .and_then(|index| index.get(row_group)?.get(leaf).cloned())
            .filter(|index| !matches!(index, ColumnIndexMetaData::NONE)),
        offset_index: offset_index.and_then(|index| index.get(row_group)?.get(leaf).cloned()),
    }
}

/// Offset indexes are written for all chunks of a file or for none.
fn drop_indexes(chunk: &mut ColumnCloseResult, footer: &Footer) {
    if !footer.has_indexes() {
        chunk.offset_index = None;
        chunk.column_index = None;
    }
}
