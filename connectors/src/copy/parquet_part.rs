//! A part as Apache Parquet.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::part_files::Part;
use crate::store::Output;

/// Bytes of a row group, encoded.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// A Parquet file at work.
pub(super) struct ParquetPart(ArrowWriter<Output>);

impl ParquetPart {
    /// A file of `schema` in `output`.
    pub(super) fn new(output: Output, schema: &SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            // Arrow's own types say nothing that Parquet's do not, and not all readers know them.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(output, schema.clone(), options);
        Ok(Self(writer.map_err(of_parquet)?))
    }
}

impl Part for ParquetPart {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let Self(writer) = self;
        writer.write(rows).map_err(of_parquet)?;
        if writer.memory_size() > ROW_GROUP_BYTES {
            writer.flush().map_err(of_parquet)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Output> {
        self.0.into_inner().map_err(of_parquet)
    }
}

fn of_parquet(error: ParquetError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
