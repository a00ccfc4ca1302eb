//! The report of a run: what was masked, what was not, and how fast; no cell value.
//!
//! `report.json` for programs and `report.txt` for people, both in the run folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use visard_engine::udfs::Counts;

use crate::check::{Step, TablePlan};
use crate::language::one_line;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its masked copy is at the destination.
    Masked,
    /// No task selects it; it was copied as it is.
    Copied,
    /// No task selects it, or a skip filter does; nothing was written.
    Skipped,
    /// A task selects it, and it lies in an archive; nothing was written.
    Archived,
    /// Nothing was written, because of an error.
    Failed,
    /// Some of its rows were masked, and no more were asked for.
    #[serde(rename = "partly_masked")]
    Partly,
    /// The run ended before its turn.
    NotStarted,
}

impl Status {
    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Copied => "copied",
            Self::Skipped => "skipped",
            Self::Archived => "archived",
            Self::Failed => "failed",
            Self::Partly => "partly_masked",
            Self::NotStarted => "not_started",
        }
    }
}

/// One column of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Values seen: rows, or elements of lists.
    pub values: u64,
    /// Null before masking.
    pub nulls: u64,
    /// Masked.
    pub masked: u64,
    /// Of the masked ones those that are no nulls and came out as they went in.
    #[serde(default)]
    pub unchanged: u64,
    /// Met by `fpe` with too few characters of its alphabet: its `short` says what became of them.
    #[serde(default)]
    pub short: u64,
    /// Met by `fpe` with characters outside its alphabet: its `outside` says what became of them.
    #[serde(default)]
    pub outside: u64,
    /// Left as they were by `if` or `skip`.
    pub kept: u64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Path below the base directory.
    pub path: String,
    /// What became of it.
    pub status: Status,
    /// Why it was skipped or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether an earlier attempt of this run had done it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// Records.
    pub rows: u64,
    /// Size of the source.
    pub bytes_in: u64,
    /// Size of the output.
    pub bytes_out: u64,
    /// SHA-256 of the output, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Masked columns.
    pub columns: BTreeMap<String, ColumnReport>,
    /// Columns no rule names: they are in the output as they were.
    pub unmasked: Vec<String>,
}

impl FileReport {
    /// A file of which nothing is known yet.
    pub fn new(path: &str, bytes_in: u64) -> Self {
        Self {
            path: path.to_owned(),
            status: Status::NotStarted,
            reason: None,
            resumed: false,
            rows: 0,
            bytes_in,
            bytes_out: 0,
            sha256: None,
            columns: BTreeMap::new(),
            unmasked: Vec::new(),
        }
    }

    /// Adds what the masks of a slice did.
    pub fn add(&mut self, rows: u64, columns: BTreeMap<String, Counts>) {
        self.rows += rows;
        add_counts(&mut self.columns, columns);
    }
}

/// Rows of a slice, and what its masks did, by column.
pub(super) type SliceCounts = (u64, BTreeMap<String, Counts>);

/// One table, or another task on a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// The task's name, or its place in the ruleset.
    pub task: String,
    /// The table with its schema; the task where it is for none.
    pub table: String,
    /// What became of it.
    pub status: Status,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether an earlier attempt of this run had done it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// `update`, `rewrite` or `copy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<&'static str>,
    /// Why this strategy; of a copy, from where to where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Units that this attempt had to do.
    pub units: u64,
    /// Units of them that are committed.
    pub units_done: u64,
    /// Units that earlier attempts committed.
    pub units_before: u64,
    /// Rows of committed units.
    pub rows: u64,
    /// Rows that stay as they are, because no more were asked for.
    pub clear_rows: u64,
    /// Masked columns.
    pub columns: BTreeMap<String, ColumnReport>,
    /// Columns no rule names.
    pub unmasked: Vec<String>,
    /// What still holds old values.
    pub still_holding: Vec<String>,
}

