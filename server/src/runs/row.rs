//! Runs as the store keeps them.

use super::Status;
use crate::page::Page;
use crate::store::{Row, Store, StoreError, Transaction, Value, next_id};
use crate::time;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It masks.
    Masking,
    /// It looks for personal data in a database, by names.
    SchemaDiscovery,
    /// The same in files.
    FileDiscovery,
}

impl Kind {
    const ALL: [(&'static str, Self); 3] = [
        ("masking", Self::Masking),
        ("schema_discovery", Self::SchemaDiscovery),
        ("file_discovery", Self::FileDiscovery),
    ];

    /// As the store writes it.
    pub(crate) fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }
}

/// A run, without its secrets.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) status: Status,
    /// `database`, `file` or `file_data_discovery`.
    pub(crate) mask_type: String,
    /// Id of a connection.
    pub(crate) source: String,
    pub(crate) source_name: String,
    /// Id of the other connection, where there is one.
    pub(crate) destination: Option<String>,
    pub(crate) destination_name: Option<String>,
    /// Id of the ruleset, where it is one that users keep.
    pub(crate) ruleset: Option<String>,
    pub(crate) ruleset_name: String,
    pub(crate) created: String,
    pub(crate) started: Option<String>,
    pub(crate) ended: Option<String>,
    /// Who started it.
    pub(crate) user_id: i64,
    /// As they are shown, as JSON.
    pub(crate) options: String,
    pub(crate) is_dry_run: bool,
    pub(crate) error_message: Option<String>,
    pub(crate) has_sdd_report: bool,
}

const COLUMNS: &str = "id, name, kind, status, mask_type, source, source_name, destination, \
                       destination_name, ruleset, ruleset_name, created, started, ended, user_id, \
                       options, is_dry_run, error_message, has_sdd_report";

/// What a new run is.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) mask_type: &'static str,
    /// Id and name of a connection.
    pub(crate) source: (String, String),
    pub(crate) destination: Option<(String, String)>,
    /// Id and name of the ruleset.
    pub(crate) ruleset: (Option<String>, String),
    pub(crate) user_id: i64,
    /// As they are shown.
    pub(crate) options: serde_json::Value,
    pub(crate) is_dry_run: bool,
}

impl NewRun {
    /// Adds it as `queued`, for the server `node` to run; its id.
    ///
    /// # Errors
    /// As of the transaction.
    pub(crate) async fn insert(
        self,
        transaction: &mut dyn Transaction,
        node: &str,
    ) -> Result<Run, StoreError> {
        let id = next_id(transaction, "runs").await?;
        // What is written to is what only one run works on at a time.
        let target = self.destination.as_ref().unwrap_or(&self.source).0.clone();
        let (destination, destination_name) = self.destination.unzip();
        let run = Run {
            id,
            name: self.name,
            kind: self.kind,
            status: Status::Queued,
            mask_type: self.mask_type.to_owned(),
            source: self.source.0,
            source_name: self.source.1,
            destination,
            destination_name,
            ruleset: self.ruleset.0,
            ruleset_name: self.ruleset.1,
            created: time::text(time::now()),
            started: None,
            ended: None,
            user_id: self.user_id,
            options: self.options.to_string(),
            is_dry_run: self.is_dry_run,
            error_message: None,
            has_sdd_report: false,
        };
        let sql = format!(
            "INSERT INTO runs ({COLUMNS}, target, node, attempts) VALUES \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
             $20, $21, 0)"
        );
        let parameters = [
            Value::Int(run.id),
            run.name.as_str().into(),
            run.kind.name().into(),
            run.status.name().into(),
            run.mask_type.as_str().into(),
            run.source.as_str().into(),
            run.source_name.as_str().into(),
            run.destination.clone().into(),
            run.destination_name.clone().into(),
            run.ruleset.clone().into(),
            run.ruleset_name.as_str().into(),
            run.created.as_str().into(),
            Value::Null,
            Value::Null,
            Value::Int(run.user_id),
            run.options.as_str().into(),
            run.is_dry_run.into(),
            Value::Null,
            false.into(),
            target.into(),
            node.into(),
        ];
        transaction.query(&sql, &parameters).await?;
        Ok(run)
    }
}

/// The run with this id.
pub(crate) async fn find(store: &dyn Store, id: i64) -> Result<Option<Run>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = $1");
    let rows = store.query(&sql, &[Value::Int(id)]).await?;
    rows.first().map(run).transpose()
}

/// Which runs are listed: those for which all that is given holds.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// One of these.
    pub(crate) statuses: Vec<Status>,
    /// The name of the ruleset.
    pub(crate) ruleset_name: Option<String>,
    /// A part of the name of a connection or the ruleset, in capital or small letters.
    pub(crate) part_of_names: Option<String>,
    /// An id: runs that are older.
    pub(crate) before: Option<i64>,
}

