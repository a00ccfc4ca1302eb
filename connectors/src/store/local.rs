//! A folder of this machine, or a share mounted on it.
//!
//! Nothing outside the folder is touched: a symbolic link below it is never followed. Listings name
//! links, pipes and the like as what cannot be read, and a path that leads through a link is refused.
//! The base directory itself may be reached through links.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::config::MountedShare;
use super::error::{Label, StoreError, StoreErrorKind};
use super::exposure::Finding;
use super::file_reader::{FileReader, object};
use super::object::{Object, Obstacle, RangeReader, Staged};
use super::output::OnBegin;
use super::path::{hex, is_temp, join, problem_of_path, split};
use super::place::{Draft, Place, Root, blocking};
use super::temp_file::{TempFile, WRITE_BUFFER_BYTES};

/// The folder of a [`MountedShare`].
#[derive(Debug, Clone)]
pub(super) struct Folder {
    base: PathBuf,
    inode: (u64, u64),
    label: Label,
}

impl Folder {
    pub(super) fn open(label: Label, config: &MountedShare) -> Result<Self, StoreError> {
        let base = config
            .base_directory
            .canonicalize()
            .map_err(|error| label.io("", error))?;
        let found = fs::metadata(&base).map_err(|error| label.io("", error))?;
        if !found.is_dir() {
            return Err(label.error(StoreErrorKind::Invalid, "", "is not a folder"));
        }
        Ok(Self {
            base,
            inode: (found.dev(), found.ino()),
            label,
        })
    }

    pub(super) fn describe(config: &MountedShare) -> String {
        format!("folder {}", config.base_directory.display())
    }

    fn list_files(&self) -> Result<Vec<Object>, StoreError> {
        let mut objects = Vec::new();
        self.walk(&mut |object| {
            objects.push(object);
            true
        })?;
        Ok(objects)
    }

    fn first_file(&self) -> Result<Option<Object>, StoreError> {
        let mut first = None;
        self.walk(&mut |object| {
            let readable = object.obstacle.is_none() && !is_temp(&object.path) && object.size > 0;
            first = Some(object).filter(|_| readable);
            first.is_none()
        })?;
        Ok(first)
    }

    /// Shows `visit` everything that is no folder until it says no.
    fn walk(&self, visit: &mut dyn FnMut(Object) -> bool) -> Result<(), StoreError> {
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(self.base.join(&folder));
            for entry in entries.map_err(|error| self.label.io(&folder, error))? {
                let entry = entry.map_err(|error| self.label.io(&folder, error))?;
                let name = entry.file_name().into_string().map_err(|name| {
                    let path = Path::new(&folder).join(name).display().to_string();
                    self.label
                        .error(StoreErrorKind::Invalid, &path, "the name is not UTF-8")
                })?;
                let path = join(&folder, &name);
                match entry.metadata() {
                    Ok(found) if found.is_dir() => folders.push(path),
                    Ok(found) => {
                        let obstacle = match found.file_type() {
                            kind if kind.is_file() => None,
                            kind if kind.is_symlink() => Some(Obstacle::Link),
                            _ => Some(Obstacle::Special),
                        };
                        let object = object(path, &found);
                        if !visit(Object { obstacle, ..object }) {
                            return Ok(());
                        }
                    }
                    // Gone since the folder was read, as temp files of another run may be.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(self.label.io(&path, error)),
                }
            }
        }
        Ok(())
    }

    fn head_file(&self, path: &str) -> Result<Option<Object>, StoreError> {
        let place = self.place(path)?;
        match fs::symlink_metadata(place) {
            Ok(found) if found.is_file() => Ok(Some(object(path.to_owned(), &found))),
            Ok(_) => Err(self
                .label
                .error(StoreErrorKind::Conflict, path, "is not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.label.io(path, error)),
        }
    }

    fn hash_file(&self, path: &str) -> Result<Option<(u64, String)>, StoreError> {
        if self.head_file(path)?.is_none() {
            return Ok(None);
        }
        let hash = || {
            let mut file = File::open(self.base.join(path))?;
            let mut hasher = Sha256::new();
            let mut buffer = vec![0; 1 << 20];
            let mut size = 0;
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok((size, hex(&hasher.finalize()))),
                    read => {
                        hasher.update(&buffer[..read]);
                        size += read as u64;
                    }
                }
            }
        };
        hash().map(Some).map_err(|error| self.label.io(path, error))
    }

    fn abandon_file(&self, staged: &Staged) -> Result<(), StoreError> {
        let Some(temp) = staged.upload.as_deref().filter(|name| !name.contains('/')) else {
            return Ok(());
        };
        if !is_temp(temp) {
            let problem = format!("`{temp}` is no temp file of ours");
            return Err(self
                .label
                .error(StoreErrorKind::Invalid, &staged.path, problem));
        }
        let (folder, _) = split(&staged.path);
        self.delete_file(&join(folder, temp))
    }

    fn delete_file(&self, path: &str) -> Result<(), StoreError> {
        match fs::remove_file(self.place(path)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.label.io(path, error))
            }
            _ => Ok(()),
        }
    }

    /// Runs `work` on the folder where blocking is allowed.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = self.clone();
        blocking(&self.label, move || work(&folder)).await
    }

    /// Where `path` lies. Refuses paths that leave the folder, by name or through a link.
    fn place(&self, path: &str) -> Result<PathBuf, StoreError> {
        if let Some(problem) = problem_of_path(path) {
            return Err(self.label.error(StoreErrorKind::Invalid, path, problem));
        }
        let mut place = self.base.clone();
        for segment in path.split('/') {
            place.push(segment);
            if place.is_symlink() {
                let problem = "the path leads through a symbolic link";
                return Err(self.label.error(StoreErrorKind::Invalid, path, problem));
            }
        }
        Ok(place)
    }
}

