//! Where encoded pages wait until their row group is written: in memory, or in a temporary file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use parquet::column::page_store::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use parquet::errors::{ParquetError, Result};

/// Opens temporary files that have no name and end with the process.
#[derive(Debug, Clone, Default)]
pub(super) struct TemporaryFolder(pub(super) Option<PathBuf>);

impl TemporaryFolder {
    pub(super) fn file(&self) -> std::io::Result<File> {
        match &self.0 {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }
    }
}

/// One temporary file for all pages of a slice, made with the first of them: a file for each column
/// would take as many open files as there are columns.
#[derive(Debug, Clone)]
pub(super) struct PageFile(Arc<Mutex<Pages>>);

#[derive(Debug)]
struct Pages {
    folder: TemporaryFolder,
    file: Option<File>,
    end: u64,
}

impl PageFile {
    pub(super) fn new(folder: TemporaryFolder) -> Self {
        Self(Arc::new(Mutex::new(Pages {
            folder,
            file: None,
            end: 0,
        })))
    }
}

impl PageStoreFactory for PageFile {
    fn create(&self, _: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        Ok(Box::new(ColumnPages {
            file: self.clone(),
            places: vec![],
        }))
    }
}

/// The pages of one column chunk.
struct ColumnPages {
    file: PageFile,
    /// Start and length of each page.
    places: Vec<(u64, usize)>,
}

impl PageStore for ColumnPages {
    fn put(&mut self, page: Bytes) -> Result<PageKey> {
        let mut pages = self.file.0.lock();
        let Pages { folder, file, end } = &mut *pages;
        let file = match file {
            Some(file) => file,
            None => file.insert(folder.file()?),
        };
        file.seek(SeekFrom::Start(*end))?;
        file.write_all(&page)?;
        self.places.push((*end, page.len()));
        *end += page.len() as u64;
        Ok(PageKey::new(self.places.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        let place = usize::try_from(key.get())
            .ok()
            .and_then(|key| self.places.get(key));
        let missing = || ParquetError::General("no such page".to_owned());
        let (start, length) = *place.ok_or_else(missing)?;
        let mut pages = self.file.0.lock();
        let file = pages.file.as_mut().ok_or_else(missing)?;
        let mut page = vec![0; length];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut page)?;
        Ok(page.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_two_columns_come_back_in_any_order() {
        let file = PageFile::new(TemporaryFolder::default());
        let column = || ColumnPages {
            file: file.clone(),
            places: vec![],
        };
        let (mut one, mut other) = (column(), column());
        let keys: Vec<_> = ["a", "", "ccc"]
            .map(|page| {
                (
                    one.put(page.into()).unwrap(),
                    other.put("other".into()).unwrap(),
                )
            })
            .into();
        for (key, page) in [(2, "ccc"), (0, "a"), (1, "")] {
            assert_eq!(one.take(keys[key].0).unwrap(), page);
            assert_eq!(other.take(keys[key].1).unwrap(), "other");
        }
        assert!(one.take(PageKey::new(3)).is_err());
    }
}
