//! What the server tells of itself, as lines of JSON in its data folder.

use std::fmt::{Debug, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::time;

/// Bytes of a file before the next one is begun.
const MAX_BYTES: u64 = 16 << 20;
/// Files that are kept besides the one that is written.
const KEPT: usize = 9;
const NAME: &str = "server.jsonl";

/// Where lines go once a server has begun; a command that is none writes nothing.
static OUT: Mutex<Option<Out>> = Mutex::new(None);

/// Writes lines to `folder` from now on.
///
/// # Errors
/// When the folder or its file cannot be made.
pub(crate) fn begin(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    *OUT.lock() = Some(Out::open(folder)?);
    Ok(())
}

/// What events go through: ours from `info` on, others' from `warn` on.
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> + Send + Sync {
    let ours = Targets::new()
        .with_target("visard", LevelFilter::INFO)
        .with_default(LevelFilter::WARN);
    Lines.with_filter(ours)
}

/// All files of `folder` as `tar.gz`, each below `logs/`.
///
/// # Errors
/// When one of them cannot be read.
pub(crate) fn archive(folder: &Path) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for number in 0..=KEPT {
        let path = numbered(folder, number);
        if let Ok(file) = File::open(&path) {
            // A line may be written meanwhile: what is there now is what goes in.
            let size = file.metadata()?.len();
            let mut header = tar::Header::new_gnu();
            header.set_size(size);
            header.set_mode(0o600);
            header.set_cksum();
            let name = path.file_name().unwrap_or_default();
            let content = io::Read::take(file, size);
            archive.append_data(&mut header, Path::new("logs").join(name), content)?;
        }
    }
    archive.into_inner()?.finish()
}

struct Out {
    folder: PathBuf,
    file: File,
    bytes: u64,
}

impl Out {
    fn open(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).mode(0o600);
        let file = file.open(numbered(folder, 0))?;
        Ok(Self {
            folder: folder.to_owned(),
            bytes: file.metadata()?.len(),
            file,
        })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.bytes >= MAX_BYTES {
            for number in (0..KEPT).rev() {
                let (from, to) = (number, number + 1);
                match fs::rename(numbered(&self.folder, from), numbered(&self.folder, to)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            *self = Self::open(&self.folder)?;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

fn numbered(folder: &Path, number: usize) -> PathBuf {
    folder.join(match number {
        0 => NAME.to_owned(),
        number => format!("{NAME}.{number}"),
    })
}

/// An event becomes a line: time, level, where it comes from, its fields and those of the spans around it.
struct Lines;

/// What is known of a span.
struct Known(Map<String, Value>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Known(fields.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if OUT.lock().is_none() {
            return;
        }
        let mut line = Map::new();
        line.insert("time".to_owned(), time::text(time::now()).into());
        let metadata = event.metadata();
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Known(fields)) = span.extensions().get() {
                line.extend(fields.clone());
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        line.extend(fields.0);
        let mut line = Value::Object(line).to_string();
        line.push('\n');
        if let Some(out) = OUT.lock().as_mut() {
            // A full disk must not stop the server; standard error has the same.
            let _ = out.write(&line);
        }
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.0.insert(field.name().to_owned(), text.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), json!(value));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn files_change_and_go_into_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let mut out = Out::open(folder.path()).unwrap();
        for number in 0..KEPT + 3 {
            out.write(&format!("line {number}\n")).unwrap();
            out.bytes = MAX_BYTES;
        }
        let newest = fs::read_to_string(numbered(folder.path(), 0)).unwrap();
        assert_eq!(newest, format!("line {}\n", KEPT + 2));
        assert!(!numbered(folder.path(), KEPT + 1).exists());
        let bytes = archive(folder.path()).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            text
        });
        assert_eq!(entries.count(), KEPT + 1);
    }

    #[test]
    fn a_line_has_the_fields_of_its_spans() {
        let folder = tempfile::tempdir().unwrap();
        begin(folder.path()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer()), || {
            let _span = tracing::info_span!("request", request_id = "abc").entered();
            tracing::info!(status = 200, "answered");
            tracing::debug!("not worth a line");
        });
        *OUT.lock() = None;
        let text = fs::read_to_string(numbered(folder.path(), 0)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines = lines.filter(|line: &Value| line["request_id"] == "abc");
        let line = lines.next().unwrap();
        assert_eq!(line["message"], "answered");
        assert_eq!(line["status"], 200);
        assert_eq!(line["level"], "INFO");
        assert_eq!(lines.next(), None);
    }
}