impl TableReport {
    /// The tables of a step of which nothing is known yet but what it is: at least one.
    pub fn of(step: &Step) -> Vec<Self> {
        let mut report = Self {
            task: step.task().to_owned(),
            table: step.task().to_owned(),
            status: Status::NotStarted,
            reason: None,
            resumed: false,
            strategy: None,
            why: None,
            units: 0,
            units_done: 0,
            units_before: 0,
            rows: 0,
            clear_rows: 0,
            columns: BTreeMap::new(),
            unmasked: Vec::new(),
            still_holding: Vec::new(),
        };
        match step {
            Step::Mask(plan) => {
                let of_plan = |plan: &TablePlan| Self {
                    table: plan.table.facts().shown(),
                    strategy: Some(plan.way.name()),
                    why: Some(plan.way.why.clone()),
                    unmasked: plan.unmasked.clone(),
                    ..report.clone()
                };
                let following = plan.following.iter().map(of_plan);
                return std::iter::once(of_plan(plan)).chain(following).collect();
            }
            Step::Copy(plan) => {
                report.table = plan.shown();
                report.strategy = Some("copy");
                report.why = Some(plan.way());
                report.unmasked.clone_from(&plan.unmasked);
            }
            Step::Sql { .. } => {}
        }
        vec![report]
    }

    /// Forgets what was done: it came to nothing.
    pub(super) fn undone(&mut self) {
        (self.units_done, self.rows) = (0, 0);
        self.columns.clear();
    }

    /// Whether any of its rows are masked, whatever became of the others.
    pub fn is_begun(&self) -> bool {
        self.units_done + self.units_before > 0
    }

    /// Adds what the masks of a committed slice did.
    pub fn add(&mut self, rows: u64, columns: BTreeMap<String, Counts>) {
        self.rows += rows;
        add_counts(&mut self.columns, columns);
    }

    fn write_page(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n{} [{}]", one_line(&self.table), self.status.name())?;
        if let (Some(strategy), Some(why)) = (self.strategy, &self.why) {
            writeln!(page, "  {strategy}: {}", one_line(why))?;
        }
        if self.resumed {
            writeln!(page, "  done by an earlier attempt of this run")?;
        } else if self.strategy.is_some() {
            let Self {
                rows,
                units,
                units_done,
                units_before,
                ..
            } = self;
            write!(page, "  {rows} rows in {units_done} of {units} units")?;
            match units_before {
                0 => writeln!(page)?,
                before => writeln!(page, ", behind {before} units of earlier attempts")?,
            }
        }
        if self.clear_rows > 0 {
            writeln!(page, "  {} rows stay as they are", self.clear_rows)?;
        }
        if let Some(reason) = &self.reason {
            writeln!(page, "  {}", one_line(reason))?;
        }
        write_columns(&self.columns, page)?;
        if !self.unmasked.is_empty() {
            writeln!(
                page,
                "  not masked: {}",
                one_line(&self.unmasked.join(", "))
            )?;
        }
        for holding in &self.still_holding {
            writeln!(page, "  still there: {}", one_line(holding))?;
        }
        Ok(())
    }
}

fn add_counts(columns: &mut BTreeMap<String, ColumnReport>, counted: BTreeMap<String, Counts>) {
    for (path, counts) in counted {
        let column = columns.entry(path).or_default();
        column.values += counts.values;
        column.nulls += counts.nulls;
        column.masked += counts.masked;
        column.unchanged += counts.unchanged;
        column.short += counts.short;
        column.outside += counts.outside;
        column.kept = column.values.saturating_sub(column.masked);
    }
}

