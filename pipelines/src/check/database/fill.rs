//! Whether a table takes the rows of a copy.

use visard_connectors::DatabaseTable;
use visard_connectors::copy::Mode;
use visard_connectors::database::Arriving;

use super::fit::Masked;
use super::plan::Answered;
use crate::check::rules::Resolved;
use crate::language::{Diagnostic, Diagnostics, Span, Task, codes, nearest_label};

/// A table that is to be filled.
pub(super) struct Filled<'a> {
    pub(super) table: &'a dyn DatabaseTable,
    pub(super) task: &'a Task,
    pub(super) named_at: Span,
    pub(super) mode: Mode,
    /// Whether an earlier attempt of the run began to fill it.
    pub(super) is_begun: bool,
}

impl Filled<'_> {
    /// Looks whether the table takes these `columns`, masked as `resolved` says.
    pub(super) async fn check(
        &self,
        columns: &[(String, Arriving)],
        resolved: &Resolved,
        diagnostics: &mut Diagnostics,
    ) -> Answered<()> {
        let facts = self.table.facts();
        let shown = facts.shown();
        for obstacle in &facts.fill_obstacles {
            let message = format!("`{shown}` cannot be filled: {obstacle}");
            let problem = Diagnostic::new(&codes::TABLE_REFUSED, message);
            diagnostics.push(problem.at(self.named_at, ""));
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        for refusal in self.table.refusals_to_fill(self.mode, &names).await? {
            let message = format!("`{shown}` cannot be filled: {refusal}");
            let problem = Diagnostic::new(&codes::TABLE_REFUSED, message);
            diagnostics.push(problem.at(self.named_at, ""));
        }
        let referring = facts.foreign_keys.iter().filter(|key| key.incoming);
        let mut referring = referring.filter(|key| key.other() != shown);
        if let (Mode::Overwrite, Some(key)) = (self.mode, referring.next()) {
            let message = format!(
                "`{shown}` cannot be emptied: `{}` refers to it by the foreign key `{}`",
                key.other(),
                key.name
            );
            diagnostics.push(
                Diagnostic::new(&codes::TABLE_REFUSED, message)
                    .at(self.named_at, "")
                    .help("empty both before the run, and leave `mode` out"),
            );
        }
        for (name, arriving) in columns {
            let message = match facts.column(name) {
                None => format!("`{shown}` has no column `{name}`"),
                Some(column) if column.generated => {
                    format!("`{name}` of `{shown}` is computed by the database")
                }
                Some(column) if !self.table.takes(column, arriving) => {
                    let message = format!(
                        "`{name}` is {}, and {} in `{shown}`, which does not take every such value as it is",
                        arriving.type_name, column.type_name
                    );
                    diagnostics.push(
                        Diagnostic::new(&codes::NO_TARGET_COLUMN, message).at(self.named_at, ""),
                    );
                    continue;
                }
                Some(_) => continue,
            };
            let columns = facts.columns.iter().map(|column| column.name.as_str());
            diagnostics.push(
                Diagnostic::new(&codes::NO_TARGET_COLUMN, message)
                    .at(self.named_at, nearest_label(name, columns)),
            );
        }
        let masked = Masked {
            table: facts,
            task: self.task,
            table_span: self.named_at,
            steps: &resolved.steps,
        };
        masked.unique(diagnostics);
        masked.checks(diagnostics);
        masked.lengths(diagnostics);
        if self.mode == Mode::Error && !self.is_begun && !self.table.is_empty().await? {
            let message = format!("`{shown}` has rows already");
            diagnostics.push(
                Diagnostic::new(&codes::NOT_EMPTY, message)
                    .at(self.named_at, "")
                    .help("set `mode: append` on the destination to add to them, or `mode: overwrite` to replace them"),
            );
        }
        Ok(())
    }
}
