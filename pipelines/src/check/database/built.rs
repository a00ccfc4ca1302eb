//! Tables that a ruleset builds for the others to be joined with.

use visard_connectors::database::{BuiltTable, Table};

use super::plan::{Answered, Planner, Step};
use crate::language::{Diagnostic, Identifier, Span, Spanned, TableName, codes};

/// A table that is built before it is joined, and dropped at the end of the run.
pub(super) struct Building {
    /// How.
    pub(super) table: BuiltTable,
    /// What the catalogue would say of it.
    pub(super) facts: Table,
    /// The place of its task in the ruleset.
    number: usize,
    /// The task's name, or its place in the ruleset.
    task: String,
}

impl Building {
    /// Asks for no two rows that are alike in `key`.
    pub(super) fn is_joined_by(&mut self, mut key: Vec<String>) {
        key.sort_unstable();
        if !self.table.keys.contains(&key) {
            self.table.keys.push(key);
        }
    }
}

impl Planner<'_> {
    /// The step of a task that builds `table` from the rows of `select`.
    pub(super) async fn build(
        &mut self,
        (number, task): (usize, String),
        table: &Spanned<TableName>,
        select: &Spanned<String>,
    ) -> Answered<Option<Step>> {
        let folded = |name: &Identifier| match name.quoted {
            true => name.text.clone(),
            false => self.database.folded(&name.text),
        };
        let mut built = BuiltTable {
            schema: table.value.schema.as_ref().map(folded),
            name: folded(&table.value.name),
            select: select.value.clone(),
            keys: Vec::new(),
        };
        let facts = match self.database.described(&built).await? {
            Ok(facts) => facts,
            Err(problem) => {
                let message = format!("`{}` cannot be built: {problem}", table.value);
                self.refuse_to_build(message, select.span, None);
                return Ok(None);
            }
        };
        built.schema.clone_from(&facts.schema);
        let there = self.database.table(built.schema.as_deref(), &built.name);
        // An earlier attempt may have built it.
        let may_be_ours = self.asked.committing.contains(&number);
        let is_there = there.await?.is_some() && !may_be_ours;
        let is_built = self
            .built
            .iter()
            .any(|other| (&other.table.schema, &other.table.name) == (&built.schema, &built.name));
        if is_there || is_built {
            let message = format!("there is a table `{}` already", facts.shown());
            let help = "give it another name; where a run that is given up left it, drop it";
            self.refuse_to_build(message, table.span, Some(help));
            return Ok(None);
        }
        let step = Step::Sql {
            task: task.clone(),
            sql: self.database.made(&built),
            undoes: None,
        };
        self.built.push(Building {
            table: built,
            facts,
            number,
            task,
        });
        Ok(Some(step))
    }

    /// Adds to `steps`, which stand at `numbers` of the ruleset, what is known of tables that are built once all
    /// tasks are: their keys, and that they are dropped.
    pub(super) fn finish_built(&self, steps: &mut Vec<Step>, numbers: &mut Vec<usize>) {
        for (place, built) in self.built.iter().enumerate() {
            let step = numbers.iter().position(|number| *number == built.number);
            if let Some(Step::Sql { sql, .. }) = step.and_then(|step| steps.get_mut(step)) {
                *sql = self.database.made(&built.table);
            }
            steps.push(Step::Sql {
                task: format!("{} (what it built is dropped)", built.task),
                sql: self.database.dropped(&built.table),
                undoes: Some(built.number),
            });
            // Behind all that the ruleset has.
            numbers.push(self.loaded.ruleset.tasks.len() + place);
        }
    }

    fn refuse_to_build(&mut self, message: String, span: Span, help: Option<&'static str>) {
        let problem = Diagnostic::new(&codes::NOT_BUILT, message).at(span, "");
        let problem = match help {
            Some(help) => problem.help(help),
            None => problem,
        };
        self.diagnostics.push(problem);
    }
}
