//! Columns that follow a masked key: by foreign keys that refer to it, and where the ruleset says so.
//!
//! A value has one image under a mask that goes by the value alone, whichever column it is in. So what
//! refers to a masked column is masked by the same mask, and all tables change in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use visard_connectors::DatabaseTable;
use visard_connectors::database::{ForeignKey, Job, Room, Table};
use visard_engine::udfs::PlaceUnit;

use super::alike::are_alike;
use super::fit::{Masked, place_of};
use super::plan::{Answered, Planner, TablePlan, labels};
use super::strategy::Way;
use crate::check::columns::FileColumns;
use crate::check::group::masked_columns;
use crate::check::rules::{Resolved, Resolver};
use crate::check::seeds::Seeds;
use crate::language::{
    Coverage, Diagnostic, Diagnostics, Rule, Ruleset, RunOptions, Span, TableTask, Task, TaskKind,
    codes, nearest_label,
};

/// A table whose columns follow those of a masked one.
pub(super) struct Follower {
    pub(super) table: Arc<dyn DatabaseTable>,
    /// Its columns that follow, each with the column of the masked table whose mask it takes.
    pub(super) columns: BTreeMap<String, String>,
}

/// The tables that follow, the masked one first.
pub(super) struct Followers(pub(super) Vec<Follower>);

