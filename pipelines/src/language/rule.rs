//! Rules: which columns, in which rows, by which masks. They come out flat, in order.

use globset::{GlobBuilder, GlobMatcher};

use super::codes;
use super::condition::{self, Condition};
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::hash_column::{self, HashColumn};
use super::identifier::Identifier;
use super::keys;
use super::mask::{self, MaskCatalogue, MaskNode};
use super::node::{Kind, Node};
use super::source::{Span, Spanned};

/// A rule without levels above it: `if`, `else_rules`, `skip` and what the task says are in it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The columns it masks, at least one.
    pub columns: Vec<ColumnPattern>,
    /// Which rows it masks; all when there is none.
    pub condition: Option<Condition>,
    /// The values that decide the masked values: the rule's own list, else the task's. Nothing when
    /// neither has one; an empty list when random values were asked for.
    pub hash_columns: Option<Vec<HashColumn>>,
    /// The masks, each applied to the result of the one before.
    pub masks: Vec<MaskNode>,
    /// Whether distinct values must stay distinct.
    pub unique: bool,
    /// Its name or label, where it has one.
    pub label: Option<String>,
    /// Where it is written.
    pub span: Span,
    /// Whether no error was found in it or in an `if` around it.
    pub is_sound: bool,
    /// The `if`s it lies in: the number of each in its task, and whether in its `rules`.
    branches: Vec<(usize, bool)>,
}

impl Rule {
    /// The same masks on the column called `column`, in a table where it has that very name.
    pub fn on(&self, column: &str) -> Self {
        let span = self
            .columns
            .first()
            .map_or(self.span, |pattern| pattern.span);
        Self {
            columns: vec![ColumnPattern {
                text: column.to_owned(),
                quoted: true,
                span,
                glob: None,
            }],
            ..self.clone()
        }
    }

    /// A rule that masks `column` by the one mask `mask`, for a task that says no more.
    pub(super) fn of_key(column: &Spanned<Identifier>, mask: MaskNode) -> Self {
        Self {
            columns: vec![ColumnPattern {
                text: column.value.text.clone(),
                quoted: column.value.quoted,
                span: column.span,
                glob: None,
            }],
            condition: None,
            hash_columns: None,
            masks: vec![mask],
            unique: true,
            label: None,
            span: column.span,
            is_sound: true,
            branches: Vec::new(),
        }
    }

    /// Whether its masks leave every value as it is.
    pub fn only_does_nothing(&self) -> bool {
        self.masks.iter().all(|mask| mask.kind == "do_nothing")
    }

    /// Whether an `if` keeps this rule and `other` from ever masking the same row.
    pub fn is_separate_from(&self, other: &Self) -> bool {
        self.branches.iter().any(|(number, taken)| {
            let opposite = (*number, !taken);
            other.branches.contains(&opposite)
        })
    }

    /// Every column the rule reads besides those it masks, with places.
    pub fn columns_read(&self) -> Vec<&Spanned<Identifier>> {
        let tested = self.condition.iter().flat_map(Condition::columns);
        let hashed = self.hash_columns.iter().flatten();
        let hashed = hashed.filter_map(|column| match &column.source {
            hash_column::HashSource::Own => None,
            hash_column::HashSource::Column(name) => Some(name),
        });
        tested.chain(hashed).collect()
    }
}

/// A column by its name, or many by a glob: `*` and `?` for any characters, `[a-z]`, `{a,b}`.
#[derive(Debug, Clone)]
pub struct ColumnPattern {
    /// As it is written, without the quotes of a name in double quotes.
    pub text: String,
    /// Whether it was written in double quotes.
    pub quoted: bool,
    /// Where it is written.
    pub span: Span,
    glob: Option<GlobMatcher>,
}

impl ColumnPattern {
    /// Whether it may stand for several columns.
    pub fn is_glob(&self) -> bool {
        self.glob.is_some()
    }

