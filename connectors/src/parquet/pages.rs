//! Where encoded pages wait until their row group is written: in memory, or in a temporary file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use bytes::Bytes;
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

/// One temporary file for each column chunk.
impl PageStoreFactory for TemporaryFolder {
    fn create(&self, _: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        Ok(Box::new(FilePages {
            file: self.file()?,
            end: 0,
            places: vec![],
        }))
    }
}

struct FilePages {
    file: File,
    end: u64,
    /// Start and length of each page.
    places: Vec<(u64, usize)>,
}

impl PageStore for FilePages {
    fn put(&mut self, page: Bytes) -> Result<PageKey> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&page)?;
        self.places.push((self.end, page.len()));
        self.end += page.len() as u64;
        Ok(PageKey::new(self.places.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        let place = usize::try_from(key.get())
            .ok()
            .and_then(|key| self.places.get(key));
        let (start, length) =
            *place.ok_or_else(|| ParquetError::General("no such page".to_owned()))?;
        let mut page = vec![0; length];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut page)?;
        Ok(page.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back_in_any_order() {
        let file = TemporaryFolder::default().file().unwrap();
        let mut pages = FilePages {
            file,
            end: 0,
            places: vec![],
        };
        let keys: Vec<_> = ["a", "", "ccc"]
            .map(|page| pages.put(page.into()).unwrap())
            .into();
        for (key, page) in [(2, "ccc"), (0, "a"), (1, "")] {
            assert_eq!(pages.take(keys[key]).unwrap(), page);
        }
        assert!(pages.take(PageKey::new(3)).is_err());
    }
}
