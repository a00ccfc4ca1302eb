//! What a slice holds at most, and how its masked columns are cut into parts where that is too much.

use super::columns::Columns;
use super::group::ParquetOptions;
use super::shape::{ChunkSize, RowGroupShape};

/// Batches on their way between two threads.
pub(super) const BATCHES_IN_FLIGHT: usize = 2;
/// Batches that wait on both sides of the plan and are worked on in it.
const BATCHES_HELD: u64 = 2 * (BATCHES_IN_FLIGHT as u64 + 2);
/// Size of the pages that encoders aim at, and of their dictionaries.
pub(super) const PAGE_BYTES: u64 = 1024 * 1024;
/// The least a value takes once it is decoded: a view.
const VALUE_BYTES: u64 = 16;
/// The fewest rows a batch is cut down to.
const LEAST_ROWS: u64 = 16;

/// Masked root columns that are worked on together, and what they need to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Numbers of the masked root columns.
    pub(super) masked: Vec<usize>,
    /// Numbers of all root columns that are read for them, themselves among them.
    pub(super) read: Vec<usize>,
}

impl Part {
    /// All columns together.
    pub(super) fn whole(columns: &Columns) -> Self {
        let roots = 0..columns.roots.len();
        Self {
            masked: roots
                .clone()
                .filter(|root| columns.roots[*root].masked)
                .collect(),
            read: roots.collect(),
        }
    }

    /// This part and the masked root column `root`, which needs `reads`.
    fn with(&self, root: usize, reads: &[usize]) -> Self {
        let mut part = self.clone();
        part.masked.push(root);
        part.read.extend_from_slice(reads);
        part.read.push(root);
        part.read.sort_unstable();
        part.read.dedup();
        part
    }
}

/// The masked columns of `columns` in parts, each of which holds at most `limit` bytes in any of
/// `groups`, or is one column. `reads` gives the root columns that the masks of one read.
pub(super) fn parts<'a>(
    groups: impl Iterator<Item = &'a RowGroupShape>,
    columns: &Columns,
    options: &ParquetOptions,
    limit: u64,
    reads: &dyn Fn(usize) -> Vec<usize>,
) -> Vec<Part> {
    let whole = Part::whole(columns);
    let Some(largest) = largest(groups) else {
        return vec![whole];
    };
    if memory(&largest, columns, &whole, options, false) <= limit {
        return vec![whole];
    }
    let mut parts: Vec<Part> = Vec::new();
    for &root in &whole.masked {
        let reads = reads(root);
        let wider = parts.last().map(|part| part.with(root, &reads));
        let fits = |part: &Part| memory(&largest, columns, part, options, true) <= limit;
        match (wider.filter(fits), parts.last_mut()) {
            (Some(wider), Some(last)) => *last = wider,
            _ => {
                let none = Part {
                    masked: vec![],
                    read: vec![],
                };
                parts.push(none.with(root, &reads));
            }
        }
    }
    parts
}

/// A row group that needs as much as any of `groups`, column by column.
fn largest<'a>(groups: impl Iterator<Item = &'a RowGroupShape>) -> Option<RowGroupShape> {
    groups.cloned().reduce(|mut largest, group| {
        largest.rows = largest.rows.max(group.rows);
        for (column, other) in largest.columns.iter_mut().zip(&group.columns) {
            *column = column.max(*other);
        }
        largest
    })
}

/// Bytes that `part` of a row group holds at most; `alone` where it is one of several.
pub(super) fn memory(
    group: &RowGroupShape,
    columns: &Columns,
    part: &Part,
    options: &ParquetOptions,
    alone: bool,
) -> u64 {
    let leaves = |roots: &[usize]| -> Vec<usize> {
        let leaves = roots.iter().flat_map(|root| &columns.roots[*root].leaves);
        leaves.copied().collect()
    };
    let size = |leaf: &usize| group.columns[*leaf];
    let typed = leaves(&part.read);
    let sizes: Vec<ChunkSize> = typed.iter().map(size).collect();
    // Read-ahead, a decompressed page and a dictionary for each column. A page is read and decompressed
    // whole, however large it is.
    let reading: u64 = sizes
        .iter()
        .map(|size| {
            let pages = size.uncompressed().min(2 * size.page().max(PAGE_BYTES));
            let ahead = options.read_ahead.max(size.page());
            size.compressed().min(ahead) + pages
        })
        .sum();
    let rows = (batch_rows(group, columns, options) as u64 * BATCHES_HELD).min(group.rows);
    let in_flight = decoded(group, &sizes).saturating_mul(rows) / group.rows.max(1);
    let masked: Vec<usize> = leaves(&part.masked);
    let masked: Vec<ChunkSize> = masked
        .iter()
        .filter(|leaf| columns.masked.binary_search(leaf).is_ok())
        .map(size)
        .collect();
    let in_file = alone || spills(&masked, options);
    let encoding: u64 = masked
        .iter()
        .map(|size| {
            let held = size.uncompressed() + size.uncompressed().min(2 * PAGE_BYTES);
            if in_file {
                held.min(3 * PAGE_BYTES)
            } else {
                held
            }
        })
        .sum();
    reading + in_flight + encoding + 2 * options.read_ahead
}

/// Whether the encoded pages of a slice's masked columns wait in a file.
pub(super) fn spills(masked: &[ChunkSize], options: &ParquetOptions) -> bool {
    let encoded: u64 = masked.iter().map(|size| size.uncompressed()).sum();
    encoded > options.spill_above
}

