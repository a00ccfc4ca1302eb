//! Which files there are, which tasks each is for, and what each looks like.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt};
use visard_connectors::parquet::{self, ParquetShape};
use visard_connectors::store::{Object, Store};
use visard_connectors::text::{self, Header, TextShape};

use super::columns::{FileColumn, FileColumns};
use super::header::looks_like_data;
use crate::language::{self, Quote, Task, Verdict};

/// Files whose shape is looked at together.
const AT_ONCE: usize = 16;
/// Endings of delimited text, before any ending of a compression.
const TEXT_ENDINGS: [&str; 6] = ["csv", "tsv", "tab", "txt", "psv", "dsv"];
/// Endings of compressed text.
const COMPRESSION_ENDINGS: [&str; 4] = ["gz", "zst", "zstd", "bz2"];

/// Names of codecs that writers put in front of the ending.
const CODEC_ENDINGS: [&str; 5] = ["snappy", "gzip", "zstd", "lz4", "brotli"];
/// Endings of Parquet files.
const PARQUET_ENDINGS: [&str; 3] = ["parquet", "parq", "pq"];

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Parquet.
    Parquet,
    /// Delimited text.
    Text(Box<text::TextOptions>),
}

/// What a file looks like.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Parquet(ParquetShape),
    Text {
        shape: TextShape,
        /// What the first record calls the columns, where the shape has some by number.
        header: Option<Vec<String>>,
    },
}

impl Shape {
    /// Calls columns whose names may be values by their number, but for those that are `known`.
    pub(super) fn hide_values(&mut self, known: &HashSet<&str>) {
        let Self::Text { shape, header } = self else {
            return;
        };
        if shape.has_header() && looks_like_data(shape.columns()) {
            *header = Some(shape.number_columns(|name| !known.contains(name)));
        }
    }

    pub(super) fn columns(&self) -> FileColumns {
        match self {
            Self::Parquet(shape) => FileColumns::of_parquet(shape),
            Self::Text { shape, header } => FileColumns::of_text(shape, header.as_deref()),
        }
    }
}

/// The tasks that select `path`, in order; else why none does.
pub(super) fn tasks_of(tasks: &[Task], path: &str) -> Result<Vec<usize>, String> {
    let mut selected = Vec::new();
    let mut reason = "no task selects it".to_owned();
    for (index, task) in tasks.iter().enumerate() {
        let Some(files) = task.files() else {
            continue;
        };
        match files.verdict(path) {
            Verdict::Selected => selected.push(index),
            Verdict::Skipped(pattern) => {
                reason = format!("the skip filter `{}` matches it", pattern.text)
            }
            Verdict::InFolder if tasks.len() == 1 => {
                reason = "it lies in a folder, and the task has no `recurse: true`".to_owned();
            }
            Verdict::InFolder | Verdict::NotIncluded => {}
        }
    }
    if selected.is_empty() {
        Err(reason)
    } else {
        Ok(selected)
    }
}

/// How the file at `path` is read by its name; `None` when its ending says nothing.
pub(super) fn format_of(path: &str, options: &language::TextOptions) -> Option<Format> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let mut endings = name.rsplit('.');
    let mut ending = endings.next()?;
    if PARQUET_ENDINGS.contains(&ending) {
        return Some(Format::Parquet);
    }
    if COMPRESSION_ENDINGS.contains(&ending) {
        ending = endings.next()?;
    }
    // A file without a dot has no ending.
    let is_text = TEXT_ENDINGS.contains(&ending) && endings.next().is_some();
    is_text.then(|| Format::Text(Box::new(text_options(options))))
}

/// What the file at `path` is by its name: `parquet` or `csv`; nothing when its ending says nothing.
pub fn format_name(path: &str) -> Option<&'static str> {
    format_of(path, &language::TextOptions::default()).map(|format| match format {
        Format::Parquet => "parquet",
        Format::Text(_) => "csv",
    })
}

/// The name of the file at `path` without the endings that say how it is written, and the first of these.
pub(super) fn endings_of(path: &str) -> (&str, Option<&str>) {
    let mut stem = path.rsplit('/').next().unwrap_or(path);
    let mut found = None;
    while let Some((before, ending)) = stem.rsplit_once('.') {
        let lower = ending.to_ascii_lowercase();
        let known: [&[&str]; 4] = [
            &TEXT_ENDINGS,
            &COMPRESSION_ENDINGS,
            &CODEC_ENDINGS,
            &PARQUET_ENDINGS,
        ];
        if before.is_empty() || !known.iter().any(|known| known.contains(&lower.as_str())) {
            break;
        }
        stem = before;
        if !CODEC_ENDINGS.contains(&lower.as_str()) {
            found = Some(ending);
        }
    }
    (stem, found)
}

