//! Tables, conditions and keys as tasks name them, looked up in a database.

use std::sync::Arc;

use visard_connectors::database::{RowPlace, Table};
use visard_connectors::{Database, DatabaseTable};

use super::condition;
use super::plan::{Answered, Planner};
use crate::language::{
    Diagnostic, Identifier, RowKey, Span, Spanned, TableName, TableTask, codes, nearest_label,
};

/// A table of `database`, as it is written, and else as the database folds it.
pub(super) async fn look_up(
    database: &dyn Database,
    TableName { schema, name }: &TableName,
) -> Answered<Option<Arc<dyn DatabaseTable>>> {
    let folded = |name: &Identifier| match name.quoted {
        true => name.text.clone(),
        false => database.folded(&name.text),
    };
    let written = schema.as_ref().map(|schema| schema.text.as_str());
    if let Some(found) = database.table(written, &name.text).await? {
        return Ok(Some(found));
    }
    let schema = schema.as_ref().map(folded);
    database.table(schema.as_deref(), &folded(name)).await
}

impl Planner<'_> {
    /// Looks a table up: as it is written, and else as the database folds it.
    pub(super) async fn find(
        &mut self,
        table: &Spanned<TableName>,
    ) -> Answered<Option<Arc<dyn DatabaseTable>>> {
        self.find_in(self.database, table).await
    }

    /// As [`Self::find`], in another database.
    pub(super) async fn find_in(
        &mut self,
        database: &dyn Database,
        table: &Spanned<TableName>,
    ) -> Answered<Option<Arc<dyn DatabaseTable>>> {
        match look_up(database, &table.value).await? {
            Some(found) => Ok(Some(found)),
            None => {
                self.not_found(database, table, None).await?;
                Ok(None)
            }
        }
    }

    /// Reports a table that is not there; `help` says what to do about it.
    pub(super) async fn not_found(
        &mut self,
        database: &dyn Database,
        table: &Spanned<TableName>,
        help: Option<&str>,
    ) -> Answered<()> {
        let names = database.table_names().await?;
        let shown = table.value.to_string();
        // People leave the schema out, and so does the nearest name where it is the same.
        let bare = names.iter().map(|name| match table.value.schema {
            Some(_) => name.as_str(),
            None => name.split_once('.').map_or(name.as_str(), |(_, name)| name),
        });
        let label = nearest_label(&shown, bare);
        self.diagnostics.push(
            Diagnostic::new(&codes::NO_TABLE, format!("there is no table `{shown}`"))
                .at(table.span, label)
                .help(match help {
                    Some(help) => help.to_owned(),
                    None => format!("{} tables can be seen", names.len()),
                }),
        );
        Ok(())
    }

    /// Reports why a table cannot be masked; whether it can.
    pub(super) fn maskable(&mut self, table: &Table, span: Span) -> bool {
        self.can_be("masked", table, span)
    }

    /// Reports why a table cannot be joined; whether it can.
    pub(super) fn readable(&mut self, table: &Table, span: Span) -> bool {
        self.can_be("joined", table, span)
    }

    fn can_be(&mut self, what: &str, table: &Table, span: Span) -> bool {
        let shown = table.shown();
        let mut sound = true;
        for problem in &table.obstacles {
            let message = format!("`{shown}` cannot be {what}: {problem}");
            let diagnostic = Diagnostic::new(&codes::TABLE_REFUSED, message);
            self.diagnostics.push(diagnostic.at(span, ""));
            sound = false;
        }
        sound
    }

    /// Reports a `where` that is not one condition on its table; whether it is.
    pub(super) async fn condition(
        &mut self,
        table: &dyn DatabaseTable,
        filter: &Spanned<String>,
    ) -> Answered<bool> {
        let dialect = self.database.dialect();
        let problem = match condition::problem(&filter.value, dialect.as_ref()) {
            Some(problem) => Some(problem),
            None => table.refusal_of(&filter.value).await?,
        };
        let sound = problem.is_none();
        if let Some(problem) = problem {
            let message = format!(
                "`where` is no condition on `{}`: {problem}",
                table.facts().shown()
            );
            let diagnostic = Diagnostic::new(&codes::BAD_WHERE, message);
            self.diagnostics.push(diagnostic.at(filter.span, ""));
        }
        Ok(sound)
    }

    /// The columns that tell rows apart: those of the task, else the primary key; none where rows are
    /// told by where they lie. Nothing at all where the task's are no key.
    pub(super) fn key(
        &mut self,
        table: &Table,
        of_table: &TableTask,
    ) -> Option<Option<Vec<String>>> {
        let named = match &of_table.key {
            Some(RowKey::Place(span)) if table.row_place == RowPlace::None => {
                let message = format!("the rows of `{}` have no place of their own", table.shown());
                let diagnostic = Diagnostic::new(&codes::BAD_ROW_KEY, message).at(*span, "");
                self.diagnostics
                    .push(diagnostic.help("leave `key` out: its primary key tells them apart"));
                return None;
            }
            Some(RowKey::Place(_)) => return Some(None),
            None => return Some(table.primary_key.clone()),
            Some(RowKey::Columns(named)) => named,
        };
        let mut key = Vec::new();
        for name in named {
            let exact = table.column(&name.value.text);
            let folded = || match name.value.quoted {
                true => None,
                false => table.column(&self.database.folded(&name.value.text)),
            };
            let Some(column) = exact.or_else(folded) else {
                let names = table.columns.iter().map(|column| column.name.as_str());
                let message = format!("`{}` has no column `{}`", table.shown(), name.value);
                self.diagnostics.push(
                    Diagnostic::new(&codes::UNKNOWN_COLUMN, message)
                        .at(name.span, nearest_label(&name.value.text, names)),
                );
                return None;
            };
            key.push(column.name.clone());
        }
        let tells = table
            .uniques
            .iter()
            .any(|unique| unique.tells_rows && unique.columns.iter().all(|c| key.contains(c)));
        if !tells {
            let message = format!(
                "no unique index says that this key tells the rows of `{}` apart",
                table.shown()
            );
            let help = match &table.primary_key {
                Some(primary) => format!("its primary key is {}", primary.join(", ")),
                None => "leave `key` out: then the table is masked as a whole".to_owned(),
            };
            self.diagnostics.push(
                Diagnostic::new(&codes::BAD_ROW_KEY, message)
                    .at(named[0].span, "")
                    .help(help),
            );
            return None;
        }
        Some(Some(key))
    }
}