#[async_trait]
impl Place for Folder {
    fn label(&self) -> &Label {
        &self.label
    }

    fn root(&self) -> Root {
        let base = self.base.to_string_lossy().trim_end_matches('/').to_owned();
        Root {
            server: String::new(),
            base,
            inode: Some(self.inode),
        }
    }

    async fn list(&self) -> Result<Vec<Object>, StoreError> {
        self.run(Self::list_files).await
    }

    async fn first(&self) -> Result<Option<Object>, StoreError> {
        self.run(Self::first_file).await
    }

    async fn head(&self, path: &str) -> Result<Option<Object>, StoreError> {
        let path = path.to_owned();
        self.run(move |folder| folder.head_file(&path)).await
    }

    fn reader(&self, object: &Object) -> Result<Arc<dyn RangeReader>, StoreError> {
        Ok(Arc::new(FileReader::open(
            self.place(&object.path)?,
            object,
            &self.label,
        )?))
    }

    fn create(
        &self,
        path: &str,
        _: u64,
        on_begin: Option<OnBegin>,
    ) -> Result<Box<dyn Draft>, StoreError> {
        let announce = |name: &str| {
            if let Some(tell) = &on_begin {
                tell(&Staged::begun(path, name));
            }
        };
        let file = TempFile::create(self.place(path)?, &self.base, announce);
        Ok(Box::new(FileDraft {
            file: file.map_err(|error| self.label.io(path, error))?,
            path: path.to_owned(),
            label: self.label.clone(),
        }))
    }

    fn draft_memory_bytes(&self, _: u64) -> u64 {
        WRITE_BUFFER_BYTES as u64
    }

    async fn sha256(&self, path: &str) -> Result<Option<(u64, String)>, StoreError> {
        let path = path.to_owned();
        self.run(move |folder| folder.hash_file(&path)).await
    }

    async fn abandon(&self, staged: &Staged) -> Result<(), StoreError> {
        let staged = staged.clone();
        self.run(move |folder| folder.abandon_file(&staged)).await
    }

    async fn leftovers(&self) -> Result<Vec<Staged>, StoreError> {
        let files = self.list().await?;
        let temps = files.iter().filter(|file| is_temp(&file.path));
        Ok(temps
            .map(|file| Staged::begun(&file.path, split(&file.path).1))
            .collect())
    }

    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        let path = path.to_owned();
        self.run(move |folder| folder.delete_file(&path)).await
    }

    async fn settle(&self) {}

    async fn try_multipart(&self, _: &str) -> Option<Result<(), StoreError>> {
        None
    }

    async fn stated(&self) -> Finding {
        Finding::Closed
    }
}

/// A temp file on its way to `path`.
#[derive(Debug)]
struct FileDraft {
    file: TempFile,
    path: String,
    label: Label,
}

#[async_trait]
impl Draft for FileDraft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file
            .write(bytes)
            .map_err(|error| self.label.io(&self.path, error).into())
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.file
            .sync()
            .map_err(|error| self.label.io(&self.path, error))
    }

    fn upload(&self) -> Option<String> {
        self.file.name()
    }

    fn narrow(&mut self, mode: u32) {
        self.file.narrow(mode);
    }

    async fn commit(self: Box<Self>, _: &Staged) -> Result<(), StoreError> {
        let Self { file, path, label } = *self;
        let fail = label.clone();
        blocking(&fail, move || {
            file.commit().map_err(|error| label.io(&path, error))
        })
        .await
    }
}
