//! What a Parquet file holds, learned from its footer alone.

use std::sync::Arc;

use parquet::basic::PageType;
use parquet::file::metadata::ColumnChunkMetaData;

use super::error::{FormatError, catch, damaged};
use super::footer::Footer;
use super::metadata::key_values;
use super::schema::FileSchema;
use crate::store::{Object, Store};

/// A file as planning needs it. Light: thousands are held at once, and the footer is read again
/// when the unit is worked on.
#[derive(Debug, Clone)]
pub struct ParquetShape {
    /// Root columns and leaves. Equal for many files; [`ParquetShape::share`] makes them one.
    pub schema: Arc<FileSchema>,
    /// The row groups in file order. Each is a slice; a file without any is one empty slice.
    pub row_groups: Vec<RowGroupShape>,
    /// Keys of the file's key-value metadata that its masked copy will not have.
    pub dropped_keys: Vec<String>,
    /// Size of the file in bytes.
    pub size: u64,
    /// Bytes of memory that its footer takes, page indexes included.
    pub footer_bytes: u64,
}

/// One row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroupShape {
    /// Its rows.
    pub rows: u64,
    /// One for each leaf, in file order.
    pub columns: Box<[ChunkSize]>,
}

/// Size of a column chunk and of its pages, kept in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChunkSize {
    compressed_kib: u32,
    uncompressed_kib: u32,
    page_kib: u32,
}

impl ChunkSize {
    /// A chunk of `pages` data pages; where nobody says how many, it may be a single one.
    pub(super) fn new(compressed: i64, uncompressed: i64, pages: Option<u64>) -> Self {
        let kib = |bytes: u64| u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let [compressed, uncompressed] =
            [compressed, uncompressed].map(|bytes| bytes.max(0) as u64);
        let pages = pages.unwrap_or(1).max(1);
        Self {
            compressed_kib: kib(compressed),
            uncompressed_kib: kib(uncompressed),
            page_kib: kib(uncompressed.div_ceil(pages)),
        }
    }

    fn of(column: &ColumnChunkMetaData) -> Self {
        /// The most that an offset index has for a page: three numbers with their headers.
        const LOCATION_BYTES: u64 = 29;
        let listed = column.page_encoding_stats().map(|pages| {
            let data = pages.iter().filter(|page| {
                matches!(page.page_type, PageType::DATA_PAGE | PageType::DATA_PAGE_V2)
            });
            data.map(|page| u64::try_from(page.count).unwrap_or(0))
                .sum()
        });
        // At least so many.
        let indexed = column.offset_index_length();
        let indexed = indexed.map(|bytes| u64::try_from(bytes).unwrap_or(0) / LOCATION_BYTES);
        Self::new(
            column.compressed_size(),
            column.uncompressed_size(),
            listed.or(indexed),
        )
    }

    /// The larger of both, compressed and uncompressed.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            compressed_kib: self.compressed_kib.max(other.compressed_kib),
            uncompressed_kib: self.uncompressed_kib.max(other.uncompressed_kib),
            page_kib: self.page_kib.max(other.page_kib),
        }
    }

    /// Bytes in the file, rounded up to KiB.
    pub fn compressed(self) -> u64 {
        u64::from(self.compressed_kib) * 1024
    }

    /// Bytes once decompressed, rounded up to KiB.
    pub fn uncompressed(self) -> u64 {
        u64::from(self.uncompressed_kib) * 1024
    }

    /// Bytes of a page once decompressed, on average, rounded up to KiB.
    pub(super) fn page(self) -> u64 {
        u64::from(self.page_kib) * 1024
    }
}

impl ParquetShape {
    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        self.row_groups.iter().map(|group| group.rows).sum()
    }

    /// Takes over `schema` where it is equal, so that many shapes hold one.
    pub fn share(&mut self, schema: &Arc<FileSchema>) -> bool {
        let equal = self.schema == *schema;
        if equal {
            self.schema = Arc::clone(schema);
        }
        equal
    }
}

/// Reads the footer of `object`.
///
/// # Errors
/// When the object cannot be read, is encrypted, or is no whole Parquet file.
pub async fn inspect(store: &Store, object: &Object) -> Result<ParquetShape, FormatError> {
    let (store, object) = (store.clone(), object.clone());
    let path = object.path.clone();
    let work = move || catch(&object.path, || inspect_blocking(&store, &object));
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(FormatError::Stopped { path }))
}

fn inspect_blocking(store: &Store, object: &Object) -> Result<ParquetShape, FormatError> {
    let footer = Footer::load(&object.path, store.reader(object)?, None, false)?;
    let schema = FileSchema::try_new(footer.schema()).map_err(damaged(&object.path))?;
    let row_groups = footer
        .metadata()
        .row_groups()
        .iter()
        .map(|group| RowGroupShape {
            rows: group.num_rows() as u64,
            columns: group.columns().iter().map(ChunkSize::of).collect(),
        })
        .collect();
    Ok(ParquetShape {
        schema: Arc::new(schema),
        row_groups,
        dropped_keys: key_values(footer.file(), &[]).1,
        size: object.size,
        footer_bytes: footer_bytes(&footer),
    })
}

/// Page indexes are not read yet; in memory they take some times their bytes in the file.
fn footer_bytes(footer: &Footer) -> u64 {
    const IN_MEMORY: u64 = 4;
    let index = |length: Option<i32>| u64::try_from(length.unwrap_or(0)).unwrap_or(0);
    let groups = footer.metadata().row_groups().iter();
    let indexes: u64 = groups
        .flat_map(|group| group.columns())
        .map(|column| index(column.offset_index_length()) + index(column.column_index_length()))
        .sum();
    footer.metadata().memory_size() as u64 + IN_MEMORY * indexes
}
