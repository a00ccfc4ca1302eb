//! How many records each slice of a file has: a pass over its text that reads no field.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::{DataFusionError, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::TextError;
use super::batches::{Batches, LEAST_HELD};
use super::options::TextOptions;
use super::shape::TextShape;
use super::source::Reading;
use crate::store::{Object, Store};

/// The records of each slice of the file that [`inspect`](super::inspect) found to be of `shape`, as a
/// group of it reads them. A slice is worked on under one of the `workers`.
///
/// # Errors
/// Of reading the file as a group does.
pub async fn count_records(
    store: &Store,
    object: &Object,
    shape: &TextShape,
    options: &TextOptions,
    workers: &Arc<Semaphore>,
) -> Result<Vec<u64>> {
    let store_error = |source| TextError::Store {
        path: object.path.clone(),
        source,
    };
    let (opened, of) = (store.clone(), object.clone());
    let opened = tokio::task::spawn_blocking(move || opened.reader(&of)).await;
    let reader = opened.map_err(stopped)?.map_err(store_error)?;
    let reading = Arc::new(Reading::new(shape.clone(), options, &[])?);
    let mut counts = vec![0; reading.slices()];
    let mut at_work = JoinSet::new();
    // Started in file order: whoever waits for the slice in front waits for one at work.
    for slice in 0..counts.len() {
        let Ok(permit) = Arc::clone(workers).acquire_owned().await else {
            break;
        };
        let promise = Promise {
            reading: Arc::clone(&reading),
            slice,
        };
        let reader = Arc::clone(&reader);
        at_work.spawn_blocking(move || {
            let _permit = permit;
            let Promise { reading, slice } = &promise;
            let mut count = 0;
            let mut emit = |batch: arrow::array::RecordBatch| {
                count += batch.num_rows() as u64;
                true
            };
            let schema = Arc::new(Schema::empty());
            let mut batches = Batches::new("", 0, schema, &[], LEAST_HELD, &mut emit);
            reading.read(*slice, reader, &mut batches)?;
            Ok::<_, DataFusionError>((*slice, count))
        });
    }
    let mut failed: Option<DataFusionError> = None;
    while let Some(counted) = at_work.join_next().await {
        match counted.map_err(stopped).flatten() {
            Ok((slice, count)) => counts[slice] = count,
            // The slices behind only say that one in front failed.
            Err(error) if failed.as_ref().is_none_or(crate::is_consequence) => failed = Some(error),
            Err(_) => {}
        }
    }
    let unchanged = tokio::task::spawn_blocking(move || reader.verify_unchanged()).await;
    match failed {
        Some(error) => Err(error),
        None => {
            unchanged.map_err(stopped)?.map_err(store_error)?;
            Ok(counts)
        }
    }
}

fn stopped(error: tokio::task::JoinError) -> DataFusionError {
    DataFusionError::External(error.into())
}

/// Keeps the slice behind from waiting for one that ended without a word.
struct Promise {
    reading: Arc<Reading>,
    slice: usize,
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.reading.give_up(self.slice);
    }
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::*;
    use crate::store::{ConnectionConfig, MountedShare};

    async fn count(name: &str, bytes: &[u8], block_bytes: usize) -> Result<Vec<u64>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let base_directory = folder.path().to_owned();
        let config = ConnectionConfig::MountedShare(MountedShare { base_directory });
        let store = Store::open("in", &config).await.unwrap();
        let options = TextOptions {
            block_bytes,
            ..TextOptions::default()
        };
        let object = store.head(name).await.unwrap().unwrap();
        let shape = inspect(&store, &object, &options).await.unwrap();
        let workers = Arc::new(Semaphore::new(2));
        count_records(&store, &object, &shape, &options, &workers).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn records_of_each_slice() {
        let text = "id,name\n1,\"a\nb\"\r\n\n2,\"c,\n\n\nd\"\n3,e\n4,f";
        let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
        for block_bytes in [1, 2, 3, 7, 16, 1000] {
            let counts = count("a.csv", text.as_bytes(), block_bytes).await.unwrap();
            assert_eq!(counts.iter().sum::<u64>(), 4, "{block_bytes} {counts:?}");
            assert_eq!(counts.len(), (text.len() - 8).div_ceil(block_bytes));
            assert_eq!(count("a.csv.zst", &packed, block_bytes).await.unwrap(), [4]);
        }
        assert_eq!(count("a.csv", b"id,name\n", 10).await.unwrap(), [0]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_read_cannot_be_counted() {
        for text in ["id,name\n1,a\n2\n3,b\n4,c\n", "id,name\n1,\"a\n2,b\n3,c\n"] {
            let error = count("a.csv", text.as_bytes(), 4).await.unwrap_err();
            assert!(!crate::is_consequence(&error), "{error}");
        }
    }
}
