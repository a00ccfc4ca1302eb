//! Encodes the masked leaves of a row group, batch by batch, each leaf by itself.
//!
//! A root column that comes back from the plan may hold more leaves than are written anew: the
//! others are only there because a mask read them, and their old chunks are copied.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory,
    compute_leaves,
};
use parquet::basic::Type as Physical;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::properties::WriterVersion;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use rayon::prelude::*;

use super::columns::Columns;
use super::error::{FormatError, unwritten};
use super::footer::Footer;
use super::int96::{Int96Leaf, Int96Writer, int96_leaf};
use super::pages::{PageFile, TemporaryFolder};
use super::properties::chunk_properties;
use super::storage::{storage_field, storage_type, to_storage};

/// An encoded chunk that waits to be written.
#[derive(Debug)]
pub(super) struct MaskedChunk {
    /// Number of its leaf.
    pub(super) leaf: usize,
    pub(super) body: ChunkBody,
}

#[derive(Debug)]
pub(super) enum ChunkBody {
    Arrow(Box<ArrowColumnChunk>),
    Int96(File, Box<ColumnCloseResult>),
}

/// Takes the masked root columns of one row group.
pub(super) struct Encoder<'a> {
    path: &'a str,
    roots: Vec<MaskedRoot>,
    /// One for each masked leaf, in file order.
    writers: Vec<LeafWriter>,
    masked: &'a [usize],
}

struct MaskedRoot {
    field: FieldRef,
    storage: FieldRef,
    /// Number of the leaf below this root, number of its writer.
    leaves: Vec<(usize, usize)>,
}

enum LeafWriter {
    Arrow(Box<ArrowColumnWriter>),
    Int96(Box<Int96Writer>),
}

enum LeafData {
    Arrow(Box<ArrowLeafColumn>),
    Int96(Int96Leaf),
}

impl<'a> Encoder<'a> {
    /// `spill` says whether encoded pages go to a temporary file.
    pub(super) fn try_new(
        footer: &'a Footer,
        columns: &'a Columns,
        row_group: usize,
        page_version: WriterVersion,
        folder: &TemporaryFolder,
        spill: bool,
    ) -> Result<Self, FormatError> {
        let leaves = &columns.schema.leaves;
        let roots = columns.masked_roots().map(|root| {
            let mut own = root.leaves.iter().map(|leaf| &leaves[*leaf]);
            let writer = |leaf: &usize| columns.masked.binary_search(leaf).ok();
            MaskedRoot {
                field: Arc::clone(&root.field),
                storage: storage_field(&root.field, &mut own),
                leaves: (root.leaves.iter().enumerate())
                    .filter_map(|(nth, leaf)| Some((nth, writer(leaf)?)))
                    .collect(),
            }
        });
        let roots = roots.collect();
        let writers = leaf_writers(footer, columns, row_group, page_version, folder, spill)
            .map_err(unwritten(&footer.path))?;
        Ok(Self {
            path: &footer.path,
            roots,
            writers,
            masked: &columns.masked,
        })
    }

    /// Encodes the next rows.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let mut data: Vec<Option<LeafData>> = self.writers.iter().map(|_| None).collect();
        if batch.num_columns() != self.roots.len() {
            return Err(self.wrong_type("*"));
        }
        for (root, array) in self.roots.iter().zip(batch.columns()) {
            let name = root.field.name();
            if array.data_type() != root.field.data_type() {
                return Err(self.wrong_type(name));
            }
            if let Some(column) = forbidden_null(&root.field, array, None) {
                return Err(FormatError::Required {
                    path: self.path.to_owned(),
                    column,
                });
            }
            let stored =
                to_storage(array, root.storage.data_type()).ok_or_else(|| FormatError::Range {
                    path: self.path.to_owned(),
                    column: name.clone(),
                })?;
            let levels = compute_leaves(&root.storage, &stored).map_err(unwritten(self.path))?;
            let mut levels: Vec<_> = levels.into_iter().map(Some).collect();
            for (nth, writer) in &root.leaves {
                data[*writer] = match &self.writers[*writer] {
                    LeafWriter::Arrow(_) => levels[*nth]
                        .take()
                        .map(|leaf| LeafData::Arrow(Box::new(leaf))),
                    LeafWriter::Int96(_) => {
                        Some(LeafData::Int96(int96_leaf(&root.field, array, *nth)))
                    }
                };
            }
        }
        let work = self.writers.iter_mut().zip(data);
        let encode = |(writer, data): (&mut LeafWriter, Option<LeafData>)| match (writer, data) {
            (LeafWriter::Arrow(writer), Some(LeafData::Arrow(leaf))) => writer.write(&leaf),
            (LeafWriter::Int96(writer), Some(LeafData::Int96(leaf))) => writer.write(&leaf),
            _ => unreachable!("every masked leaf has its data"),
        };
        let written = if self.masked.len() > 1 {
            work.collect::<Vec<_>>()
                .into_par_iter()
                .try_for_each(encode)
        } else {
            work.into_iter().try_for_each(encode)
        };
        written.map_err(unwritten(self.path))
    }

    /// The encoded chunks in file order.
    pub(super) fn close(self) -> Result<Vec<MaskedChunk>, FormatError> {
        let close = |(writer, leaf): (LeafWriter, &usize)| {
            let body = match writer {
                LeafWriter::Arrow(writer) => ChunkBody::Arrow(Box::new(writer.close()?)),
                LeafWriter::Int96(writer) => {
                    let (file, closed) = writer.close()?;
                    ChunkBody::Int96(file, Box::new(closed))
                }
            };
            Ok(MaskedChunk { leaf: *leaf, body })
        };
        let chunks = self.writers.into_iter().zip(self.masked).map(close);
        chunks.collect::<Result<_>>().map_err(unwritten(self.path))
    }

    fn wrong_type(&self, column: &str) -> FormatError {
        FormatError::Type {
            path: self.path.to_owned(),
            column: column.to_owned(),
        }
    }
}

