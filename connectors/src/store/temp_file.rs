//! A file being written beside its destination, and the folders made on the way to it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use super::path::temp_name;

/// Bytes an output holds back before it writes them to its file.
pub(super) const WRITE_BUFFER_BYTES: usize = 256 << 10;

/// Bytes after which the system is asked to store what it holds of a file, so that the disk works
/// while the next bytes are made.
const STORE_AFTER_BYTES: u64 = 32 << 20;

/// A private file beside its destination. Dropped without [`TempFile::commit`], it is removed with
/// the folders that were made for it.
#[derive(Debug)]
pub(super) struct TempFile {
    file: BufWriter<File>,
    temp: Option<PathBuf>,
    place: PathBuf,
    made: MadeFolders,
    /// The most that anybody may do with the file at its destination.
    most: u32,
    /// Bytes written since the system was asked to store them.
    unstored: u64,
    storing: Option<JoinHandle<io::Result<()>>>,
}

impl TempFile {
    /// A temp file that becomes `place`. Folders missing between `base` and it are made. `announce`
    /// is given its name before it exists, so that no kill leaves one that nobody knows of.
    pub(super) fn create(place: PathBuf, base: &Path, announce: impl Fn(&str)) -> io::Result<Self> {
        let folder = place.parent().unwrap_or(base).to_owned();
        // Another output that is given up may remove the folder between our two steps.
        let mut attempts = 0..3;
        loop {
            let mut made = MadeFolders::default();
            let name = temp_name();
            announce(&name);
            let temp = folder.join(name);
            let file = made.make(&folder, base).and_then(|()| {
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&temp)
            });
            match file {
                Ok(file) => {
                    let file = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file);
                    return Ok(Self {
                        file,
                        temp: Some(temp),
                        place,
                        made,
                        most: 0o777,
                        unstored: 0,
                        storing: None,
                    });
                }
                Err(error) => {
                    made.remove();
                    if error.kind() != io::ErrorKind::NotFound || attempts.next().is_none() {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Others than the owner get no right to the file that `mode` does not give them.
    pub(super) fn narrow(&mut self, mode: u32) {
        self.most &= mode | 0o700;
    }

    /// Name of the temp file in the folder of its destination.
    pub(super) fn name(&self) -> Option<String> {
        Some(self.temp.as_ref()?.file_name()?.to_str()?.to_owned())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.unstored += written as u64;
        let at_work = self.storing.as_ref().is_some_and(|at| !at.is_finished());
        if self.unstored >= STORE_AFTER_BYTES && !at_work {
            self.stored()?;
            self.unstored = 0;
            let file = self.file.get_ref().try_clone()?;
            let storing = thread::Builder::new().name("store".to_owned());
            self.storing = Some(storing.spawn(move || file.sync_data())?);
        }
        Ok(written)
    }

    /// Waits for what the system was asked to store. A failure to do so is told once only, to
    /// whoever asked.
    fn stored(&mut self) -> io::Result<()> {
        let storing = self.storing.take().map(JoinHandle::join);
        storing
            .unwrap_or(Ok(Ok(())))
            .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
    }

    /// Everything written so far survives a power failure.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.stored()?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }

    /// Puts the file at its destination, with the mode of the file it replaces, as far as it may have that.
    pub(super) fn commit(mut self) -> io::Result<()> {
        let mode = match fs::symlink_metadata(&self.place) {
            Ok(old) if old.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(old) if old.is_file() => old.permissions().mode() & 0o777,
            _ => 0o666 & !umask(),
        };
        self.file
            .get_ref()
            .set_permissions(fs::Permissions::from_mode(mode & self.most))?;
        self.file.get_ref().sync_all()?;
        if let Some(temp) = &self.temp {
            fs::rename(temp, &self.place)?;
        }
        self.temp = None;
        self.made.0.clear();
        sync_folder(self.place.parent().unwrap_or(Path::new("/")))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(temp) = self.temp.take() {
            if let Err(error) = fs::remove_file(&temp) {
                tracing::warn!("temp file {} is left behind: {error}", temp.display());
            }
            self.made.remove();
        }
    }
}

/// Folders made for an output, outermost first.
#[derive(Debug, Default)]
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes `folder` and what is missing of its parents below `base`.
    fn make(&mut self, folder: &Path, base: &Path) -> io::Result<()> {
        let missing = folder
            .ancestors()
            .take_while(|at| *at != base && !at.exists());
        for missing in missing.collect::<Vec<_>>().into_iter().rev() {
            match fs::create_dir(missing) {
                Ok(()) => {
                    self.0.push(missing.to_owned());
                    sync_folder(missing.parent().unwrap_or(base))?;
                }
                // Another output made it in the meantime.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes them as far as they are empty.
    fn remove(&mut self) {
        while let Some(folder) = self.0.pop() {
            if fs::remove_dir(folder).is_err() {
                self.0.clear();
            }
        }
    }
}

/// Makes renames in `folder` survive a power failure, where the file system can and we may.
fn sync_folder(folder: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if [InvalidInput, PermissionDenied, Unsupported].contains(&error.kind()) => {
            Ok(())
        }
        other => other,
    }
}

/// The permissions this process takes away from files it makes.
fn umask() -> u32 {
    static UMASK: OnceLock<u32> = OnceLock::new();
    *UMASK.get_or_init(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
            .unwrap_or(0o022)
    })
}
