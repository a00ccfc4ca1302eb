//! Text files as queries read them: a slice is a whole file.
//!
//! In a run the slices of a file tell each other where quoted text begins, and each is read once. A
//! query may read a file twice at the same time, or only its first rows; so every reading is one of
//! its own, from the beginning on.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;

use super::TextError;
use super::batches::{Batches, LEAST_HELD};
use super::group::WAITING;
use super::options::TextOptions;
use super::shape::TextShape;
use super::source::Reading;
use crate::format::FileUnit;
use crate::unit::Source;

/// The rows of text files with the same typed columns.
#[derive(Debug)]
pub(super) struct TextRows {
    files: Vec<Arc<File>>,
    schema: SchemaRef,
}

#[derive(Debug)]
struct File {
    unit: FileUnit,
    shape: TextShape,
    typed: Vec<String>,
    options: TextOptions,
}

impl TextRows {
    /// The rows of `files` with `schema`, whose first `typed` columns are the files' own.
    pub(super) fn new(
        files: impl Iterator<Item = (FileUnit, TextShape)>,
        schema: SchemaRef,
        typed: usize,
        options: &TextOptions,
    ) -> Self {
        let names = schema.fields().iter().take(typed);
        let typed: Vec<String> = names.map(|field| field.name().clone()).collect();
        let file = |(unit, shape)| {
            Arc::new(File {
                unit,
                shape,
                typed: typed.clone(),
                options: options.clone(),
            })
        };
        Self {
            files: files.map(file).collect(),
            schema,
        }
    }
}

impl Source for TextRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn slices(&self) -> usize {
        self.files.len()
    }

    fn describe(&self) -> String {
        format!("delimited text, {} files", self.files.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let (file, projection) = (Arc::clone(&self.files[slice]), projection.to_vec());
        let mut stream = RecordBatchReceiverStreamBuilder::new(Arc::clone(&schema), WAITING);
        let sender = stream.tx();
        stream.spawn_blocking(move || {
            let mut emit = |batch| sender.blocking_send(Ok(batch)).is_ok();
            file.read(schema, &projection, &mut emit)
        });
        Ok(stream.build())
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl File {
    /// Hands over batch by batch, until `emit` says that nobody listens.
    fn read(
        &self,
        schema: SchemaRef,
        projection: &[usize],
        emit: &mut super::batches::Emit<'_>,
    ) -> Result<()> {
        let Self {
            unit,
            shape,
            typed,
            options,
        } = self;
        let path = &unit.object.path;
        let changed = |source| TextError::Store {
            path: path.clone(),
            source,
        };
        let reader = unit.source.reader(&unit.object).map_err(changed)?;
        let reading = Reading::new(shape.clone(), options, typed)?;
        let most_held = (2 * options.block_bytes).max(LEAST_HELD);
        let mut batches = Batches::new(path, typed.len(), schema, projection, most_held, emit);
        for slice in 0..reading.slices() {
            reading.read(slice, Arc::clone(&reader), &mut batches)?;
            if !batches.wanted_still() {
                return Ok(());
            }
        }
        Ok(reader.verify_unchanged().map_err(changed)?)
    }
}
