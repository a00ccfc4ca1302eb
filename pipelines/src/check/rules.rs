//! Rules meet the columns of a file: which masks go on which column, or why they cannot.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use visard_connectors::{PATH_COLUMN, is_place_column};
use visard_engine::MaskedStep;
use visard_engine::udfs::{
    self, ColumnMask, ColumnRule, DrawBy, MaskNode, PlaceUnit, Root, SeedFiles,
};

use super::columns::{FileColumn, FileColumns, NOT_ALONE};
use super::convert::{Chosen, Converter, Remark, hash_column};
use super::numbering::Numbered;
use crate::language::{
    ColumnPattern, Condition, Coverage, Diagnostic, Diagnostics, HashColumn, HashSource,
    Identifier, Node, Rule, Ruleset, RunOptions, Span, Spanned, codes, nearest_label, quoted_list,
};

/// Everything rules do to files of one schema.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// The masks of each masked column or leaf, by its path.
    pub steps: BTreeMap<String, Vec<MaskedStep>>,
    /// Paths of what masks and conditions read besides.
    pub read: Vec<String>,
    /// Paths of columns that no rule names.
    pub unmasked: Vec<String>,
    /// The masks that go by the numbers of records.
    pub numbered: Vec<Numbered>,
    /// Columns whose values are exchanged between rows, and where their rules name them.
    pub shuffled: Vec<(String, Span)>,
}

impl Resolved {
    /// How many rows there are unique values for, where a mask makes some.
    pub(super) fn offered(&self) -> Option<u128> {
        self.numbered.iter().map(|mask| mask.offered).min()
    }
}

/// What the masks of a rule do to distinct values of a column, and whether the rule asks for it.
struct Promise {
    task: usize,
    column: String,
    span: Span,
    asked: bool,
    kept: bool,
}

/// What a resolution needs.
pub(super) struct Resolver<'a> {
    pub ruleset: &'a Ruleset,
    pub options: &'a RunOptions,
    pub root: &'a Root,
    pub seeds: &'a dyn SeedFiles,
    /// A file of the schema, for messages.
    pub file: &'a str,
    pub columns: &'a FileColumns,
    /// What the places of its records count.
    pub places: PlaceUnit,
    /// Columns that tell a record from all others, where it is not told by its place.
    pub key: &'a [String],
    pub diagnostics: &'a mut Diagnostics,
}

impl<'a> Resolver<'a> {
    /// The rules of `tasks`, in order, on the file's columns.
    pub(super) fn resolve(mut self, tasks: &[usize]) -> Resolved {
        let mut resolved = Resolved::default();
        let mut named: BTreeMap<String, Vec<(usize, usize, Span)>> = BTreeMap::new();
        let mut promises: Vec<Promise> = vec![];
        for &task in tasks {
            let ruleset = self.ruleset;
            for (index, rule) in ruleset.tasks[task].rules.iter().enumerate() {
                self.check_copies(task, rule, &named);
                let mut own: Vec<&FileColumn> = Vec::new();
                for pattern in &rule.columns {
                    for column in self.columns_of(pattern) {
                        // Two patterns of one rule may meet in a column: it is one rule still.
                        if own.iter().any(|other| other.path == column.path) {
                            continue;
                        }
                        own.push(column);
                        let earlier = named.entry(column.path.clone()).or_default();
                        self.check_twice(task, rule, pattern, column, earlier);
                        let first = earlier.is_empty();
                        earlier.push((task, index, pattern.span));
                        if let Some(step) =
                            self.step(rule, pattern, column, first, &mut resolved.read)
                        {
                            promises.push(Promise {
                                task,
                                column: column.path.clone(),
                                span: pattern.span,
                                asked: rule.unique,
                                kept: step.mask.keeps_distinct(),
                            });
                            if step.mask.shuffle().is_some() {
                                let column = (column.path.clone(), pattern.span);
                                resolved.shuffled.push(column);
                            }
                            let offered = step.mask.rows_offered();
                            resolved.numbered.extend(offered.map(|offered| Numbered {
                                task,
                                offered,
                                span: pattern.span,
                            }));
                            resolved
                                .steps
                                .entry(column.path.clone())
                                .or_default()
                                .push(step);
                        }
                    }
                }
            }
        }
        let unmasked = self.columns.0.iter();
        let unmasked =
            unmasked.filter(|column| !column.joined && !named.contains_key(&column.path));
        resolved.unmasked = unmasked.map(|column| column.path.clone()).collect();
        self.check_coverage(tasks, &resolved.unmasked);
        self.check_distinct(&promises);
        resolved
    }