/// Rows of a batch: fewer than usual where all typed columns together are wide. Parts have no say in
/// it, nor has the memory of a run: pages of the output end where batches end.
pub(super) fn batch_rows(
    group: &RowGroupShape,
    columns: &Columns,
    options: &ParquetOptions,
) -> usize {
    let leaves = columns.roots.iter().flat_map(|root| &root.leaves);
    let sizes: Vec<ChunkSize> = leaves.map(|leaf| group.columns[*leaf]).collect();
    let row = (decoded(group, &sizes) / group.rows.max(1)).max(1);
    let fitting = (options.batch_bytes / row).max(LEAST_ROWS);
    // Encoders look after every 1024 rows whether a page is full: a power of two keeps them in step.
    let fitting = 1_u64 << fitting.ilog2();
    usize::try_from(fitting).map_or(options.batch_rows, |rows| rows.min(options.batch_rows))
}

/// Bytes of decoded columns; a dictionary's values count in every row that has a view of them.
fn decoded(group: &RowGroupShape, sizes: &[ChunkSize]) -> u64 {
    let views = group.rows.saturating_mul(VALUE_BYTES);
    sizes
        .iter()
        .map(|size| size.uncompressed().max(views))
        .sum()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;
    use std::sync::Arc;

    use super::super::columns::Root;
    use super::super::schema::FileSchema;
    use super::*;

    const MIB: i64 = 1 << 20;

    /// Columns `a`, `b`, `c`, all masked, and `d`, which is read.
    fn columns() -> Columns {
        let message = "message m { required binary a (UTF8); required binary b (UTF8); \
                       required binary c (UTF8); required binary d (UTF8); }";
        let schema = Arc::new(parse_message_type(message).unwrap());
        let schema = FileSchema::try_new(&SchemaDescriptor::new(schema)).unwrap();
        let root = |leaf: usize| Root {
            field: Arc::new(Field::new("x", DataType::Utf8View, false)),
            leaves: vec![leaf],
            masked: leaf < 3,
        };
        Columns {
            schema: Arc::new(schema),
            roots: (0..4).map(root).collect(),
            masked: vec![0, 1, 2],
        }
    }

    fn group(rows: u64, sizes: [i64; 4]) -> RowGroupShape {
        RowGroupShape {
            rows,
            columns: sizes
                .map(|size| ChunkSize::new(size, size, Some(size as u64 / PAGE_BYTES)))
                .into(),
        }
    }

    #[test]
    fn parts_hold_what_they_may() {
        let (columns, options) = (columns(), ParquetOptions::default());
        let wide = [group(1_000_000, [400 * MIB; 4]), group(10, [1, 2, 3, 4])];
        let of = |limit| {
            parts(wide.iter(), &columns, &options, limit, &|root| {
                // The masks of `c` read `d`.
                if root == 2 { vec![3] } else { vec![] }
            })
        };
        assert_eq!(of(u64::MAX), [Part::whole(&columns)]);
        let part = |masked: &[usize], read: &[usize]| Part {
            masked: masked.to_vec(),
            read: read.to_vec(),
        };
        let apart = [part(&[0], &[0]), part(&[1], &[1]), part(&[2], &[2, 3])];
        assert_eq!(of(0), apart);
        // What two hold fits; three and what the third reads does not.
        let two = memory(&wide[0], &columns, &part(&[0, 1], &[0, 1]), &options, true);
        assert_eq!(of(two), [part(&[0, 1], &[0, 1]), part(&[2], &[2, 3])]);
        assert_eq!(of(two - 1).len(), 3);
        for part in of(two) {
            assert!(memory(&wide[0], &columns, &part, &options, true) <= two);
        }
    }

    #[test]
    fn memory_of_a_part_does_not_grow_with_the_row_group() {
        let (columns, options) = (columns(), ParquetOptions::default());
        let of = |rows, size| {
            let whole = Part::whole(&columns);
            memory(&group(rows, [size; 4]), &columns, &whole, &options, true)
        };
        let (one, ten) = (of(1_000_000, 100 * MIB), of(10_000_000, 1000 * MIB));
        assert!(ten <= one + one / 100, "{one} {ten}");
        // Values of 10 KiB: fewer of them are in a batch.
        let (narrow, wide) = (of(1_000_000, 10 * MIB), of(100_000, 1000 * MIB));
        assert!(wide < narrow + 8 * options.batch_bytes, "{narrow} {wide}");
    }

    #[test]
    fn pages_are_held_whole() {
        let (columns, options) = (columns(), ParquetOptions::default());
        let of = |pages| {
            let size = ChunkSize::new(100 * MIB, 300 * MIB, pages);
            let columns_of = RowGroupShape {
                rows: 10_000_000,
                columns: [size; 4].into(),
            };
            memory(
                &columns_of,
                &columns,
                &Part::whole(&columns),
                &options,
                true,
            )
        };
        // 300 in pages of a MiB, or in one, or nobody knows; compressed and not.
        assert!(of(None) >= of(Some(300)) + 4 * (80 + 290) * MIB as u64);
        assert_eq!(of(None), of(Some(1)));
    }

    #[test]
    fn rows_of_a_batch() {
        let (columns, options) = (columns(), ParquetOptions::default());
        for (rows, size, expected) in [
            (1_000_000, MIB, 8192),
            (0, 0, 8192),
            // 40 KiB a row, in four columns.
            (102_400, 1000 * MIB, 64),
            (1, 1000 * MIB, 16),
        ] {
            let group = group(rows, [size; 4]);
            let found = batch_rows(&group, &columns, &options);
            assert_eq!(found, expected, "{rows} {size}");
        }
    }
}