    /// Whether it stands for this column; a nested one is given by its dotted path.
    pub fn matches(&self, column: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(column),
            None => self.text == column,
        }
    }
}

/// What surrounds a list of rules.
#[derive(Clone, Default)]
pub(super) struct Scope {
    /// What must hold because of `if`s above.
    pub conditions: Vec<Condition>,
    /// Whether one of these conditions was reported.
    pub is_broken: bool,
    /// The `if`s above.
    pub branches: Vec<(usize, bool)>,
    /// The task's hash columns.
    pub hash_columns: Option<Vec<HashColumn>>,
    /// `skip_defaults`.
    pub skip_defaults: Option<Condition>,
}

/// Reads the rules of one task.
pub(super) struct RuleParser<'a> {
    masks: &'a dyn MaskCatalogue,
    diagnostics: &'a mut Diagnostics,
    pub(super) rules: Vec<Rule>,
    ifs: usize,
}

impl<'a> RuleParser<'a> {
    pub(super) fn new(masks: &'a dyn MaskCatalogue, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            masks,
            diagnostics,
            rules: Vec::new(),
            ifs: 0,
        }
    }

    /// How many errors were reported so far, here and elsewhere.
    pub(super) fn errors_added(&self) -> usize {
        self.diagnostics.errors_added()
    }

    /// A list of rules, a mapping of labels to rules, or one rule.
    pub(super) fn list(&mut self, node: &Node, scope: &Scope) {
        let rules: Vec<(Option<String>, &Node)> = match &node.kind {
            Kind::Seq(items) => items.iter().map(|item| (None, item)).collect(),
            Kind::Map(_) if is_one_rule(node) => vec![(None, node)],
            Kind::Map(map) => {
                let entries = map.entries.iter();
                let labelled =
                    entries.map(|entry| (Some(entry.key.text.to_string()), &entry.value));
                labelled.collect()
            }
            _ => return fields::wrong_type(node, "a list of rules", self.diagnostics),
        };
        if rules.is_empty() {
            self.diagnostics.push(
                Diagnostic::new(&codes::NO_RULES, "the list of rules is empty").at(node.span, ""),
            );
        }
        for (label, rule) in rules {
            self.one(label, rule, scope);
        }
    }

    fn one(&mut self, label: Option<String>, node: &Node, scope: &Scope) {
        if node.get("if").is_some() || node.get("else_rules").is_some() {
            return self.conditional(node, scope);
        }
        let errors = self.diagnostics.errors_added();
        let Some(fields) = Fields::new(node, "a rule", keys::RULE, self.diagnostics) else {
            return;
        };
        let columns = self.columns(&fields);
        let own_hash_columns = fields
            .raw("hash_columns")
            .map(|node| hash_column::parse(node, self.diagnostics));
        let skipped = match fields.get("skip") {
            Some(skip) => condition::parse_skip(skip, self.diagnostics),
            None => scope.skip_defaults.clone(),
        };
        let mut conditions = scope.conditions.clone();
        conditions.extend(skipped.map(Condition::negated));
        let masks = fields.get("masks");
        let masks = masks.map(|node| mask::parse_list(node, self.masks, self.diagnostics));
        let unique = fields.flag("unique", self.diagnostics).unwrap_or(false);
        let name = fields.text("name", self.diagnostics);
        let (Some(columns), Some(masks)) = (columns, masks) else {
            return;
        };
        if own_hash_columns.as_ref().is_some_and(|own| !own.is_empty())
            && let Some(mask) = masks.iter().find_map(MaskNode::without_hash_columns)
        {
            self.refuse_hash_columns(mask, fields.key_span("hash_columns"));
        }
        if let Some(own) = &own_hash_columns
            && own.iter().any(|column| !column.is_one_of(&columns))
            && let Some(mask) = masks.iter().find_map(MaskNode::by_value_alone)
        {
            let message =
                format!("the mask `{mask}` goes by the value, whatever the hash columns are");
            self.diagnostics.push(
                Diagnostic::new(&codes::HASH_COLUMNS_IGNORED, message)
                    .at(fields.key_span("hash_columns"), "")
                    .help("remove them; one value gets the same result everywhere, `seed` tells kinds of values apart"),
            );
        }
        self.rules.push(Rule {
            columns,
            condition: Condition::all(conditions),
            hash_columns: own_hash_columns.or_else(|| scope.hash_columns.clone()),
            masks,
            unique,
            label: name.or(label),
            span: fields.key_span(if fields.get("column").is_some() {
                "column"
            } else {
                "columns"
            }),
            is_sound: !scope.is_broken && errors == self.diagnostics.errors_added(),
            branches: scope.branches.clone(),
        });
    }

    /// Refuses hash columns of a task, at `span`, that no rule of it goes by.
    pub(super) fn check_task_hash_columns(&mut self, scope: &Scope, span: Span) {
        if scope.hash_columns.as_ref().is_none_or(Vec::is_empty) {
            return;
        }
        let without = |rule: &Rule| rule.masks.iter().find_map(MaskNode::without_hash_columns);
        let mut all = self.rules.iter().map(without);
        if let Some(Some(mask)) = all.next()
            && all.all(|mask| mask.is_some())
        {
            self.refuse_hash_columns(mask, span);
        }
    }

    fn refuse_hash_columns(&mut self, mask: &str, span: Span) {
        let message = format!("the mask `{mask}` goes by no hash columns");
        self.diagnostics.push(
            Diagnostic::new(&codes::HASH_COLUMNS_REFUSED, message)
                .at(span, "")
                .help("remove them; `imitate_unique` and `hash` give one value the same result everywhere"),
        );
    }

    fn conditional(&mut self, node: &Node, scope: &Scope) {
        let what = "a rule with `if`";
        let Some(fields) = Fields::new(node, what, keys::IF_RULE, self.diagnostics) else {
            return;
        };
        let errors = self.diagnostics.errors_added();
        let condition = fields.get("if");
        let condition = condition.and_then(|node| condition::parse(node, self.diagnostics));
        // A condition that could not be read has been reported; its rules are still checked.
        let is_broken = condition.is_none() || errors != self.diagnostics.errors_added();
        let condition = condition.unwrap_or(Condition::All(Vec::new()));
        let number = self.ifs;
        self.ifs += 1;
        let sides = [
            ("rules", true, condition.clone()),
            ("else_rules", false, condition.negated()),
        ];
        for (key, taken, condition) in sides {
            if let Some(rules) = fields.get(key) {
                let mut inner = scope.clone();
                inner.conditions.push(condition);
                inner.is_broken |= is_broken;
                inner.branches.push((number, taken));
                self.list(rules, &inner);
            }
        }
    }

    fn columns(&mut self, fields: &Fields<'_>) -> Option<Vec<ColumnPattern>> {
        let help = "write `column: NAME`, or `columns:` with names and globs";
        match (fields.get("column"), fields.get("columns")) {
            (Some(one), None) => {
                let Spanned { value, span } = fields::named(one, self.diagnostics)?;
                let Identifier { text, quoted } = Identifier::parse(&value);
                Some(vec![ColumnPattern {
                    text,
                    quoted,
                    span,
                    glob: None,
                }])
            }
            (None, Some(many)) => {
                let items = fields::one_or_many(many);
                if items.is_empty() {
                    self.diagnostics.push(
                        Diagnostic::new(&codes::NO_COLUMN, "the list of columns is empty")
                            .at(many.span, "")
                            .help(help),
                    );
                }
                let items = items.iter();
                let patterns: Vec<_> = items.filter_map(|item| self.pattern(item)).collect();
                (!patterns.is_empty()).then_some(patterns)
            }
            (Some(_), Some(_)) => {
                self.diagnostics.push(
                    Diagnostic::new(&codes::NO_COLUMN, "a rule has both `column` and `columns`")
                        .at(fields.key_span("columns"), "")
                        .help(help),
                );
                None
            }
            (None, None) if fields.map.lost_a_merge() => None,
            (None, None) => {
                self.diagnostics.push(
                    Diagnostic::new(&codes::NO_COLUMN, "a rule names no column")
                        .at(fields.key_span("masks"), "")
                        .help(help),
                );
                None
            }
        }
    }

    fn pattern(&mut self, node: &Node) -> Option<ColumnPattern> {
        let Spanned { value, span } = fields::named(node, self.diagnostics)?;
        let Identifier { text, quoted } = Identifier::parse(&value);
        let glob = if text.contains(['*', '?', '[', '{']) {
            let glob = GlobBuilder::new(&text).backslash_escape(true).build();
            match glob {
                Ok(glob) => Some(glob.compile_matcher()),
                Err(error) => {
                    let message = format!("not a glob: {}", error.kind());
                    self.diagnostics.push(
                        Diagnostic::new(&codes::BAD_PATTERN, message)
                            .at(span, "")
                            .help("put `\\` before a character that is meant as itself"),
                    );
                    return None;
                }
            }
        } else {
            None
        };
        Some(ColumnPattern {
            text,
            quoted,
            span,
            glob,
        })
    }
}

