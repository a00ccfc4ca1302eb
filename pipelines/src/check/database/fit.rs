//! Whether masked values fit what a table promises: unique indexes, foreign keys, checks, triggers.

use std::collections::BTreeMap;

use visard_connectors::database::Table;
use visard_engine::MaskedStep;

use crate::language::{Diagnostic, Diagnostics, Span, Task, codes, quoted_list};

/// The masks of a table's columns.
pub(super) struct Masked<'a> {
    pub(super) table: &'a Table,
    pub(super) task: &'a Task,
    pub(super) table_span: Span,
    pub(super) steps: &'a BTreeMap<String, Vec<MaskedStep>>,
}

impl Masked<'_> {
    /// Masked columns of unique indexes whose masks keep distinct values distinct. Others are refused.
    pub(super) fn unique(&self, diagnostics: &mut Diagnostics) -> Vec<String> {
        let mut found = Vec::new();
        for index in &self.table.uniques {
            for column in index
                .columns
                .iter()
                .filter(|column| self.steps.contains_key(*column))
            {
                let distinct = self.steps[column]
                    .iter()
                    .all(|step| step.condition.is_none() && step.mask.keeps_distinct())
                    && self.steps[column].len() == 1;
                if distinct {
                    found.push(column.clone());
                    continue;
                }
                let message = format!(
                    "the masks of `{column}` of `{}` may make two values one",
                    self.table.shown()
                );
                diagnostics.push(
                    Diagnostic::new(&codes::UNIQUE_COLUMN, message)
                        .at(place_of(self.task, column), format!("the index `{}` asks for unique values", index.name))
                        .help("use one mask that keeps values apart on all rows, such as `imitate_unique` or `hash`"),
                );
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Refuses masks whose results are longer than their column takes, and tells of those that may be.
    pub(super) fn lengths(&self, diagnostics: &mut Diagnostics) {
        for column in &self.table.columns {
            let (Some(most), Some(steps)) = (column.length, self.steps.get(&column.name)) else {
                continue;
            };
            let most = most as usize;
            let lengths = steps
                .iter()
                .filter_map(|step| step.mask.lengths(Some(most)));
            let Some(lengths) = lengths
                .reduce(|one, other| *one.start().max(other.start())..=*one.end().max(other.end()))
            else {
                continue;
            };
            let shown = self.table.shown();
            let name = &column.name;
            let (code, message) = match (*lengths.start() > most, *lengths.end() > most) {
                (true, _) => (
                    &codes::TOO_LONG,
                    format!(
                        "masked values of `{name}` of `{shown}` have at least {} characters",
                        lengths.start()
                    ),
                ),
                (false, true) => (
                    &codes::MAY_BE_TOO_LONG,
                    format!(
                        "masked values of `{name}` of `{shown}` may have up to {} characters",
                        lengths.end()
                    ),
                ),
                (false, false) => continue,
            };
            diagnostics.push(
                Diagnostic::new(code, message)
                    .at(
                        place_of(self.task, name),
                        format!("its type is {}", column.type_name),
                    )
                    .help(format!(
                        "`{{type: take_substring, end_index: {most}}}` as the last mask cuts them"
                    )),
            );
        }
    }

    /// Tells of checks and exclusions that only the database can judge.
    pub(super) fn checks(&self, diagnostics: &mut Diagnostics) {
        for check in &self.table.checks {
            let columns: Vec<&String> = check
                .columns
                .iter()
                .filter(|column| self.steps.contains_key(*column))
                .collect();
            let Some(column) = columns.first() else {
                continue;
            };
            let message = format!(
                "`{}` of `{}` may refuse masked values of {}",
                check.name,
                self.table.shown(),
                quoted_list(columns.iter().map(|column| column.as_str()))
            );
            diagnostics.push(
                Diagnostic::new(&codes::CHECKED_COLUMN, message)
                    .at(place_of(self.task, column), check.definition.clone()),
            );
        }
    }

    /// Tells of triggers that fire as rows change.
    pub(super) fn triggers(&self, diagnostics: &mut Diagnostics) {
        let triggers = self.table.triggers.iter();
        let firing: Vec<&str> = triggers
            .filter(|trigger| trigger.fires)
            .map(|trigger| trigger.name.as_str())
            .collect();
        if firing.is_empty() {
            return;
        }
        let message = format!(
            "{} of `{}` will fire for every masked row, and may write old values elsewhere",
            quoted_list(firing.into_iter()),
            self.table.shown()
        );
        diagnostics.push(
            Diagnostic::new(&codes::TRIGGERS, message)
                .at(self.table_span, "triggers of this table")
                .help("`auto_manage_triggers: true` keeps them from firing, `false` says that they should"),
        );
    }

    /// Refuses triggers that fire in sessions that are to keep triggers from firing.
    pub(super) fn unsilenced(&self, diagnostics: &mut Diagnostics) {
        let triggers = self.table.triggers.iter();
        let firing: Vec<&str> = triggers
            .filter(|trigger| trigger.fires_always)
            .map(|trigger| trigger.name.as_str())
            .collect();
        if firing.is_empty() {
            return;
        }
        let message = format!(
            "{} of `{}` cannot be kept from firing by an update",
            quoted_list(firing.into_iter()),
            self.table.shown()
        );
        diagnostics.push(
            Diagnostic::new(&codes::NO_STRATEGY, message)
                .at(self.table_span, "they fire even then")
                .help("disable them for the time of the run, or use `strategy: rewrite`"),
        );
    }
}

/// Where the rule of `task` stands that masks `column`.
pub(super) fn place_of(task: &Task, column: &str) -> Span {
    let rules = task.rules.iter().flat_map(|rule| &rule.columns);
    let mut named = rules
        .filter(|pattern| pattern.matches(column) || pattern.text.eq_ignore_ascii_case(column));
    named.next().map_or(task.span, |pattern| pattern.span)
}