    /// The columns a pattern stands for; it has to stand for one at least.
    fn columns_of(&mut self, pattern: &ColumnPattern) -> Vec<&'a FileColumn> {
        let found = self.columns.meant_by(pattern);
        if found.is_empty() {
            let what = if pattern.is_glob() {
                "column that matches"
            } else {
                "column"
            };
            self.unknown(what, &pattern.text, pattern.span);
        }
        found
    }

    /// The one column a name stands for, which has one value a row.
    fn column_of_row(&mut self, name: &Spanned<Identifier>) -> Option<&'a FileColumn> {
        let found = self.columns.identified(&name.value);
        let problem = match found[..] {
            [] => {
                self.unknown("column", &name.value.text, name.span);
                return None;
            }
            [column]
                if column.data_type == DataType::Null
                    && let Some(refusal) = &column.refusal =>
            {
                let message = format!("`{}` of `{}` {refusal}", name.value.text, self.file);
                let diagnostic = Diagnostic::new(&codes::UNMASKABLE_COLUMN, message);
                self.diagnostics.push(diagnostic.at(name.span, ""));
                return None;
            }
            [column] if !column.repeated => return Some(column),
            [_] => "may have several values in a row",
            _ => "is a group of columns",
        };
        let message = format!("`{}` of `{}` {problem}", name.value.text, self.file);
        self.diagnostics.push(
            Diagnostic::new(&codes::REPEATED_COLUMN, message)
                .at(name.span, "")
                .help("name a column with one value in a row"),
        );
        None
    }

    fn unknown(&mut self, what: &str, name: &str, span: Span) {
        let message = format!("`{}` has no {what} `{name}`", self.file);
        let unknown = Diagnostic::new(&codes::UNKNOWN_COLUMN, message);
        self.diagnostics.push(match self.columns.are_by_number() {
            true => unknown.at(span, "").help(self.no_header()),
            false => unknown
                .at(span, nearest_label(name, self.columns.names()))
                .help(format!(
                    "its columns are {}",
                    quoted_list(self.columns.names())
                )),
        });
    }

    /// What to say in place of names that may be values.
    fn no_header(&self) -> String {
        format!(
            "its first record does not look like a header; its {} names are not shown; \
             if it is no header, set `header: false` with `columns`",
            self.columns.0.len()
        )
    }

    fn check_twice(
        &mut self,
        task: usize,
        rule: &Rule,
        pattern: &ColumnPattern,
        column: &FileColumn,
        earlier: &[(usize, usize, Span)],
    ) {
        for &(other_task, other_rule, other_span) in earlier {
            let other = &self.ruleset.tasks[other_task].rules[other_rule];
            let (code, message, help) = if other_task == task {
                if rule.is_separate_from(other) {
                    continue;
                }
                (
                    &codes::DUPLICATE_RULE,
                    format!("two rules mask the column {}", called(column)),
                    "put all masks into one rule, or separate the rules by `if` and `else_rules`",
                )
            } else if self.ruleset.warn_on_duplicate_rules {
                (
                    &codes::MASKED_TWICE,
                    format!(
                        "two tasks mask the column {} of `{}`",
                        called(column),
                        self.file
                    ),
                    "the later masks what the earlier gave; set `disable_warning_on_duplicate_rules: true` if that is meant",
                )
            } else {
                continue;
            };
            self.diagnostics.push(
                Diagnostic::new(code, message)
                    .at(pattern.span, "second")
                    .and(other_span, "first")
                    .help(help),
            );
        }
    }

    /// A column that is copied is read as it came: a warning where an earlier task masks it.
    fn check_copies(
        &mut self,
        task: usize,
        rule: &Rule,
        named: &BTreeMap<String, Vec<(usize, usize, Span)>>,
    ) {
        let copied = rule
            .masks
            .iter()
            .flat_map(|mask| copied_columns(&mask.node));
        for (name, span) in copied {
            for column in self.columns.named(&name) {
                let mut rules = named.get(&column.path).into_iter().flatten();
                let Some((_, _, masked)) = rules.find(|(other, ..)| *other != task) else {
                    continue;
                };
                let message = format!(
                    "the column {} of `{}` is copied as it came, unmasked",
                    called(column),
                    self.file
                );
                self.diagnostics.push(
                    Diagnostic::new(&codes::COPIED_UNMASKED, message)
                        .at(span, "copied")
                        .and(*masked, "masked by an earlier task")
                        .help("rules read other columns as they are in the source: put the masks of that column behind `from_column`"),
                );
            }
        }
    }

    /// The masks of one rule on one column.
    fn step(
        &mut self,
        rule: &'a Rule,
        pattern: &ColumnPattern,
        column: &'a FileColumn,
        first: bool,
        read: &mut Vec<String>,
    ) -> Option<MaskedStep> {
        if column.refusal.is_some() && rule.only_does_nothing() && !column.by_sql {
            return None;
        }
        if let Some(refusal) = &column.refusal {
            let called = called(column);
            let message = format!("the column {called} of `{}` {refusal}", self.file);
            let diagnostic = Diagnostic::new(&codes::UNMASKABLE_COLUMN, message);
            let diagnostic = diagnostic.at(pattern.span, "");
            let help = match refusal == NOT_ALONE {
                true => "rename one of them in the file, or leave them as they are with `do_nothing`; if its first \
                         record is no header, set `header: false` with `columns`"
                    .to_owned(),
                false => "it can be copied as it is, with `do_nothing`".to_owned(),
            };
            let diagnostic = match column.by_sql {
                true => diagnostic,
                false => diagnostic.help(help),
            };
            self.diagnostics.push(diagnostic);
            return None;
        }
        // Each part is looked at, whatever is wrong with the others.
        let draw_by = self.draw_by(rule, column);
        let chosen = self.chosen(rule, column);
        let sound = draw_by.is_some() && chosen.is_some();
        // There is nothing but nulls in it, and nothing else can be: it stays as it is.
        if column.data_type == DataType::Null {
            return None;
        }
        let Chosen { of_value, of_row } = chosen.unwrap_or_default();
        let column_rule = ColumnRule {
            path: column.path.clone(),
            masks: rule.masks.iter().map(mask_node).collect(),
            draw_by: draw_by.unwrap_or(DrawBy::Place),
            chooses: of_value,
            conditional: of_row.is_some(),
            places: Some(self.places),
            first,
        };
        let of_value = column_rule.chooses.clone();
        let bound = ColumnMask::bind(&column_rule, &column.root_type, self.root, self.seeds);
        let mask = match bound {
            Ok(mask) => mask,
            Err(error) => {
                let span = mask_span(rule, &error.path).unwrap_or(pattern.span);
                let message = match error.path.ends_with("type") || error.path.is_empty() {
                    true => format!("column {} of `{}`: {error}", called(column), self.file),
                    false => error.to_string(),
                };
                self.diagnostics
                    .push(Diagnostic::new(&codes::BAD_MASK, message).at(span, ""));
                return None;
            }
        };
        if mask.may_give_null() && !column.nullable {
            let message = format!(
                "the column {} of `{}` holds no nulls",
                called(column),
                self.file
            );
            self.diagnostics.push(
                Diagnostic::new(&codes::REQUIRED_COLUMN, message)
                    .at(pattern.span, "its mask may give null")
                    .help("choose a mask that gives a value, such as `from_fixed`"),
            );
        }
        if rule.unique && !mask.keeps_distinct() {
            let message = match mask.keeps_distinct_up_to() {
                Some(most) => format!(
                    "the masks of {} keep values of at most {most} characters apart, and it may hold \
                     longer ones",
                    called(column)
                ),
                None => format!("the masks of {} may make two values one", called(column)),
            };
            self.diagnostics.push(
                Diagnostic::new(&codes::NOT_DISTINCT, message)
                    .at(pattern.span, "the rule asks for `unique`")
                    .help("use `from_unique`, `imitate_unique` or `hash` with its default length, or remove `unique`"),
            );
        }
        let leaves_more = |of_value: &udfs::Condition| !of_value.leaves_only_blanks();
        if rule.unique && of_value.as_ref().is_some_and(leaves_more) {
            let called = called(column);
            let message = format!("a value of {called} that stays may be what another one becomes");
            self.diagnostics.push(
                Diagnostic::new(&codes::NOT_DISTINCT, message)
                    .at(pattern.span, "the rule asks for `unique`")
                    .help("let `skip` name nothing but null and empty text, or remove `unique`"),
            );
        }
        for argument in mask.arguments() {
            if let udfs::Argument::Column(name) = argument
                && !is_place_column(name)
            {
                // What a mask asks for itself was not checked before. It is taken as it is written.
                let name = Spanned {
                    value: Identifier {
                        text: name.clone(),
                        quoted: column.by_sql,
                    },
                    span: pattern.span,
                };
                read.push(self.column_of_row_or_own(&name, column)?);
            }
        }
        read.extend(of_row.iter().flat_map(|condition| condition.columns()));
        sound.then_some(MaskedStep {
            mask,
            condition: of_row,
        })
    }

    /// Which rows and values of `column` the rule is for.
    fn chosen(&mut self, rule: &'a Rule, column: &'a FileColumn) -> Option<Chosen> {
        let tested = rule.condition.iter().flat_map(Condition::columns);
        let mut named = BTreeMap::new();
        let mut sound = true;
        for name in tested {
            match self.column_of_row(name) {
                Some(column) => _ = named.insert(name.value.text.as_str(), column),
                None => sound = false,
            }
        }
        let mut converter = Converter {
            own: column,
            named: &named,
            remarks: vec![],
        };
        let chosen = converter.chosen(rule.condition.as_ref());
        for Remark { column, expected } in converter.remarks {
            let (called, file) = (&column.value.text, self.file);
            self.diagnostics.push(match expected {
                Some(expected) => {
                    sound = false;
                    let message =
                        format!("`{called}` of `{file}` does not compare with this value");
                    Diagnostic::new(&codes::BAD_COMPARISON, message)
                        .at(column.span, format!("expected {expected}"))
                }
                None => {
                    let message = format!("`{called}` of `{file}` is text, and so is the number");
                    Diagnostic::new(&codes::TEXT_ORDER, message)
                        .at(column.span, "`100` is less than `18`")
                        .help("write the number without quotes")
                }
            });
        }
        sound.then_some(chosen)
    }

    /// The path of an argument; the masked column itself may have several values a row.
    fn column_of_row_or_own(
        &mut self,
        name: &Spanned<Identifier>,
        own: &FileColumn,
    ) -> Option<String> {
        if own.is_called(&name.value) {
            return Some(own.path.clone());
        }
        self.column_of_row(name).map(|column| column.path.clone())
    }

    /// Every record draws for itself.
    fn draw_by_record(&self) -> DrawBy {
        if self.key.is_empty() {
            return DrawBy::Place;
        }
        let unit = std::iter::once(PATH_COLUMN);
        let columns = unit.chain(self.key.iter().map(String::as_str));
        let columns = columns.map(|column| udfs::HashColumn {
            column: column.to_owned(),
            ..udfs::HashColumn::default()
        });
        DrawBy::Key(columns.collect())
    }

    fn draw_by(&mut self, rule: &Rule, column: &FileColumn) -> Option<DrawBy> {
        let hashed = rule.hash_columns.as_deref().unwrap_or_default();
        if hashed.is_empty() {
            return Some(self.draw_by_record());
        }
        let path = |hashed: &HashColumn| match &hashed.source {
            HashSource::Own => Some(column.path.clone()),
            HashSource::Column(name) if column.is_called(&name.value) => Some(column.path.clone()),
            HashSource::Column(name) => self.column_of_row(name).map(|column| column.path.clone()),
        };
        let paths: Vec<Option<String>> = hashed.iter().map(path).collect();
        let paths: Option<Vec<String>> = paths.into_iter().collect();
        let columns = hashed.iter().zip(paths?);
        let columns = columns.map(|(hashed, path)| hash_column(hashed, path));
        Some(DrawBy::Columns(columns.collect()))
    }

    /// Values that one task is to keep apart are not made one by the masks of another.
    fn check_distinct(&mut self, promises: &[Promise]) {
        for lossy in promises.iter().filter(|other| !other.kept && !other.asked) {
            let asks =
                |one: &&Promise| one.asked && one.column == lossy.column && one.task != lossy.task;
            let Some(asking) = promises.iter().find(asks) else {
                continue;
            };
            let message = format!("the masks of `{}` may make two values one", lossy.column);
            self.diagnostics.push(
                Diagnostic::new(&codes::NOT_DISTINCT, message)
                    .at(lossy.span, "masked here, too")
                    .and(asking.span, "the rule asks for `unique`")
                    .help(
                        "remove this rule, use a mask that keeps values apart, or remove `unique`",
                    ),
            );
        }
    }

    fn check_coverage(&mut self, tasks: &[usize], unmasked: &[String]) {
        if self.options.coverage != Coverage::Strict || unmasked.is_empty() {
            return;
        }
        let (names, help) = match self.columns.are_by_number() {
            true => (format!("{} columns", unmasked.len()), self.no_header()),
            false => (
                quoted_list(unmasked.iter().map(String::as_str)),
                "add rules; `do_nothing` says that a column stays as it is".to_owned(),
            ),
        };
        let message = format!("no rule names {names} of `{}`", self.file);
        self.diagnostics.push(
            Diagnostic::new(&codes::NOT_COVERED, message)
                .at_maybe(tasks.first().map(|task| self.ruleset.tasks[*task].span), "")
                .help(help),
        );
    }
}

