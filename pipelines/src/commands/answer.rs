//! The rows of a query as text or as a file.

use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder as CsvBuilder;
use arrow::datatypes::SchemaRef;
use arrow::json::WriterBuilder as JsonBuilder;
use arrow::json::writer::LineDelimited;
use arrow::util::pretty::pretty_format_batches_with_schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Columns under each other, for people.
    Table,
    /// A header and a line for each row; null is an empty field.
    Csv,
    /// An object for each row, one a line.
    Json,
    /// A Parquet file, for which --output is needed.
    Parquet,
}

impl Format {
    /// The format that a file's name asks for.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" => Self::Csv,
            "json" | "jsonl" | "ndjson" => Self::Json,
            "parquet" | "parq" | "pq" => Self::Parquet,
            _ => return None,
        })
    }

    /// Whether rows of `schema` can be written.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub(super) fn fits(self, schema: &SchemaRef) -> Result<(), String> {
        let fields = schema.fields();
        let nested = fields.iter().find(|field| field.data_type().is_nested());
        if let (Self::Csv, Some(field)) = (self, nested) {
            let name = field.name();
            return Err(format!(
                "the column `{name}` is nested, which CSV cannot hold: choose fields of it, or --format json"
            ));
        }
        let is_twice = |at: usize| fields[..at].iter().any(|f| f.name() == fields[at].name());
        let twice = (0..fields.len()).find(|at| is_twice(*at));
        match (self, twice) {
            (Self::Json | Self::Parquet, Some(at)) => Err(format!(
                "two columns are called `{}`: name one anew with AS",
                fields[at].name()
            )),
            _ => Ok(()),
        }
    }
}

/// Rows on their way out.
pub(super) struct Answer {
    schema: SchemaRef,
    rows: usize,
    kind: Kind,
    target: Option<PathBuf>,
}

enum Kind {
    /// Held to be aligned, and the most of them.
    Table(Vec<RecordBatch>, usize, Option<NamedTempFile>),
    Csv(Out),
    Json(Out),
    Parquet(Box<ArrowWriter<BufWriter<File>>>, NamedTempFile),
}

/// Where text goes.
enum Out {
    Screen,
    File(BufWriter<NamedTempFile>),
}

/// What came out.
pub(super) struct Ended {
    /// Rows written.
    pub(super) rows: usize,
    /// Whether there were more.
    pub(super) cut: bool,
}

impl Answer {
    /// No rows yet. They go to `target` once they are complete, or else to standard output as they come;
    /// a table takes `most` of them.
    ///
    /// # Errors
    /// When there can be no file beside `target`, or nothing can be written.
    pub(super) fn try_new(
        format: Format,
        schema: SchemaRef,
        target: Option<&Path>,
        most: usize,
    ) -> anyhow::Result<Self> {
        let file = target.map(beside).transpose()?;
        let out = |file: Option<NamedTempFile>| match file {
            Some(file) => Out::File(BufWriter::new(file)),
            None => Out::Screen,
        };
        let kind = match format {
            Format::Table => Kind::Table(Vec::new(), most, file),
            Format::Csv => Kind::Csv(out(file)),
            Format::Json => Kind::Json(out(file)),
            Format::Parquet => {
                let file = file.context("Parquet goes into a file")?;
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                let writer = BufWriter::new(file.reopen()?);
                let writer =
                    ArrowWriter::try_new(writer, SchemaRef::clone(&schema), Some(properties));
                Kind::Parquet(Box::new(writer?), file)
            }
        };
        let mut answer = Self {
            schema,
            rows: 0,
            kind,
            target: target.map(Path::to_owned),
        };
        if let Kind::Csv(out) = &mut answer.kind {
            out.write(&csv(
                &RecordBatch::new_empty(SchemaRef::clone(&answer.schema)),
                true,
            )?)?;
        }
        Ok(answer)
    }

    /// Adds rows; whether more are wanted.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<bool> {
        self.rows += batch.num_rows();
        match &mut self.kind {
            Kind::Table(batches, most, _) => {
                batches.push(batch.clone());
                return Ok(self.rows <= *most);
            }
            Kind::Csv(out) => out.write(&csv(batch, false)?)?,
            Kind::Json(out) => out.write(&json(batch)?)?,
            Kind::Parquet(writer, _) => writer.write(batch)?,
        }
        Ok(true)
    }

    /// Ends the output, and puts a file into its place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(self) -> anyhow::Result<Ended> {
        let mut ended = Ended {
            rows: self.rows,
            cut: false,
        };
        let file = match self.kind {
            Kind::Table(batches, most, file) => {
                ended.cut = self.rows > most;
                ended.rows = self.rows.min(most);
                let shown = first(batches, most);
                let page = pretty_format_batches_with_schema(self.schema, &shown)?;
                let mut out = file.map_or(Out::Screen, |file| Out::File(BufWriter::new(file)));
                out.write(format!("{page}\n").as_bytes())?;
                out.into_file()?
            }
            Kind::Csv(out) | Kind::Json(out) => out.into_file()?,
            Kind::Parquet(writer, file) => {
                writer.into_inner()?.flush()?;
                Some(file)
            }
        };
        if let (Some(file), Some(target)) = (file, self.target) {
            file.as_file().sync_all()?;
            let placed = file.persist(&target);
            placed.with_context(|| format!("`{}` cannot be written", target.display()))?;
        }
        Ok(ended)
    }
}

impl Out {
    fn write(&mut self, text: &[u8]) -> anyhow::Result<()> {
        match self {
            // Whole batches at a time, so that a reader sees rows as they come.
            Self::Screen => {
                let mut out = std::io::stdout().lock();
                out.write_all(text)?;
                out.flush()?;
            }
            Self::File(file) => file.write_all(text)?,
        }
        Ok(())
    }

    fn into_file(self) -> anyhow::Result<Option<NamedTempFile>> {
        match self {
            Self::Screen => Ok(None),
            Self::File(file) => Ok(Some(file.into_inner().map_err(|error| error.into_error())?)),
        }
    }
}

/// An unnamed file in the folder of `target`, with the rights of any new file.
fn beside(target: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .with_context(|| format!("`{}` cannot be written", target.display()))
}

/// The first `most` rows.
fn first(batches: Vec<RecordBatch>, most: usize) -> Vec<RecordBatch> {
    let mut left = most;
    let cut = batches.into_iter().map(|batch| {
        let rows = batch.num_rows().min(left);
        left -= rows;
        batch.slice(0, rows)
    });
    cut.collect()
}

fn csv(batch: &RecordBatch, header: bool) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut writer = CsvBuilder::new().with_header(header).build(&mut text);
    writer.write(batch)?;
    drop(writer);
    Ok(text)
}

fn json(batch: &RecordBatch) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let builder = JsonBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(text)
}
