//! The files a check has read, and places in them.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A file of [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Bytes before it.
    pub byte: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The place before the first character.
    pub const START: Self = Self {
        byte: 0,
        line: 1,
        column: 1,
    };

    /// The place after `text` when this is the place before it.
    pub fn after(self, text: &str) -> Self {
        let byte = self.byte + text.len();
        match text.rfind('\n') {
            None => Self {
                byte,
                line: self.line,
                column: self.column + text.chars().count(),
            },
            Some(newline) => Self {
                byte,
                line: self.line + text.matches('\n').count(),
                column: text[newline + 1..].chars().count() + 1,
            },
        }
    }
}

/// A stretch of a file; `end` is the place after its last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Its first character.
    pub start: Position,
    /// The place after its last character.
    pub end: Position,
}

impl Span {
    /// The empty stretch before the first character of `file`.
    pub fn top(file: FileId) -> Self {
        Self {
            file,
            start: Position::START,
            end: Position::START,
        }
    }
}

/// A value with its place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Another value at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            span: self.span,
        }
    }
}

/// Every file read so far: diagnostics take their excerpts from here.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// The only folder that may be read from.
    within: Option<PathBuf>,
}

struct SourceFile {
    path: PathBuf,
    text: String,
    /// Bytes that hold secrets and are never shown.
    secrets: Vec<Range<usize>>,
}

impl std::fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Sources {
    /// No file yet; none is read outside of `folder`, and no value from the environment names one. For
    /// rulesets and connections that come from somebody else than the owner of the files.
    pub fn within(folder: PathBuf) -> Self {
        Self {
            files: Vec::new(),
            within: Some(folder),
        }
    }

    /// The only folder that may be read from, if there is one.
    pub(crate) fn confined_to(&self) -> Option<&Path> {
        self.within.as_deref()
    }

    /// Reads a UTF-8 file. Problems are reported at `named_at`, the place that names the file, or
    /// without a place.
    pub fn read(
        &mut self,
        path: &Path,
        named_at: Option<Span>,
        diagnostics: &mut Diagnostics,
    ) -> Option<FileId> {
        match allowed(path, self.confined_to()).and_then(|()| read_bounded(path)) {
            Ok(bytes) if bytes.len() as u64 <= MAX_BYTES => self.add(path, bytes, diagnostics),
            Ok(_) => {
                let message = format!("`{}` is larger than 16 MiB", path.display());
                diagnostics.push(
                    Diagnostic::new(&codes::FILE_TOO_LARGE, message)
                        .at_maybe(named_at, "named here")
                        .help("split it, or move shared parts into libraries"),
                );
                None
            }
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", path.display());
                let diagnostic = Diagnostic::new(&codes::FILE_UNREADABLE, message);
                diagnostics.push(diagnostic.at_maybe(named_at, "named here"));
                None
            }
        }
    }

    /// Takes a file's bytes, without a byte order mark. Text that is not UTF-8 is reported.
    pub fn add(
        &mut self,
        path: &Path,
        bytes: Vec<u8>,
        diagnostics: &mut Diagnostics,
    ) -> Option<FileId> {
        let file = FileId(self.files.len());
        let utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
        let bytes = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
            Some(rest) => rest.to_vec(),
            None => bytes,
        };
        let (text, broken) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let place = Position::START.after(&text[..valid]);
                (text, Some(place))
            }
        };
        self.files.push(SourceFile {
            path: path.to_owned(),
            text,
            secrets: Vec::new(),
        });
        let Some(start) = broken else {
            return Some(file);
        };
        let end = start.after("\u{FFFD}");
        let span = Span { file, start, end };
        let diagnostic = if utf16 {
            Diagnostic::new(&codes::NOT_UTF8, "the file is UTF-16, not UTF-8").at(span, "")
        } else {
            Diagnostic::new(&codes::NOT_UTF8, "the file is not UTF-8").at(span, "first wrong byte")
        };
        diagnostics.push(diagnostic.help("save the file as UTF-8"));
        None
    }

    /// The path a file was read from.
    pub fn path(&self, file: FileId) -> &Path {
        &self.files[file.0].path
    }

    /// A file's whole text.
    pub fn text(&self, file: FileId) -> &str {
        &self.files[file.0].text
    }

    /// The text of every file, in the order they were read.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.text.as_str())
    }

    /// `path` as `file` means it: relative to the folder `file` lies in.
    pub fn resolve(&self, file: FileId, path: &str) -> PathBuf {
        let folder = self.path(file).parent().unwrap_or(Path::new(""));
        folder.join(path)
    }

    /// The text of a stretch.
    pub fn slice(&self, span: Span) -> &str {
        let range = span.start.byte..span.end.byte;
        self.text(span.file).get(range).unwrap_or_default()
    }

    /// Keeps a stretch out of every excerpt.
    pub(super) fn hide(&mut self, span: Span) {
        let file = &mut self.files[span.file.0];
        file.secrets.push(span.start.byte..span.end.byte);
    }

    /// The stretches of a file that are never shown.
    pub(super) fn hidden(&self, file: FileId) -> &[Range<usize>] {
        &self.files[file.0].secrets
    }
}

/// Whether `path` may be read by those who are kept to the folder `within`.
///
/// # Errors
/// `PermissionDenied` for a path that leads out of it.
pub(crate) fn allowed(path: &Path, within: Option<&Path>) -> std::io::Result<()> {
    let Some(within) = within else {
        return Ok(());
    };
    let stays = |below: &Path| {
        let mut parts = below.components();
        parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    match path.strip_prefix(within) {
        Ok(below) if stays(below) => Ok(()),
        _ => Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "it lies outside of the folder that may be read",
        )),
    }
}

/// A file's bytes; at most one more than [`MAX_BYTES`] of them.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
