//! Tables whose columns rules read beside each row of a masked one.

use visard_connectors::database::{Join, JoinedColumn, Table};

use super::built::Building;
use super::plan::{Answered, Planner};
use crate::check::rules::Resolved;
use crate::language::{
    Diagnostic, Identifier, Spanned, TableName, TableTask, codes, nearest_label,
};

/// A joined table, and how to get there.
pub(super) type Joined = (Table, Vec<Join>);

impl Planner<'_> {
    /// The tables that are joined with `table`. Nothing comes back where one cannot be.
    pub(super) async fn joined(
        &mut self,
        table: &Table,
        of_table: &TableTask,
    ) -> Answered<Option<Vec<Joined>>> {
        let mut joined: Vec<Joined> = Vec::new();
        for join in &of_table.joins {
            if !self.database.joins() {
                let message = "tables of this kind of database are not joined yet";
                let problem = Diagnostic::new(&codes::NO_JOINS, message);
                self.diagnostics.push(problem.at(join.target.span, ""));
                return Ok(None);
            }
            let earlier = joined.iter().map(|(table, path)| (table, &path[..]));
            let source = earlier
                .chain([(table, &[][..])])
                .find(|(source, _)| self.is(source, &join.source.value))
                .map(|(source, path)| (source.clone(), path.to_vec()));
            let Some((source, mut path)) = source else {
                let message = format!(
                    "`{}` is neither the masked table nor joined before",
                    join.source.value
                );
                let problem = Diagnostic::new(&codes::BAD_JOIN, message);
                self.diagnostics.push(problem.at(join.source.span, ""));
                return Ok(None);
            };
            let is_target = |built: &Building| self.is(&built.facts, &join.target.value);
            let built = self.built.iter().position(is_target);
            let target = match built {
                Some(built) => self.built[built].facts.clone(),
                None => {
                    let Some(found) = self.find(&join.target).await? else {
                        return Ok(None);
                    };
                    // Rows that are hidden would read as null, and decide otherwise.
                    if !self.readable(found.facts(), join.target.span) {
                        return Ok(None);
                    }
                    found.facts().clone()
                }
            };
            let target = &target;
            let mut on = Vec::with_capacity(join.on.len());
            for (own, theirs) in &join.on {
                let pair = self.column(target, own).zip(self.column(&source, theirs));
                let Some(pair) = pair else {
                    return Ok(None);
                };
                on.push(pair);
            }
            let tells = target.uniques.iter().any(|unique| {
                let has = |column: &String| on.iter().any(|(own, _)| own == column);
                unique.tells_rows && unique.columns.iter().all(has)
            });
            if let Some(built) = built {
                let key = on.iter().map(|(own, _)| own.clone()).collect();
                self.built[built].is_joined_by(key);
            } else if !tells {
                let message = format!(
                    "no unique index of `{}` has only columns of this key, so that several of its rows may go with one",
                    target.shown()
                );
                self.diagnostics.push(
                    Diagnostic::new(&codes::BAD_JOIN, message)
                        .at(join.target.span, "")
                        .help("join by its primary key, or by a unique index without nulls"),
                );
                return Ok(None);
            }
            if joined.iter().any(|(other, _)| other.name == target.name) {
                let message = format!("two joined tables are called `{}`", target.name);
                let problem = Diagnostic::new(&codes::BAD_JOIN, message);
                self.diagnostics
                    .push(problem.at(join.target.span, "second"));
                return Ok(None);
            }
            path.push(Join {
                schema: target.schema.clone(),
                table: target.name.clone(),
                select: built.map(|built| self.built[built].table.select.clone()),
                on,
            });
            joined.push((target.clone(), path));
        }
        Ok(Some(joined))
    }

    /// Whether a task means `table` by `name`.
    pub(super) fn is(&self, table: &Table, name: &TableName) -> bool {
        let same = |written: &Identifier, real: &str| {
            written.text == real || (!written.quoted && self.database.folded(&written.text) == real)
        };
        let of_schema = match (&name.schema, &table.schema) {
            (Some(written), Some(real)) => same(written, real),
            (Some(_), None) => false,
            (None, _) => true,
        };
        of_schema && same(&name.name, &table.name)
    }

    /// The name of the column of `table` that is called `name`.
    fn column(&mut self, table: &Table, name: &Spanned<Identifier>) -> Option<String> {
        let folded = self.database.folded(&name.value.text);
        let found = table.column(&name.value.text);
        let found = found.or_else(|| match name.value.quoted {
            true => None,
            false => table.column(&folded),
        });
        if found.is_none() {
            let names = table.columns.iter().map(|column| column.name.as_str());
            let message = format!("`{}` has no column `{}`", table.shown(), name.value);
            let label = nearest_label(&name.value.text, names);
            let problem = Diagnostic::new(&codes::UNKNOWN_COLUMN, message);
            self.diagnostics.push(problem.at(name.span, label));
        }
        found.map(|column| column.name.clone())
    }
}

/// The columns of joined tables that rules read, each once.
pub(super) fn read_beside(joined: &[Joined], resolved: &Resolved) -> Vec<JoinedColumn> {
    let mut read = Vec::new();
    for (table, path) in joined {
        for column in &table.columns {
            let name = format!("{}.{}", table.name, column.name);
            if resolved.read.contains(&name) {
                read.push(JoinedColumn {
                    name,
                    path: path.clone(),
                    column: column.name.clone(),
                });
            }
        }
    }
    read
}