impl Planner<'_> {
    /// The tables that follow `table`, whose rules are `resolved`. Nothing comes back where a foreign key
    /// would break.
    pub(super) async fn followers(
        &mut self,
        table: &Arc<dyn DatabaseTable>,
        (task, of_table): (&Task, &TableTask),
        resolved: &Resolved,
    ) -> Answered<Option<Followers>> {
        let masked = resolved
            .steps
            .keys()
            .map(|name| (name.clone(), name.clone()));
        let mut found = vec![Follower {
            table: Arc::clone(table),
            columns: masked.collect(),
        }];
        let mut links = self.declared(table.facts(), of_table).await?;
        // Tables come to the list as they are found, and each is looked at once for every new column.
        let mut looked_at: Vec<(String, String)> = Vec::new();
        loop {
            let mut next = None;
            for follower in &found {
                let shown = follower.table.facts().shown();
                for (column, root) in &follower.columns {
                    let one = (shown.clone(), column.clone());
                    if !looked_at.contains(&one) {
                        next = Some((one, root.clone()));
                    }
                }
            }
            let Some(((shown, column), root)) = next else {
                break;
            };
            looked_at.push((shown.clone(), column.clone()));
            let facts = found.iter().find(|one| one.table.facts().shown() == shown);
            let facts = facts.map(|one| one.table.facts().clone());
            let keys = facts.iter().flat_map(|facts| &facts.foreign_keys);
            let followed: Vec<Link> = keys
                .filter(|key| key.incoming)
                .filter_map(|key| Link::of(&shown, key, &column))
                .chain(links.extract_if(.., |link| link.from == (shown.clone(), column.clone())))
                .collect();
            for link in followed {
                if !self.is_followed(task, &root, resolved, &link) {
                    return Ok(None);
                }
                if !self.follow(&mut found, task, link, &root).await? {
                    return Ok(None);
                }
            }
        }
        Ok(self
            .keeps_references(task, &found)
            .then_some(Followers(found)))
    }

    /// What the ruleset says of columns that follow.
    async fn declared(&mut self, root: &Table, of_table: &TableTask) -> Answered<Vec<Link>> {
        let mut links = Vec::new();
        for cascade in &of_table.cascades {
            let Some(other) = self.find(&cascade.table).await? else {
                continue;
            };
            for (source, target) in &cascade.columns {
                let [from, to] = [(root, source), (other.facts(), target)].map(|(table, name)| {
                    let names = || table.columns.iter().map(|column| column.name.as_str());
                    let folded = self.database.folded(&name.value.text);
                    let is = |column: &&str| {
                        *column == name.value.text || (!name.value.quoted && *column == folded)
                    };
                    let found = names().find(is).map(str::to_owned);
                    if found.is_none() {
                        let message = format!("`{}` has no column `{}`", table.shown(), name.value);
                        let unknown = Diagnostic::new(&codes::UNKNOWN_COLUMN, message);
                        let label = nearest_label(&name.value.text, names());
                        self.diagnostics.push(unknown.at(name.span, label));
                    }
                    found
                });
                let facts = other.facts();
                let (Some(from), Some(column)) = (from, to) else {
                    continue;
                };
                if !self.holds_alike((root, &from), (facts, &column), target.span) {
                    continue;
                }
                links.push(Link {
                    from: (root.shown(), from),
                    schema: facts.schema.clone(),
                    name: facts.name.clone(),
                    column,
                    by: "`additional_cascades`".to_owned(),
                });
            }
        }
        Ok(links)
    }

    /// Reports a column that the ruleset lets follow one of another type; whether it holds values alike. The
    /// database sees to that where a foreign key says so.
    fn holds_alike(
        &mut self,
        (root, from): (&Table, &str),
        (other, to): (&Table, &str),
        span: Span,
    ) -> bool {
        let (Some(one), Some(two)) = (root.column(from), other.column(to)) else {
            return false;
        };
        if are_alike(one, two, self.database.is_typed()) {
            return true;
        }
        let message = format!(
            "`{to}` of `{}` cannot follow `{from}`: it holds values otherwise",
            other.shown()
        );
        let label = format!("{}, and `{from}` is {}", two.type_name, one.type_name);
        self.diagnostics.push(
            Diagnostic::new(&codes::FOREIGN_KEY, message)
                .at(span, label)
                .help("give both columns one type; whole numbers may differ in width, and text in length"),
        );
        false
    }

    /// Reports a mask that gives a value one image here and another there.
    fn is_followed(&mut self, task: &Task, root: &str, resolved: &Resolved, link: &Link) -> bool {
        let steps = resolved.steps.get(root).map_or(&[][..], Vec::as_slice);
        let fits = |step: &visard_engine::MaskedStep| {
            step.condition.is_none() && step.mask.keeps_distinct() && step.mask.goes_by_value()
        };
        if steps.len() == 1 && steps.iter().all(fits) {
            return true;
        }
        let message = format!(
            "to preserve referential integrity, `{}` of `{}` cannot be masked so",
            link.from.1, link.from.0
        );
        self.diagnostics.push(
            Diagnostic::new(&codes::FOREIGN_KEY, message)
                .at(place_of(task, root), format!("`{}` refers to it by {}", link.other(), link.by))
                .help("what refers to it follows one mask on all rows that goes by the value alone and keeps values apart, such as `imitate_unique`"),
        );
        false
    }

    /// Adds the column that `link` leads to; whether it can be masked like its root.
    async fn follow(
        &mut self,
        found: &mut Vec<Follower>,
        task: &Task,
        link: Link,
        root: &str,
    ) -> Answered<bool> {
        let other = link.other();
        let known = found
            .iter_mut()
            .find(|one| one.table.facts().shown() == other);
        let follower = match known {
            Some(follower) => follower,
            None => {
                let table = self
                    .database
                    .table(link.schema.as_deref(), &link.name)
                    .await?;
                let Some(table) = table else {
                    let message =
                        format!("`{other}`, which refers to a masked column, cannot be seen");
                    let diagnostic = Diagnostic::new(&codes::FOREIGN_KEY, message);
                    self.diagnostics
                        .push(diagnostic.at(place_of(task, root), ""));
                    return Ok(false);
                };
                if !self.maskable(table.facts(), place_of(task, root)) {
                    return Ok(false);
                }
                found.push(Follower {
                    table,
                    columns: BTreeMap::new(),
                });
                let last = found.len() - 1;
                &mut found[last]
            }
        };
        let before = follower
            .columns
            .insert(link.column.clone(), root.to_owned());
        let Some(before) = before.filter(|before| before != root) else {
            return Ok(true);
        };
        let message = format!("`{}` of `{other}` would follow two masks", link.column);
        self.diagnostics.push(
            Diagnostic::new(&codes::FOREIGN_KEY, message)
                .at(place_of(task, root), format!("by {}", link.by))
                .and(place_of(task, &before), "and this one"),
        );
        Ok(false)
    }

    /// Reports columns that refer to others which are not masked alike; whether there are none.
    fn keeps_references(&mut self, task: &Task, found: &[Follower]) -> bool {
        let mut sound = true;
        for Follower { table, columns } in found {
            let facts = table.facts();
            for key in facts.foreign_keys.iter().filter(|key| !key.incoming) {
                let parent = found
                    .iter()
                    .find(|one| one.table.facts().shown() == key.other());
                for (column, theirs) in key.columns.iter().zip(&key.other_columns) {
                    let root = columns.get(column);
                    let of_parent = parent.and_then(|parent| parent.columns.get(theirs));
                    if root == of_parent {
                        continue;
                    }
                    let message = format!(
                        "to preserve referential integrity, `{column}` of `{}` cannot be masked by this task",
                        facts.shown()
                    );
                    let label = format!(
                        "it refers to `{theirs}` of `{}` by the foreign key `{}`",
                        key.other(),
                        key.name
                    );
                    let place = root
                        .or(of_parent)
                        .map_or(task.span, |root| place_of(task, root));
                    self.diagnostics.push(
                        Diagnostic::new(&codes::FOREIGN_KEY, message)
                            .at(place, label)
                            .help("mask the column that it refers to: it follows"),
                    );
                    sound = false;
                }
            }
        }
        sound
    }

    /// What becomes of the masked table once columns of its own follow others, and whether any column
    /// follows.
    pub(super) fn with_own(
        &mut self,
        (task, of_table): (&Task, &TableTask),
        columns: &FileColumns,
        key: &[String],
        followers: &Followers,
        resolved: Resolved,
    ) -> (bool, Resolved) {
        let Some(own) = followers.0.first() else {
            return (false, resolved);
        };
        let follows = |column: &&String| !resolved.steps.contains_key(*column);
        let more: Vec<Rule> = own
            .columns
            .iter()
            .filter(|(column, _)| follows(column))
            .filter_map(|(column, root)| Some(rule_of(task, columns, root)?.on(column)))
            .collect();
        if more.is_empty() {
            return (followers.0.len() > 1, resolved);
        }
        let rules = task.rules.iter().cloned().chain(more).collect();
        let facts = own.table.facts();
        // The task's own rules have been reported on.
        let mut said = Diagnostics::new();
        let ruleset = self.ruleset_with(task, of_table, rules);
        let resolved = self.resolved_on(&ruleset, (&facts.shown(), columns), key, &mut said);
        (true, resolved)
    }

    fn ruleset_with(&self, task: &Task, of_table: &TableTask, rules: Vec<Rule>) -> Ruleset {
        Ruleset {
            tasks: vec![Task {
                rules,
                kind: TaskKind::Table(of_table.clone()),
                ..task.clone()
            }],
            ..self.loaded.ruleset.clone()
        }
    }

    fn resolved_on(
        &self,
        ruleset: &Ruleset,
        (shown, columns): (&str, &FileColumns),
        key: &[String],
        diagnostics: &mut Diagnostics,
    ) -> Resolved {
        let seeds = Seeds::new(self.loaded.seed_folder.clone());
        let options = RunOptions {
            // Other columns of a table that follows are for tasks of its own.
            coverage: Coverage::Report,
            ..self.loaded.pipeline.options.clone()
        };
        let resolver = Resolver {
            ruleset,
            options: &options,
            root: self.root,
            seeds: &seeds,
            file: shown,
            columns,
            places: PlaceUnit::Tuple,
            key,
            diagnostics,
        };
        resolver.resolve(&[0])
    }

    /// The plans of the tables that follow: the same masks on columns that follow.
    pub(super) fn following(
        &mut self,
        (task, of_table): (&Task, &TableTask),
        root_columns: &FileColumns,
        followers: Followers,
        (job, way): (&Job, &Way),
    ) -> Vec<TablePlan> {
        let mut plans = Vec::new();
        for Follower { table, columns } in followers.0.into_iter().skip(1) {
            let rules = columns
                .iter()
                .filter_map(|(column, root)| Some(rule_of(task, root_columns, root)?.on(column)));
            let ruleset = self.ruleset_with(task, of_table, rules.collect());
            let facts = table.facts();
            let (shown, of_columns) = (facts.shown(), FileColumns::of_table(facts));
            let key = facts.primary_key.clone();
            let mut said = Diagnostics::new();
            let own_key = key.as_deref().unwrap_or_default();
            let resolved = self.resolved_on(&ruleset, (&shown, &of_columns), own_key, &mut said);
            self.diagnostics.append(said);
            let masked = Masked {
                table: facts,
                task,
                table_span: of_table.table.span,
                steps: &resolved.steps,
            };
            masked.unique(self.diagnostics);
            masked.checks(self.diagnostics);
            masked.lengths(self.diagnostics);
            let names = labels(&resolved);
            plans.push(TablePlan {
                task: task.name.clone().unwrap_or_else(|| task.path.clone()),
                job: Job {
                    masked: names.iter().map(|(column, _)| column.clone()).collect(),
                    read: Vec::new(),
                    shuffled: Vec::new(),
                    joined: Vec::new(),
                    numbered: false,
                    key,
                    ..job.clone()
                },
                room: Room::default(),
                way: Way {
                    rewrite: way.rewrite,
                    why: "its columns follow a masked key".to_owned(),
                },
                columns: masked_columns(&of_columns, resolved.steps),
                masked: names,
                unmasked: resolved.unmasked,
                following: Vec::new(),
                offered: None,
                table,
            });
        }
        plans
    }
}

/// A column that has the values of another.
struct Link {
    /// The other: its table and name.
    from: (String, String),
    schema: Option<String>,
    name: String,
    column: String,
    /// What says so.
    by: String,
}

impl Link {
    /// The column that refers to `column` by `key`, a foreign key to the table `shown`.
    fn of(shown: &str, key: &ForeignKey, column: &str) -> Option<Self> {
        let at = key.columns.iter().position(|own| own == column)?;
        Some(Self {
            from: (shown.to_owned(), column.to_owned()),
            schema: key.other_schema.clone(),
            name: key.other_name.clone(),
            column: key.other_columns.get(at)?.clone(),
            by: format!("the foreign key `{}`", key.name),
        })
    }

    fn other(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The rule of `task` that masks the column `root` of its table.
fn rule_of<'t>(task: &'t Task, columns: &FileColumns, root: &str) -> Option<&'t Rule> {
    let masks = |rule: &&Rule| {
        let patterns = rule.columns.iter();
        let mut named = patterns.flat_map(|pattern| columns.meant_by(pattern));
        named.any(|column| column.path == root)
    };
    task.rules.iter().find(masks)
}
