//! Writes a row group: masked chunks as they were encoded, all others byte for byte as they were.

use std::io::Write;
use std::ops::Range;
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
    let copied: Vec<_> = copied.map(|leaf| chunk_range(group.column(leaf))).collect();
    let mut copied = copied.as_slice();
    let mut run = 0..0;
    let mut source = RangeChunks::new(Arc::clone(&footer.reader), vec![], read_ahead);

    let mut masked = masked.into_iter().peekable();
    let mut out = writer.next_row_group()?;
    for leaf in 0..group.num_columns() {
        match masked
            .next_if(|chunk| chunk.leaf == leaf)
            .map(|chunk| chunk.body)
        {
            None => {
                if !copied.first().is_some_and(|chunk| lies_in(chunk, &run)) {
                    // One run is in memory at a time.
                    run = first_run(copied);
                    let windows = vec![run.clone()];
                    source = RangeChunks::new(Arc::clone(&footer.reader), windows, read_ahead);
                }
                copied = copied.get(1..).unwrap_or_default();
                out.append_column(&source, copied_chunk(footer, row_group, leaf, &source))?;
            }
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

/// The first of `chunks` and those behind it that touch: they are read as one.
fn first_run(chunks: &[Range<u64>]) -> Range<u64> {
    let mut run = chunks.first().cloned().unwrap_or_default();
    for chunk in chunks.iter().skip(1) {
        if chunk.start != run.end {
            break;
        }
        run.end = chunk.end;
    }
    run
}

fn lies_in(chunk: &Range<u64>, run: &Range<u64>) -> bool {
    run.start <= chunk.start && chunk.end <= run.end
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_touch_are_a_run() {
        for (chunks, run) in [
            (vec![], 0..0),
            (vec![4..8, 9..10], 4..8),
            (vec![4..8, 8..9, 9..20, 21..30], 4..20),
            (vec![40..50, 4..8], 40..50),
        ] {
            assert_eq!(first_run(&chunks), run, "{chunks:?}");
        }
    }
}