fn write_columns(columns: &BTreeMap<String, ColumnReport>, page: &mut String) -> std::fmt::Result {
    if !columns.is_empty() {
        writeln!(
            page,
            "  {:<28} {:>10} {:>10} {:>10} {:>10} {:>10}",
            "column", "values", "nulls", "masked", "unchanged", "kept"
        )?;
    }
    for (path, column) in columns {
        let ColumnReport {
            values,
            nulls,
            masked,
            kept,
            unchanged,
            short,
            outside,
        } = column;
        let path = one_line(path);
        writeln!(
            page,
            "  {path:<28} {values:>10} {nulls:>10} {masked:>10} {unchanged:>10} {kept:>10}"
        )?;
        for (count, what) in [
            (short, "were too short for `fpe`: see its `short`"),
            (
                outside,
                "had characters outside the alphabet of `fpe`: see its `outside`",
            ),
        ] {
            if *count > 0 {
                writeln!(page, "    {count} {what}")?;
            }
        }
    }
    Ok(())
}

/// Tells of files done by an earlier attempt what the report in `folder` told of them. What to say
/// when it told nothing of some.
pub(super) fn recall(files: &mut [FileReport], folder: &Path) -> Option<String> {
    #[derive(Default, Deserialize)]
    struct Earlier {
        files: Vec<FileReport>,
    }
    let written = std::fs::read(folder.join("report.json")).ok();
    let earlier: Earlier = written
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default();
    let done = earlier.files.into_iter().filter(|file| {
        // Files are compared by hash before they count as done: those that were told of are these.
        matches!(file.status, Status::Masked | Status::Copied)
    });
    let mut done: BTreeMap<String, FileReport> =
        done.map(|file| (file.path.clone(), file)).collect();
    let mut untold = 0_u64;
    for file in files.iter_mut().filter(|file| file.resumed) {
        match done.remove(&file.path) {
            Some(told) => {
                *file = FileReport {
                    resumed: true,
                    ..told
                }
            }
            None => untold += 1,
        }
    }
    (untold > 0).then(|| {
        format!(
            "rows and columns are not told of {} that an earlier attempt did, as its report is gone",
            counted(untold, "file")
        )
    })
}

/// The whole run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of visard.
    pub visard: &'static str,
    /// Version of the key construction.
    pub construction: &'static str,
    /// Name of the pipeline.
    pub pipeline: String,
    /// SHA-256 over pipeline, ruleset, libraries and seed files as they were resolved.
    pub plan: String,
    /// Check value of the keys.
    pub key_check: String,
    /// Where the run secret is, if it was generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_secret_file: Option<String>,
    /// When the run began, in UTC.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// Exit code.
    pub exit_code: u8,
    /// Whether every selected file is masked.
    pub outcome: &'static str,
    /// Sums over all files.
    pub totals: Totals,
    /// Things to know.
    pub warnings: Vec<String>,
    /// Every file that was listed.
    pub files: Vec<FileReport>,
    /// Every task on a database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableReport>,
}

/// Sums over all files.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Files by status.
    pub files: BTreeMap<String, u64>,
    /// Tasks on a database by status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, u64>,
    /// Records of masked files.
    pub rows: u64,
    /// Values masked.
    pub values_masked: u64,
    /// Bytes read of masked and copied files.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Records a second.
    pub rows_per_second: u64,
}

impl Totals {
    /// The sums over `files` of a run of `seconds`. What an earlier attempt did counts as a file, not
    /// into rates.
    pub fn of(files: &[FileReport], tables: &[TableReport], seconds: f64) -> Self {
        let mut totals = Self::default();
        for file in files {
            *totals
                .files
                .entry(file.status.name().to_owned())
                .or_default() += 1;
            if matches!(file.status, Status::Masked | Status::Copied) && !file.resumed {
                totals.rows += file.rows;
                totals.values_masked += file.columns.values().map(|c| c.masked).sum::<u64>();
                totals.bytes_in += file.bytes_in;
                totals.bytes_out += file.bytes_out;
            }
        }
        for table in tables {
            *totals
                .tables
                .entry(table.status.name().to_owned())
                .or_default() += 1;
            totals.rows += table.rows;
            totals.values_masked += table.columns.values().map(|c| c.masked).sum::<u64>();
        }
        totals.rows_per_second = (totals.rows as f64 / seconds.max(1e-3)) as u64;
        totals
    }
}

