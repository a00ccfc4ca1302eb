//! What was found in a database as CSV, in parts where it is long.

use std::io::{Cursor, Write};

use visard::discovery::{write_column, write_header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::results::{columns, count_columns, tables};
use crate::error::ApiError;
use crate::store::Store;

/// Columns of a part at most; spreadsheets take no more than a million rows.
const ROWS_PER_PART: u64 = 250_000;
/// Columns that are read at once.
const PAGE: u64 = 1000;

/// A report.
pub(crate) enum Report {
    Csv(Vec<u8>),
    /// Of numbered parts, each with a header.
    Zip(Vec<u8>),
}

/// The report of a discovery, with the column in which columns are chosen, or without.
///
/// # Errors
/// As of the store.
pub(crate) async fn report(
    store: &dyn Store,
    run: i64,
    with_selection: bool,
) -> Result<Report, ApiError> {
    in_parts(store, run, with_selection, ROWS_PER_PART).await
}

async fn in_parts(
    store: &dyn Store,
    run: i64,
    with_selection: bool,
    rows_per_part: u64,
) -> Result<Report, ApiError> {
    let count = count_columns(store, run).await?;
    if count <= rows_per_part {
        return Ok(Report::Csv(
            part(store, run, with_selection, 0..count).await?,
        ));
    }
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (number, from) in (0..count)
        .step_by(usize::try_from(rows_per_part).unwrap_or(usize::MAX))
        .enumerate()
    {
        let to = count.min(from + rows_per_part);
        let csv = part(store, run, with_selection, from..to).await?;
        let name = format!("discovery_report_{run}_{:03}.csv", number + 1);
        let options = SimpleFileOptions::default();
        let broken = |error: zip::result::ZipError| ApiError::internal(&error);
        archive.start_file(name, options).map_err(broken)?;
        archive
            .write_all(&csv)
            .map_err(|error| ApiError::internal(&error))?;
    }
    let archive = archive
        .finish()
        .map_err(|error| ApiError::internal(&error))?;
    Ok(Report::Zip(archive.into_inner()))
}

async fn part(
    store: &dyn Store,
    run: i64,
    with_selection: bool,
    rows: std::ops::Range<u64>,
) -> Result<Vec<u8>, ApiError> {
    let broken = |error: csv::Error| ApiError::internal(&error);
    let mut page = csv::Writer::from_writer(Vec::new());
    write_header(&mut page, with_selection).map_err(broken)?;
    let mut from = rows.start;
    while from < rows.end {
        let limit = PAGE.min(rows.end - from);
        let found = columns(store, run, from, limit).await?;
        let (Some((_, first)), Some((_, last))) = (found.first(), found.last()) else {
            break;
        };
        let tables_from = first.table.unsigned_abs();
        let of_page = last.table.unsigned_abs() + 1 - tables_from;
        let of_page = tables(store, run, tables_from, of_page).await?;
        for (_, kept) in &found {
            let table = of_page.iter().find(|(number, _)| *number == kept.table);
            if let Some((_, table)) = table {
                write_column(&mut page, with_selection, &table.table, &kept.column)
                    .map_err(broken)?;
            }
        }
        from += limit;
    }
    page.into_inner()
        .map_err(|error| ApiError::internal(&error))
}