/// The first option by which two tasks would read the text file at `path` in two ways.
pub(super) fn contradiction(
    path: &str,
    one: &language::TextOptions,
    other: &language::TextOptions,
) -> Option<&'static str> {
    let (Some(Format::Text(one)), Some(Format::Text(other))) =
        (format_of(path, one), format_of(path, other))
    else {
        return None;
    };
    let by_name = match ["tsv", "tab"].map(|ending| has_ending(path, ending)) {
        [false, false] => b',',
        _ => b'\t',
    };
    let delimiter = |options: &text::TextOptions| options.delimiter.unwrap_or(by_name);
    let same = [
        ("delimiter", delimiter(&one) == delimiter(&other)),
        ("quote", one.quote == other.quote),
        ("escape", one.escape == other.escape),
        ("columns", one.header == other.header),
        (
            "encoding",
            one.encoding.eq_ignore_ascii_case(&other.encoding),
        ),
        ("null_string", one.null_string == other.null_string),
        ("ragged", one.ragged == other.ragged),
    ];
    same.into_iter()
        .find_map(|(option, same)| (!same).then_some(option))
}

/// Whether `ending` is the ending of the name, before any ending of a compression.
fn has_ending(path: &str, ending: &str) -> bool {
    let name = path.to_ascii_lowercase();
    let mut endings = name.rsplit('.');
    let last = endings
        .next()
        .filter(|last| !COMPRESSION_ENDINGS.contains(last));
    last.or_else(|| endings.next()) == Some(ending)
}

fn text_options(options: &language::TextOptions) -> text::TextOptions {
    let default = text::TextOptions::default();
    let byte = |character: Option<char>| character.and_then(|c| u8::try_from(c).ok());
    text::TextOptions {
        delimiter: byte(options.delimiter),
        quote: match options.quote {
            None => default.quote,
            Some(Quote::Never) => None,
            Some(Quote::With(quote)) => byte(Some(quote)),
        },
        escape: byte(options.escape),
        header: match &options.columns {
            Some(columns) => Header::Columns(columns.clone()),
            None => Header::FirstRecord,
        },
        encoding: options.encoding.clone().unwrap_or(default.encoding),
        null_string: options.null_string.clone(),
        ragged: match options.ragged {
            Some(language::Ragged::Keep) => text::Ragged::Keep,
            Some(language::Ragged::Fail) | None => text::Ragged::Error,
        },
        ..default
    }
}

/// Looks at each file; what a file is refused for comes back in its place.
pub(super) async fn inspect(
    store: &Store,
    files: Vec<(Object, Format)>,
) -> Vec<Result<Shape, String>> {
    let looks = files.into_iter().map(|(object, format)| async move {
        Ok::<_, std::convert::Infallible>(match format {
            Format::Parquet => match parquet::inspect(store, &object).await {
                Ok(shape) => Ok(Shape::Parquet(shape)),
                Err(error) => Err(with_causes(&error)),
            },
            Format::Text(options) => match text::inspect(store, &object, &options).await {
                Ok(shape) => Ok(Shape::Text {
                    shape,
                    header: None,
                }),
                Err(error) => Err(with_causes(&error)),
            },
        })
    });
    let looks = futures::stream::iter(looks)
        .buffered(AT_ONCE)
        .try_collect()
        .await;
    looks.unwrap_or_else(|never| match never {})
}

/// An error and what it came from, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some repeat their cause.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// The columns of one file, by number where the first record may be none that names them; `None` when its ending says nothing, an error when it cannot be read.
pub async fn columns_of(
    store: &Store,
    object: &Object,
    options: &language::TextOptions,
) -> Option<Result<Vec<FileColumn>, String>> {
    let format = format_of(&object.path, options)?;
    let shape = inspect(store, vec![(object.clone(), format)]).await.pop()?;
    Some(shape.map(|mut shape| {
        shape.hide_values(&HashSet::new());
        shape.columns().0
    }))
}

/// The delimiter that the first records of a text file seem to have, where it is not the one its name says.
///
/// # Errors
/// When it cannot be read, in words.
pub async fn likely_delimiter(store: &Store, object: &Object) -> Result<Option<char>, String> {
    match format_of(&object.path, &language::TextOptions::default()) {
        Some(Format::Text(options)) => text::sniff_delimiter(store, object, &options)
            .await
            .map_err(|error| with_causes(&error)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_two_tasks() {
        let of = |delimiter, encoding: &str| language::TextOptions {
            delimiter,
            encoding: Some(encoding.to_owned()),
            ..language::TextOptions::default()
        };
        let default = language::TextOptions::default();
        for (path, one, found) in [
            ("a.csv", of(None, "UTF-8"), None),
            ("a.csv", of(Some(','), "utf-8"), None),
            ("a.csv", of(Some(';'), "utf-8"), Some("delimiter")),
            ("a.tsv.gz", of(Some('\t'), "utf-8"), None),
            ("a.csv", of(None, "utf-16le"), Some("encoding")),
            ("a.parquet", of(Some(';'), "utf-8"), None),
        ] {
            assert_eq!(contradiction(path, &one, &default), found, "{path} {one:?}");
        }
    }

    #[test]
    fn formats_by_name() {
        let options = language::TextOptions::default();
        for (path, text, known) in [
            ("a.csv", true, true),
            ("dir.d/a.CSV.gz", true, true),
            ("a.tsv.zst", true, true),
            ("a.parquet", false, true),
            ("a.snappy.parquet", false, true),
            ("csv", false, false),
            ("a.json", false, false),
            ("a.gz", false, false),
        ] {
            let format = format_of(path, &options);
            assert_eq!(format.is_some(), known, "{path}");
            assert_eq!(matches!(format, Some(Format::Text(_))), text, "{path}");
        }
    }
}
