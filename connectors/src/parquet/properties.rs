//! How the new file is written: like the old one, as far as its footer and pages tell.

use std::sync::Arc;

use parquet::basic::{Encoding, PageType, Type as Physical};
use parquet::column::page::{Page, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::properties::{
    BloomFilterPosition, EnabledStatistics, WriterProperties, WriterVersion,
};
use parquet::file::serialized_reader::SerializedPageReader;

use super::footer::{Footer, chunk_range};
use super::metadata::{key_values, sorting_columns};
use super::reader::RangeChunks;
use super::schema::Leaf;

/// What the footer of a masked file says wrote it.
pub(super) const CREATED_BY: &str = concat!("visard version ", env!("CARGO_PKG_VERSION"));

/// The share of wrong answers a rebuilt bloom filter aims at, as common writers do.
const BLOOM_FILTER_FPP: f64 = 0.01;
/// Bits a bloom filter spends on a value at that share.
const BLOOM_FILTER_BITS: u64 = 10;
/// Values a bloom filter is made for when the old one's size is unknown.
const BLOOM_FILTER_VALUES: u64 = 1 << 20;
/// Bytes read at a time in search of a chunk's first data page.
const FIRST_PAGE_BYTES: u64 = 64 * 1024;

/// Properties of the file as a whole.
pub(super) fn file_properties(footer: &Footer, masked: &[usize]) -> WriterProperties {
    let (pairs, _) = key_values(footer.file(), masked);
    let version = match footer.file().version() {
        1 => WriterVersion::PARQUET_1_0,
        _ => WriterVersion::PARQUET_2_0,
    };
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(Some(pairs).filter(|pairs| !pairs.is_empty()))
        .set_sorting_columns(sorting_columns(footer.metadata(), masked))
        .set_writer_version(version)
        .set_offset_index_disabled(!footer.has_indexes())
        .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup)
        .build()
}

/// Properties of the masked chunks of a row group: codec, dictionary, encoding, statistics and
/// bloom filter as in the source. A codec's level is not in the file; the codec's default is used.
pub(super) fn chunk_properties<'a>(
    footer: &Footer,
    row_group: usize,
    masked: impl Iterator<Item = (usize, &'a Leaf)>,
    page_version: WriterVersion,
) -> WriterProperties {
    let group = footer.row_group(row_group);
    let mut builder = WriterProperties::builder().set_writer_version(page_version);
    for (index, leaf) in masked {
        let column = group.column(index);
        let path = column.column_path();
        let indexed = column.column_index_length().is_some() && footer.has_indexes();
        builder = builder
            .set_column_compression(path.clone(), column.compression())
            .set_column_dictionary_enabled(path.clone(), has_dictionary(column))
            .set_column_statistics_enabled(path.clone(), statistics(column, leaf, indexed));
        if let Some(encoding) = encoding(column) {
            builder = builder.set_column_encoding(path.clone(), encoding);
        }
        if column.bloom_filter_offset().is_some() {
            builder = builder
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FILTER_FPP)
                .set_column_bloom_filter_max_ndv(path.clone(), bloom_filter_values(column, group));
        }
    }
    builder.build()
}

fn has_dictionary(column: &ColumnChunkMetaData) -> bool {
    let dictionary = |encoding| {
        matches!(
            encoding,
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY
        )
    };
    column.dictionary_page_offset().is_some() || column.encodings().any(dictionary)
}

fn statistics(column: &ColumnChunkMetaData, leaf: &Leaf, indexed: bool) -> EnabledStatistics {
    // Their order is not that of their bytes, by which the encoder would compare them.
    let decimal_bytes = leaf.physical == Physical::BYTE_ARRAY && leaf.data_type.is_decimal();
    match (indexed, column.statistics()) {
        _ if decimal_bytes || leaf.physical == Physical::INT96 => EnabledStatistics::None,
        (true, _) => EnabledStatistics::Page,
        (false, Some(_)) => EnabledStatistics::Chunk,
        (false, None) => EnabledStatistics::None,
    }
}

/// The encoding of values beside or instead of a dictionary.
fn encoding(column: &ColumnChunkMetaData) -> Option<Encoding> {
    let special = |encoding: &Encoding| {
        matches!(
            encoding,
            Encoding::DELTA_BINARY_PACKED
                | Encoding::DELTA_LENGTH_BYTE_ARRAY
                | Encoding::DELTA_BYTE_ARRAY
                | Encoding::BYTE_STREAM_SPLIT
        )
    };
    match column.column_type() {
        // RLE is listed for levels as well, so it says nothing about values.
        Physical::BOOLEAN => None,
        _ => Some(column.encodings().find(special).unwrap_or(Encoding::PLAIN)),
    }
}

fn bloom_filter_values(column: &ColumnChunkMetaData, group: &RowGroupMetaData) -> u64 {
    let bits = column
        .bloom_filter_length()
        .map(|length| length.max(0) as u64 * 8);
    let room = bits.map_or(BLOOM_FILTER_VALUES, |bits| bits / BLOOM_FILTER_BITS);
    room.min(group.num_rows() as u64).max(1)
}

/// Whether the source has data pages of version 2, by its footer or else by a page of `columns`.
pub(super) fn page_version(footer: &Footer, columns: &[usize]) -> Result<WriterVersion> {
    for group in footer.metadata().row_groups() {
        for index in columns {
            let column = group.column(*index);
            // Version 1 proves nothing here: Arrow C++ lists every data page as one.
            let mut listed = column.page_encoding_stats().into_iter().flatten();
            if listed.any(|page| page.page_type == PageType::DATA_PAGE_V2) {
                return Ok(WriterVersion::PARQUET_2_0);
            }
            if let Some(version) = first_page_version(footer, column, group.num_rows() as usize)? {
                return Ok(version);
            }
        }
    }
    Ok(WriterVersion::PARQUET_1_0)
}

fn first_page_version(
    footer: &Footer,
    column: &ColumnChunkMetaData,
    rows: usize,
) -> Result<Option<WriterVersion>> {
    let reader = Arc::clone(&footer.reader);
    let chunk = RangeChunks::new(reader, vec![chunk_range(column)], FIRST_PAGE_BYTES);
    let mut pages = SerializedPageReader::new(Arc::new(chunk), column, rows, None)?;
    while let Some(page) = pages.get_next_page()? {
        match page {
            Page::DataPageV2 { .. } => return Ok(Some(WriterVersion::PARQUET_2_0)),
            Page::DataPage { .. } => return Ok(Some(WriterVersion::PARQUET_1_0)),
            Page::DictionaryPage { .. } => {}
        }
    }
    Ok(None)
}