/// Whether a mapping under `rules` is itself a rule rather than labels of rules.
fn is_one_rule(node: &Node) -> bool {
    let is_list_or_text = |key| {
        node.get(key)
            .is_some_and(|value: &Node| value.as_seq().is_some() || value.as_str().is_some())
    };
    ["column", "columns", "masks", "if"]
        .into_iter()
        .any(is_list_or_text)
        || (node.get("masks").is_some() && node.get("column").is_some())
        || (node.get("if").is_some() && node.get("rules").is_some())
}

/// Reports two rules that mask one column in the same rows. Where a glob meets a glob, and in a table
/// where a quoted name meets a plain one, only the real columns can tell, and whoever knows them asks
/// again.
pub(super) fn check_duplicates(rules: &[Rule], of_table: bool, diagnostics: &mut Diagnostics) {
    let named = rules.iter().enumerate().flat_map(|(index, rule)| {
        let columns = rule.columns.iter().filter(|column| !column.is_glob());
        columns.map(move |column| (index, column))
    });
    let globs = rules.iter().enumerate().flat_map(|(index, rule)| {
        let columns = rule.columns.iter().filter(|column| column.is_glob());
        columns.map(move |column| (index, column))
    });
    let globs: Vec<_> = globs.collect();
    let mut first_by_name = std::collections::HashMap::<(&str, bool), Vec<(usize, Span)>>::new();
    let mut report = |column: &str, one: (usize, Span), other: (usize, Span)| {
        // One rule that names a column twice is one rule.
        if one.0 == other.0 || rules[one.0].is_separate_from(&rules[other.0]) {
            return;
        }
        let (first, second) = if one.1 <= other.1 {
            (one, other)
        } else {
            (other, one)
        };
        let message = format!("two rules mask the column `{column}`");
        diagnostics.push(
            Diagnostic::new(&codes::DUPLICATE_RULE, message)
                .at(second.1, "second")
                .and(first.1, "first")
                .help(
                    "put all masks into one rule, or separate the rules by `if` and `else_rules`",
                ),
        );
    };
    for (index, column) in named {
        let place = (index, column.span);
        let name = (column.text.as_str(), of_table && column.quoted);
        let earlier = first_by_name.entry(name).or_default();
        for other in earlier.iter() {
            report(&column.text, *other, place);
        }
        earlier.push(place);
        for (other, glob) in &globs {
            if glob.matches(&column.text) {
                report(&column.text, (*other, glob.span), place);
            }
        }
    }
    for (at, (index, glob)) in globs.iter().enumerate() {
        for (other, twin) in &globs[..at] {
            if twin.text == glob.text {
                report(&glob.text, (*other, twin.span), (*index, glob.span));
            }
        }
    }
}