/// A column as a message calls it.
fn called(column: &FileColumn) -> String {
    match column.by_number {
        true => column.path.clone(),
        false => format!("`{}`", column.path),
    }
}

pub(super) fn mask_node(mask: &crate::language::MaskNode) -> MaskNode {
    MaskNode {
        kind: mask.kind.clone(),
        domain: mask.domain.clone(),
        args: mask.args.clone(),
    }
}

/// The columns that `from_column` copies in a mask, or in masks inside it, and where they are named.
fn copied_columns(mask: &Node) -> Vec<(String, Span)> {
    let mut copied = vec![];
    if mask.get("type").and_then(Node::as_str) == Some("from_column")
        && let Some(source) = mask.get("source_column")
    {
        let name = source.as_str().map(str::to_owned);
        copied.extend(name.map(|name| (name, source.span)));
    }
    let entries = mask.as_map().map(|map| &map.entries[..]);
    let values = entries.into_iter().flatten().map(|entry| &entry.value);
    let items = mask.as_seq().unwrap_or_default();
    copied.extend(values.chain(items).flat_map(copied_columns));
    copied
}

/// Where the argument at `path` is written: `[1].masks[0].regex`.
pub(super) fn mask_span(rule: &Rule, path: &str) -> Option<Span> {
    let (index, below) = path.strip_prefix('[')?.split_once(']')?;
    let mask = rule.masks.get(index.parse::<usize>().ok()?)?;
    let below = below.trim_start_matches('.');
    Some(match below.is_empty() {
        true => mask.span,
        false => mask.node.span_of(below),
    })
}