/// The Arrow encoder makes its writers for a whole file; here they are made for a file that would
/// have the masked leaves only.
fn leaf_writers(
    footer: &Footer,
    columns: &Columns,
    row_group: usize,
    page_version: WriterVersion,
    folder: &TemporaryFolder,
    spill: bool,
) -> Result<Vec<LeafWriter>> {
    let leaves = &columns.schema.leaves;
    let is_int96 = |leaf: usize| leaves[leaf].physical == Physical::INT96;
    let masked = columns.masked.iter().map(|leaf| (*leaf, &leaves[*leaf]));
    let properties = Arc::new(chunk_properties(footer, row_group, masked, page_version));

    let for_arrow: Vec<_> = columns
        .masked
        .iter()
        .copied()
        .filter(|leaf| !is_int96(*leaf))
        .collect();
    let schema = footer.schema().root_schema();
    let mut arrow_writers = vec![];
    if let Some(schema) = pruned(schema, &mut 0, &for_arrow) {
        let file = SerializedFileWriter::new(std::io::sink(), schema, Arc::clone(&properties))?;
        let field = |leaf: &usize| Field::new("leaf", storage_type(&leaves[*leaf]), true);
        let fields = Schema::new(for_arrow.iter().map(field).collect::<Vec<_>>());
        let mut factory = ArrowRowGroupWriterFactory::new(&file, Arc::new(fields));
        if spill {
            let pages = PageFile::new(folder.clone());
            factory = factory.with_page_store_factory(Arc::new(pages));
        }
        arrow_writers = factory.create_column_writers(row_group)?;
    }
    let mut arrow_writers = arrow_writers.into_iter();
    let writer = |leaf: &usize| {
        if is_int96(*leaf) {
            let column = footer.schema().column(*leaf);
            let writer = Int96Writer::new(column, Arc::clone(&properties), folder.file()?);
            return Ok(LeafWriter::Int96(Box::new(writer)));
        }
        let writer = arrow_writers
            .next()
            .expect("the factory makes one writer for each leaf");
        Ok(LeafWriter::Arrow(Box::new(writer)))
    };
    columns.masked.iter().map(writer).collect()
}

/// `node` with only the leaves in `keep`.
fn pruned(node: &Type, next: &mut usize, keep: &[usize]) -> Option<TypePtr> {
    if node.is_primitive() {
        *next += 1;
        return keep.contains(&(*next - 1)).then(|| Arc::new(node.clone()));
    }
    let fields: Vec<_> = node
        .get_fields()
        .iter()
        .filter_map(|field| pruned(field, next, keep))
        .collect();
    if fields.is_empty() {
        return None;
    }
    let mut builder = Type::group_type_builder(node.name()).with_fields(fields);
    if node.get_basic_info().has_repetition() {
        builder = builder.with_repetition(node.get_basic_info().repetition());
    }
    Some(Arc::new(
        builder.build().expect("a part of a sound schema is sound"),
    ))
}

/// The dotted name of a node that must not be null, but is where its ancestors are not.
fn forbidden_null(field: &Field, array: &ArrayRef, above: Option<&NullBuffer>) -> Option<String> {
    let nulls = array.nulls();
    let excused = |nulls: &NullBuffer| above.is_some_and(|above| above.contains(nulls));
    if !field.is_nullable() && nulls.is_some_and(|nulls| nulls.null_count() > 0 && !excused(nulls))
    {
        return Some(field.name().clone());
    }
    let below = match field.data_type() {
        DataType::Struct(fields) => {
            let above = NullBuffer::union(above, nulls);
            let mut children = fields.iter().zip(array.as_struct().columns());
            children.find_map(|(field, child)| forbidden_null(field, child, above.as_ref()))
        }
        DataType::List(item) => forbidden_null(item, array.as_list::<i32>().values(), None),
        DataType::Map(entries, _) => {
            let array: ArrayRef = Arc::new(array.as_map().entries().clone());
            forbidden_null(entries, &array, None)
        }
        _ => None,
    };
    below.map(|below| format!("{}.{below}", field.name()))
}