impl Filter {
    fn condition(&self) -> (String, Vec<Value>) {
        let (mut all, mut values) = (Vec::new(), Vec::new());
        let mut next = |value: Value| {
            values.push(value);
            format!("${}", values.len())
        };
        if !self.statuses.is_empty() {
            let statuses = self.statuses.iter();
            let statuses = statuses.map(|status| next(status.name().into()));
            let statuses = statuses.collect::<Vec<_>>().join(", ");
            all.push(format!("status IN ({statuses})"));
        }
        if let Some(name) = &self.ruleset_name {
            all.push(format!("ruleset_name = {}", next(name.as_str().into())));
        }
        if let Some(part) = &self.part_of_names {
            let mut pattern = String::from("%");
            for c in part.to_lowercase().chars() {
                if matches!(c, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(c);
            }
            pattern.push('%');
            let pattern = next(pattern.into());
            let one = |name: &str| format!("lower({name}) LIKE {pattern} ESCAPE '\\'");
            let names = ["source_name", "destination_name", "ruleset_name"].map(one);
            all.push(format!("({})", names.join(" OR ")));
        }
        if let Some(id) = self.before {
            all.push(format!("id < {}", next(Value::Int(id))));
        }
        match all.is_empty() {
            true => (String::new(), values),
            false => (format!(" WHERE {}", all.join(" AND ")), values),
        }
    }
}

/// A page of runs, the newest first.
pub(crate) async fn list(
    store: &dyn Store,
    filter: &Filter,
    Page { limit, offset }: Page,
) -> Result<Vec<Run>, StoreError> {
    let (condition, mut values) = filter.condition();
    let number = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    values.extend([number(limit), number(offset)]);
    let sql = format!(
        "SELECT {COLUMNS} FROM runs{condition} ORDER BY id DESC LIMIT ${} OFFSET ${}",
        values.len() - 1,
        values.len(),
    );
    store.query(&sql, &values).await?.iter().map(run).collect()
}

/// How many runs there are.
pub(crate) async fn count(store: &dyn Store, filter: &Filter) -> Result<u64, StoreError> {
    let (condition, values) = filter.condition();
    let sql = format!("SELECT count(*) FROM runs{condition}");
    let rows = store.query(&sql, &values).await?;
    let count = rows.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(count.unsigned_abs())
}

fn run(row: &Row) -> Result<Run, StoreError> {
    let maybe = |at: usize| Ok::<_, StoreError>(row.maybe_text(at)?.map(str::to_owned));
    Ok(Run {
        id: row.int(0)?,
        name: row.text(1)?.to_owned(),
        kind: Kind::named(row.text(2)?).ok_or(StoreError::Unexpected("no kind of run"))?,
        status: Status::named(row.text(3)?).ok_or(StoreError::Unexpected("no status"))?,
        mask_type: row.text(4)?.to_owned(),
        source: row.text(5)?.to_owned(),
        source_name: row.text(6)?.to_owned(),
        destination: maybe(7)?,
        destination_name: maybe(8)?,
        ruleset: maybe(9)?,
        ruleset_name: row.text(10)?.to_owned(),
        created: row.text(11)?.to_owned(),
        started: maybe(12)?,
        ended: maybe(13)?,
        user_id: row.int(14)?,
        options: row.text(15)?.to_owned(),
        is_dry_run: row.int(16)? != 0,
        error_message: maybe(17)?,
        has_sdd_report: row.int(18)? != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_conditions() {
        let text = |text: &str| Value::from(text);
        for (filter, condition, values) in [
            (Filter::default(), "", vec![]),
            (
                Filter {
                    statuses: vec![Status::Finished, Status::Failed],
                    ruleset_name: Some("crm".to_owned()),
                    before: Some(7),
                    ..Filter::default()
                },
                " WHERE status IN ($1, $2) AND ruleset_name = $3 AND id < $4",
                vec![text("finished"), text("failed"), text("crm"), Value::Int(7)],
            ),
            (
                Filter {
                    part_of_names: Some("A_b%".to_owned()),
                    ..Filter::default()
                },
                " WHERE (lower(source_name) LIKE $1 ESCAPE '\\' OR lower(destination_name) LIKE $1 \
                 ESCAPE '\\' OR lower(ruleset_name) LIKE $1 ESCAPE '\\')",
                vec![text("%a\\_b\\%%")],
            ),
        ] {
            assert_eq!(filter.condition(), (condition.to_owned(), values));
        }
    }
}
