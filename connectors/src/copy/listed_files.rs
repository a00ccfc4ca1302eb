//! Files of one schema as the origin of a copy.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;

use super::Origin;
use crate::database::{DatabaseError, counted};
use crate::format::{FileUnit, GroupRef};
use crate::unit::Source;

/// Files that are read with all their columns.
#[derive(Debug)]
pub struct ListedFiles {
    source: Arc<dyn Source>,
    files: Vec<FileUnit>,
    slice_memory: u64,
}

impl ListedFiles {
    /// The files of `group`, which reads all their columns and writes none.
    pub fn new(group: &GroupRef, files: Vec<FileUnit>) -> Self {
        let slices = 0..group.source.slices();
        // Reading for queries may cut slices otherwise, and no larger.
        let most = slices.map(|slice| group.group.memory_of(slice, 0)).max();
        Self {
            source: Arc::clone(&group.source).for_queries(),
            files,
            slice_memory: most.unwrap_or(0),
        }
    }
}

impl Source for ListedFiles {
    fn schema(&self) -> SchemaRef {
        self.source.schema()
    }

    fn slices(&self) -> usize {
        self.source.slices()
    }

    fn describe(&self) -> String {
        self.source.describe()
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        self.source.open(slice, projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Origin for ListedFiles {
    /// Text has to be read for that.
    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let rows = self.source.open(slice, &[]);
        Box::pin(async move { counted(rows?).await })
    }

    fn memory_of(&self, _: usize) -> u64 {
        self.slice_memory
    }

    fn verify(&self) -> BoxFuture<'static, Result<()>> {
        let files = self.files.clone();
        Box::pin(async move {
            for FileUnit { object, source, .. } in files {
                let now = source.head(&object.path).await;
                let now = now.map_err(|error| DatabaseError::new(error.to_string()))?;
                if now.is_none_or(|now| now.version != object.version) {
                    let message = format!("`{}` changed while it was read", object.path);
                    return Err(DatabaseError::new(message).into());
                }
            }
            Ok(())
        })
    }
}