impl Report {
    /// Writes `report.json` and `report.txt` into `folder`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::write(folder.join("report.json"), serde_json::to_vec_pretty(self)?)?;
        std::fs::write(folder.join("report.txt"), self.page())
    }

    /// The report as a page of text.
    pub fn page(&self) -> String {
        let mut page = String::new();
        self.write_page(&mut page)
            .expect("text takes any number of lines");
        page
    }

    fn write_page(&self, page: &mut String) -> std::fmt::Result {
        let totals = &self.totals;
        writeln!(
            page,
            "{}: {} (exit code {})",
            self.pipeline, self.outcome, self.exit_code
        )?;
        // Nobody counts the bytes of a database.
        let moved = match (totals.bytes_in, totals.bytes_out) {
            (0, 0) => String::new(),
            (read, written) => format!(", {} read, {} written", bytes(read), bytes(written)),
        };
        writeln!(
            page,
            "{} rows, {} values masked{moved} in {:.1} s ({} rows/s)",
            totals.rows, totals.values_masked, self.seconds, totals.rows_per_second
        )?;
        for warning in &self.warnings {
            writeln!(page, "warning: {warning}")?;
        }
        for file in &self.files {
            writeln!(page, "\n{} [{}]", one_line(&file.path), file.status.name())?;
            if matches!(file.status, Status::Masked | Status::Copied) {
                let (read, written) = (bytes(file.bytes_in), bytes(file.bytes_out));
                writeln!(page, "  {} rows, {read} read, {written} written", file.rows)?;
            }
            if let Some(reason) = &file.reason {
                writeln!(page, "  {}", one_line(reason))?;
            }
            if file.resumed {
                writeln!(page, "  done by an earlier attempt of this run")?;
            }
            write_columns(&file.columns, page)?;
            if file.status == Status::Masked && !file.unmasked.is_empty() {
                let unmasked = one_line(&file.unmasked.join(", "));
                writeln!(page, "  not masked: {unmasked}")?;
            }
        }
        for table in &self.tables {
            table.write_page(page)?;
        }
        writeln!(
            page,
            "\nvisard {}, construction {}",
            self.visard, self.construction
        )?;
        writeln!(
            page,
            "plan {}, keys {}, started {}",
            self.plan, self.key_check, self.started
        )
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// A number of bytes in the unit a person would take.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_report_tells_of_what_it_had_done() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &str, status| FileReport {
            status,
            ..FileReport::new(path, 7)
        };
        let told = FileReport {
            rows: 3,
            columns: BTreeMap::from([("email".to_owned(), ColumnReport::default())]),
            unmasked: vec!["id".to_owned()],
            ..of("a.csv", Status::Masked)
        };
        let earlier = serde_json::json!({"files": [told, of("b.csv", Status::NotStarted)]});
        std::fs::write(folder.path().join("report.json"), earlier.to_string()).unwrap();
        let resumed = |path: &str| FileReport {
            resumed: true,
            ..of(path, Status::Masked)
        };
        let mut files = [resumed("a.csv"), of("c.csv", Status::Masked)];
        assert_eq!(recall(&mut files, folder.path()), None);
        assert_eq!((files[0].rows, files[0].resumed), (3, true));
        assert_eq!(files[0].unmasked, ["id"]);
        assert!(files[0].columns.contains_key("email"));
        assert_eq!(Totals::of(&files, &[], 1.0).rows, 0, "it was not done now");
        let warning = recall(&mut [resumed("b.csv")], folder.path()).unwrap();
        assert!(warning.contains(" of 1 file that"), "{warning}");
    }

    #[test]
    fn bytes_as_a_person_writes_them() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
