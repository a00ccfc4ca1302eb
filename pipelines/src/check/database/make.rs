//! Tables that a copy makes where there are none.

use std::sync::Arc;

use visard_connectors::database::{NewColumn, NewTable};
use visard_connectors::{Database, DatabaseTable};

use super::lookup::look_up;
use super::plan::{Answered, Planner};
use crate::language::{Diagnostic, Identifier, Spanned, TableName, codes};

/// What a table is made like.
pub(super) struct Model<'a> {
    /// Its name, where that is another's; else as the task writes it.
    pub(super) name: Option<&'a str>,
    /// Its columns.
    pub(super) columns: Vec<NewColumn>,
    /// The primary key of what it is made like.
    pub(super) primary_key: Option<&'a [String]>,
    /// The product that has the columns; none where files do.
    pub(super) product: Option<&'static str>,
}

/// A table that is filled.
pub(super) struct Target {
    pub(super) table: Arc<dyn DatabaseTable>,
    /// Whether the copy makes it.
    pub(super) is_new: bool,
}

impl Planner<'_> {
    /// The table of `database` that a copy fills, called `table`: one like `model` where there is none and the
    /// destination says that it is to be made.
    pub(super) async fn find_or_make(
        &mut self,
        database: &dyn Database,
        table: &Spanned<TableName>,
        model: Model<'_>,
    ) -> Answered<Option<Target>> {
        if let Some(table) = look_up(database, &table.value).await? {
            let is_new = false;
            return Ok(Some(Target { table, is_new }));
        }
        let creates = self.loaded.pipeline.destination.create_tables.as_ref();
        if !creates.is_some_and(|creates| creates.value) {
            let help = "`create_tables: true` on the destination has it made";
            self.not_found(database, table, Some(help)).await?;
            return Ok(None);
        }
        let made = |name: &Identifier| match name.quoted {
            true => name.text.clone(),
            false => database.made_name(&name.text),
        };
        let TableName { schema, name } = &table.value;
        // A key is one as long as all of it is there.
        let is_there = |key: &String| model.columns.iter().any(|column| column.name == *key);
        let key = model.primary_key.unwrap_or_default();
        let new = NewTable {
            schema: schema.as_ref().map(made),
            name: model.name.map_or_else(|| made(name), str::to_owned),
            primary_key: match key.iter().all(is_there) {
                true => key.to_vec(),
                false => Vec::new(),
            },
            columns: model.columns,
            product: model.product,
        };
        match database.new_table(&new).await? {
            Ok(table) => {
                let is_new = true;
                Ok(Some(Target { table, is_new }))
            }
            Err(refusal) => {
                let message = format!("`{}` cannot be made: {refusal}", table.value);
                self.diagnostics.push(
                    Diagnostic::new(&codes::NOT_MADE, message)
                        .at(table.span, "")
                        .help("make it yourself, with columns of these names"),
                );
                Ok(None)
            }
        }
    }
}
