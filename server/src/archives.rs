//! Zip archives that clients send: read in memory, within limits. Nothing is ever unpacked under a name that
//! an archive gives.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::ZipFile;

/// Files of an archive at most.
const MAX_FILES: usize = 10_000;
/// Which bits of a mode tell what an entry is, and those of a plain file; no bits at all are one too.
const FILE_TYPE: u32 = 0o170_000;
const PLAIN_FILE: u32 = 0o100_000;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Its path, relative and without `..`, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

impl Packed {
    /// Its name, without folders.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ArchiveError {
    #[error("it is no zip archive, or a broken one")]
    Broken,
    #[error("the archive has more than {MAX_FILES} files")]
    TooMany,
    #[error("the archive unpacks into more than {0} bytes")]
    TooLarge(u64),
    #[error("the archive has a file whose path is absolute, leads out of it, or is not plain text")]
    Path,
    #[error("the archive has something else than files and folders, such as a symbolic link")]
    NoFile,
    #[error("the archive has two files of one path, or files that share bytes")]
    Overlap,
    #[error("the archive has a file that is encrypted")]
    Encrypted,
}

/// All files of an archive, in their order, with at most `max_bytes` bytes in all.
///
/// # Errors
/// When it is larger, or has anything that an archive of plain files has not.
pub(crate) fn unpack(archive: &[u8], max_bytes: u64) -> Result<Vec<Packed>, ArchiveError> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(|_| ArchiveError::Broken)?;
    if archive.len() > MAX_FILES {
        return Err(ArchiveError::TooMany);
    }
    if archive.has_duplicate_names() || archive.has_overlapping_files().unwrap_or(true) {
        return Err(ArchiveError::Overlap);
    }
    let mut left = max_bytes;
    let mut files = Vec::new();
    let mut paths = BTreeSet::new();
    for number in 0..archive.len() {
        let file = archive.by_index(number);
        let mut file = file.map_err(|error| match error {
            zip::result::ZipError::UnsupportedArchive(_) => ArchiveError::Encrypted,
            _ => ArchiveError::Broken,
        })?;
        let path = path(&file)?;
        if file.is_dir() {
            continue;
        }
        // What the archive says of sizes is not believed.
        let mut bytes = Vec::new();
        let read = Read::by_ref(&mut file)
            .take(left + 1)
            .read_to_end(&mut bytes);
        let read = read.map_err(|_| ArchiveError::Broken)? as u64;
        left = left
            .checked_sub(read)
            .ok_or(ArchiveError::TooLarge(max_bytes))?;
        if !paths.insert(path.clone()) {
            return Err(ArchiveError::Overlap);
        }
        files.push(Packed { path, bytes });
    }
    Ok(files)
}

/// The path of an entry, if it is a plain one of a file or folder.
fn path(file: &ZipFile<'_, Cursor<&[u8]>>) -> Result<String, ArchiveError> {
    if file.encrypted() {
        return Err(ArchiveError::Encrypted);
    }
    let kind = file.unix_mode().unwrap_or(0) & FILE_TYPE;
    if file.is_symlink() || !(file.is_dir() || kind == PLAIN_FILE || kind == 0) {
        return Err(ArchiveError::NoFile);
    }
    let name = file.name().map_err(|_| ArchiveError::Path)?;
    let path = name.strip_suffix('/').unwrap_or(&name);
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let strange = |c: char| c.is_control() || matches!(c, '\\' | ':');
    match path.split('/').all(plain) && !path.contains(strange) {
        true => Ok(path.to_owned()),
        false => Err(ArchiveError::Path),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// An archive of one file.
    fn archive(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn plain_files_are_read() {
        let files = unpack(&archive("certs/ca.pem", b"pem"), 3).unwrap();
        assert_eq!(files[0].path, "certs/ca.pem");
        assert_eq!(files[0].name(), "ca.pem");
        assert_eq!(files[0].bytes, b"pem");
    }

    #[test]
    fn what_leads_out_is_refused() {
        for name in [
            "../x",
            "a/../../x",
            "/etc/x",
            "a//x",
            "./x",
            "a\\x",
            "c:x",
            "a\nb",
        ] {
            assert_eq!(
                unpack(&archive(name, b"x"), 10),
                Err(ArchiveError::Path),
                "{name:?}"
            );
        }
    }

    #[test]
    fn bombs_links_and_scraps_are_refused() {
        let bomb = archive("zeros", &vec![0; 1 << 20]);
        assert_eq!(unpack(&bomb, 1 << 16), Err(ArchiveError::TooLarge(1 << 16)));

        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
            .unwrap();
        let link = zip.finish().unwrap().into_inner();
        assert_eq!(unpack(&link, 100), Err(ArchiveError::NoFile));

        let whole = archive("a", b"some bytes");
        for scrap in [&b""[..], b"PK", &whole[..whole.len() / 2]] {
            assert_eq!(unpack(scrap, 100), Err(ArchiveError::Broken));
        }
    }
}
