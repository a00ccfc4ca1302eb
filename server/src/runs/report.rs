//! How a masking run came out, by its report: a status, and CSV for people.

use std::path::Path;

use visard::run::{FileReport, Report, Status as Settled, TableReport};

use super::Status;
use super::end::Ended;
use crate::store::{Store, StoreError, Value};

/// The kind of the report of what was masked.
pub(crate) const RUN: &str = "run_report";
/// The kind of the report of columns that should be masked and are not.
pub(crate) const SDD: &str = "sdd_report";

/// The report of `kind` that a run has, if it has one.
///
/// # Errors
/// As of the store.
pub(crate) async fn find(
    store: &dyn Store,
    run: i64,
    kind: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT body FROM run_results WHERE run_id = $1 AND kind = $2 AND line = 0";
    let rows = store.query(sql, &[Value::Int(run), kind.into()]).await?;
    match rows.first() {
        None => Ok(None),
        Some(row) => Ok(Some(row.text(0)?.to_owned())),
    }
}

/// How a run ended that came to its end.
pub(super) fn ended(report: &Report) -> Ended {
    let status = status(report);
    let error = match status {
        Status::Failed => Some(why_failed(report)),
        _ => None,
    };
    Ended {
        status,
        error,
        reports: of_run(report),
    }
}

/// The reports of a run.
pub(super) fn of_run(report: &Report) -> Vec<(&'static str, String)> {
    let csv = match report.tables.is_empty() {
        true => of_files(&report.files),
        false => of_tables(&report.tables),
    };
    vec![(RUN, csv)]
}

fn settled(report: &Report) -> impl Iterator<Item = Settled> {
    let files = report.files.iter().map(|file| file.status);
    files.chain(report.tables.iter().map(|table| table.status))
}

/// What is not masked though it was to be, is a failure; what is not masked because no more was asked for, or
/// cannot be read, is a warning.
fn status(report: &Report) -> Status {
    let any = |wanted: &[Settled]| settled(report).any(|status| wanted.contains(&status));
    if any(&[Settled::Failed, Settled::NotStarted]) {
        return Status::Failed;
    }
    match any(&[Settled::Partly, Settled::Archived]) {
        true => Status::FinishedWithWarnings,
        false => Status::Finished,
    }
}

fn why_failed(report: &Report) -> String {
    let files = report.files.iter();
    let files = files.map(|file| (&file.path, file.status, &file.reason));
    let tables = report.tables.iter();
    let tables = tables.map(|table| (&table.table, table.status, &table.reason));
    let mut failed = files
        .chain(tables)
        .filter(|(_, status, _)| *status == Settled::Failed);
    match failed.next() {
        Some((name, _, Some(reason))) => format!("{}: `{name}`: {reason}", report.outcome),
        _ => report.outcome.to_owned(),
    }
}

/// One row for each file that was looked at.
fn of_files(files: &[FileReport]) -> String {
    let header = [
        "path",
        "file_size",
        "file_type",
        "skip_reason",
        "status",
        "rows",
    ];
    let rows = files.iter().map(|file| {
        let skip_reason = match file.status {
            Settled::Masked | Settled::Copied => "",
            Settled::Archived => "File archived with Glacier",
            Settled::Skipped | Settled::Failed | Settled::Partly | Settled::NotStarted => {
                file.reason.as_deref().unwrap_or_default()
            }
        };
        let of_type = Path::new(&file.path).extension().unwrap_or_default();
        [
            file.path.clone(),
            file.bytes_in.to_string(),
            of_type.to_string_lossy().to_lowercase(),
            skip_reason.to_owned(),
            file.status.name().to_owned(),
            file.rows.to_string(),
        ]
    });
    csv(header, rows)
}

/// One row for each task on a database.
fn of_tables(tables: &[TableReport]) -> String {
    let header = [
        "table",
        "strategy",
        "status",
        "rows",
        "rows_left",
        "columns_masked",
        "columns_not_masked",
        "reason",
    ];
    let rows = tables.iter().map(|table| {
        let masked: Vec<&str> = table.columns.keys().map(String::as_str).collect();
        [
            table.table.clone(),
            table.strategy.unwrap_or_default().to_owned(),
            table.status.name().to_owned(),
            table.rows.to_string(),
            table.clear_rows.to_string(),
            masked.join(", "),
            table.unmasked.join(", "),
            table.reason.clone().unwrap_or_default(),
        ]
    });
    csv(header, rows)
}

fn csv<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let whole = "text is written to memory";
    writer.write_record(header).expect(whole);
    for row in rows {
        writer.write_record(row).expect(whole);
    }
    let bytes = writer.into_inner().expect(whole);
    String::from_utf8(bytes).expect("texts and commas are UTF-8")
}
