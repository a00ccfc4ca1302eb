//! Parquet files as queries read them.
//!
//! In a run a file is opened once and kept open until its copy is complete. A query may ask for a row
//! group of each of many files, twice or never again; so a file is open only while a row group is read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;

use super::error::catch;
use super::footer::Footer;
use super::group::ParquetGroup;
use super::memory::BATCHES_IN_FLIGHT;
use crate::unit::Source;

/// The rows of the files of a group: a slice is a row group.
#[derive(Debug)]
pub(super) struct ParquetRows(pub(super) Arc<ParquetGroup>);

impl Source for ParquetRows {
    fn schema(&self) -> SchemaRef {
        Source::schema(&*self.0)
    }

    fn slices(&self) -> usize {
        self.0.slices()
    }

    fn describe(&self) -> String {
        Source::describe(&*self.0)
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let (file, decode) = self.0.decode(slice, projection)?;
        let schema = Arc::clone(&decode.schema);
        let mut stream = RecordBatchReceiverStream::builder(schema, BATCHES_IN_FLIGHT);
        let sender = stream.tx();
        stream.spawn_blocking(move || {
            let work = || {
                if file.row_groups == 0 {
                    return Ok(());
                }
                let schema = &file.columns.schema;
                let reader = file.unit.source.reader(&file.unit.object)?;
                let footer = Footer::load(
                    file.path(),
                    Arc::clone(&reader),
                    Some(&schema.fields),
                    false,
                )?;
                decode.run(&footer, schema, |batch| {
                    sender.blocking_send(Ok(batch)).is_ok()
                })?;
                Ok(reader.verify_unchanged()?)
            };
            Ok(catch(file.path(), work)?)
        });
        Ok(stream.build())
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}
