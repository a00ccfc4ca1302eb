//! `visard plan`.

use std::fmt::Write;

use datafusion::physical_plan::displayable;
use serde_json::json;
use visard_connectors::database::{Job, Room};
use visard_engine::TaskPlan;

use super::{PipelineArgs, print, report};
use crate::check::{self, Action, CopyFrom, GroupPlan, Loaded, Planned, Step, TablePlan};
use crate::language::{Diagnostics, Sources, one_line};
use crate::run::{bytes, exit, logical_and_physical, look, look_at_database, no_root};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  visard plan pipeline.yml\n  visard plan pipeline.yml --json | jq '.groups[].masked'"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<u8> {
    let json = args.pipeline.json;
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    let loaded = check::load(&args.pipeline.pipeline, &mut sources, &mut diagnostics);
    let mut found = None;
    if let Some(loaded) = loaded
        .as_ref()
        .filter(|loaded| check::goes_by_tables(loaded))
    {
        return of_tables(loaded, json, &mut diagnostics, &sources).await;
    }
    if let Some(loaded) = &loaded {
        found = look(loaded, &mut diagnostics).await;
    }
    let Some((_, planned)) = found else {
        report(&diagnostics, &sources, json)?;
        return Ok(exit::REFUSED);
    };
    if json {
        print(&format!("{:#}\n", as_json(&planned)))?;
        return Ok(exit::MASKED);
    }
    report(&diagnostics, &sources, false)?;
    let mut page = String::new();
    as_page(&planned, &mut page)?;
    print(&page)?;
    Ok(exit::MASKED)
}

/// What a run on a database would do.
async fn of_tables(
    loaded: &Loaded,
    json: bool,
    diagnostics: &mut Diagnostics,
    sources: &Sources,
) -> anyhow::Result<u8> {
    let Some(planned) = look_at_database(loaded, &no_root(), diagnostics).await else {
        report(diagnostics, sources, json)?;
        return Ok(exit::REFUSED);
    };
    let (mut page, mut tasks) = (String::new(), Vec::new());
    for step in planned.steps {
        let of_step = match &step {
            Step::Mask(plan) => OfStep {
                following: &plan.following,
                task: &plan.task,
                table: plan.table.facts().shown(),
                rows: plan.table.facts().rows,
                strategy: plan.way.name(),
                why: plan.way.why.clone(),
                room: plan.room,
                job: &plan.job,
                masked: &plan.masked,
                unmasked: &plan.unmasked,
            },
            Step::Copy(plan) => OfStep {
                following: &[],
                task: &plan.task,
                table: plan.shown(),
                rows: match &plan.from {
                    CopyFrom::Table(table) => table.facts().rows,
                    CopyFrom::Files { .. } => None,
                },
                strategy: "copy",
                why: plan.way(),
                room: plan.room,
                job: &plan.job,
                masked: &plan.masked,
                unmasked: &plan.unmasked,
            },
            Step::Sql { task, sql, .. } => {
                writeln!(page, "{task}: SQL\n  {}", one_line(sql))?;
                tasks.push(json!({"task": task, "sql": sql}));
                continue;
            }
        };
        of_step.write_page(&mut page)?;
        let mut task = of_step.as_json();
        let Some((logical, physical)) = logical_and_physical(step).await? else {
            continue;
        };
        writeln!(page, "logical plan:\n{logical}\nphysical plan:\n{physical}")?;
        task["logical_plan"] = logical.into();
        task["physical_plan"] = physical.into();
        tasks.push(task);
    }
    match json {
        true => print(&format!("{:#}\n", json!({"tasks": tasks})))?,
        false => {
            report(diagnostics, sources, false)?;
            print(&page)?;
        }
    }
    Ok(exit::MASKED)
}

/// What would be done to a table.
struct OfStep<'a> {
    task: &'a str,
    table: String,
    rows: Option<u64>,
    strategy: &'static str,
    why: String,
    room: Room,
    job: &'a Job,
    masked: &'a [(String, String)],
    unmasked: &'a [String],
    /// Tables that change with it.
    following: &'a [TablePlan],
}

impl OfStep<'_> {
    fn write_page(&self, page: &mut String) -> std::fmt::Result {
        let rows = self.rows.map(|rows| format!(", about {rows} rows"));
        let table = one_line(&self.table);
        writeln!(page, "{}: {table}{}", self.task, rows.unwrap_or_default())?;
        writeln!(page, "  {}: {}", self.strategy, one_line(&self.why))?;
        let free = match self.room.free {
            Some(free) => format!("{} are free", bytes(free)),
            None => "nobody can tell us how much is free".to_owned(),
        };
        let needed = bytes(self.room.needed);
        writeln!(page, "  room    about {needed}; {free}")?;
        match &self.job.key {
            Some(key) => writeln!(page, "  key     {}", one_line(&key.join(", ")))?,
            None => writeln!(page, "  key     none: rows are told by where they lie")?,
        }
        for (column, masks) in self.masked {
            writeln!(page, "  masked  {}: {masks}", one_line(column))?;
        }
        for (table, column, masks) in self.followed() {
            let (table, column) = (one_line(&table), one_line(column));
            writeln!(page, "  follows {column} of {table}: {masks}")?;
        }
        for column in &self.job.read {
            writeln!(page, "  read    {}", one_line(column))?;
        }
        let others = self.unmasked.iter();
        for column in others.filter(|column| !self.job.read.contains(column)) {
            let what = match self.strategy {
                "update" => "left   ",
                _ => "copied ",
            };
            writeln!(page, "  {what} {}", one_line(column))?;
        }
        Ok(())
    }

    /// Columns that follow masked ones: table, name and masks.
    fn followed(&self) -> impl Iterator<Item = (String, &String, &String)> {
        self.following.iter().flat_map(|plan| {
            let shown = plan.table.facts().shown();
            let columns = plan.masked.iter();
            columns.map(move |(column, masks)| (shown.clone(), column, masks))
        })
    }

    fn as_json(&self) -> serde_json::Value {
        let masked = self.masked.iter().cloned();
        let followed = self.followed().map(
            |(table, column, masks)| json!({"table": table, "column": column, "masks": masks}),
        );
        json!({
            "task": self.task, "table": self.table, "rows": self.rows.unwrap_or(0),
            "strategy": self.strategy, "why": self.why,
            "room": {"needed": self.room.needed, "free": self.room.free}, "key": self.job.key, "read": self.job.read,
            "unmasked": self.unmasked, "followed": followed.collect::<Vec<_>>(),
            "masked": masked.collect::<std::collections::BTreeMap<_, _>>(),
        })
    }
}

fn as_page(planned: &Planned, page: &mut String) -> std::fmt::Result {
    for (number, group) in planned.groups.iter().enumerate() {
        let slices = group.group.source.slices();
        writeln!(
            page,
            "group {number}: {}, {slices} slices",
            group.group.source.describe()
        )?;
        for (unit, &file) in group.files.iter().enumerate() {
            let object = &planned.files[file].object;
            let slices = group.group.group.slices_of(unit).len();
            writeln!(
                page,
                "  {}  {}  {slices} slices",
                one_line(&object.path),
                bytes(object.size)
            )?;
        }
        if let Some((rows, counted)) = &group.numbered {
            writeln!(page, "  counted {rows} records, {counted}")?;
        }
        for path in &group.shuffled {
            writeln!(page, "  shuffled {path}: in a further pass over each file")?;
        }
        for (path, masks) in &group.masked {
            writeln!(page, "  masked  {}: {masks}", one_line(path))?;
        }
        for path in &group.read {
            writeln!(page, "  read    {}", one_line(path))?;
        }
        for path in group.copied() {
            writeln!(page, "  copied  {}", one_line(path))?;
        }
        for (part, plan) in group.plans.iter().enumerate() {
            let part = match group.plans.len() {
                1 => String::new(),
                parts => format!(" of part {} of {parts}", part + 1),
            };
            writeln!(page, "logical plan{part}:\n{}", logical(plan))?;
            writeln!(page, "physical plan{part}:\n{}", physical(plan))?;
        }
    }
    for file in &planned.files {
        let path = one_line(&file.object.path);
        match &file.action {
            Action::Copy => writeln!(page, "copied whole: {path}")?,
            Action::Skip(reason) => writeln!(page, "left out: {path} ({reason})")?,
            Action::Archived => writeln!(page, "left out: {path} (archived)")?,
            Action::Mask { .. } | Action::Done { .. } => {}
        }
    }
    Ok(())
}

fn logical(plan: &TaskPlan) -> String {
    plan.logical.display_indent().to_string()
}

fn physical(plan: &TaskPlan) -> String {
    let plan = displayable(plan.physical.as_ref());
    plan.indent(false).to_string()
}

fn as_json(planned: &Planned) -> serde_json::Value {
    let group = |group: &GroupPlan| {
        let files: Vec<_> = group
            .files
            .iter()
            .map(|&f| &planned.files[f].object.path)
            .collect();
        let each = |drawn: &dyn Fn(&TaskPlan) -> String| {
            let drawn: Vec<_> = group.plans.iter().map(drawn).collect();
            drawn.join("\n")
        };
        json!({
            "source": group.group.source.describe(),
            "slices": group.group.source.slices(),
            "files": files,
            "masked": group.masked.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "counted": group.numbered.map(|(rows, how)| json!({"records": rows, "how": how})),
            "shuffled": group.shuffled,
            "read": group.read,
            "copied": group.copied().collect::<Vec<_>>(),
            "logical_plan": each(&logical),
            "physical_plan": each(&physical),
        })
    };
    let others = planned.files.iter().filter_map(|file| match &file.action {
        Action::Copy => Some(json!({"path": file.object.path, "action": "copy"})),
        Action::Skip(why) => {
            Some(json!({"path": file.object.path, "action": "skip", "reason": why}))
        }
        Action::Archived => Some(json!({"path": file.object.path, "action": "archived"})),
        Action::Mask { .. } | Action::Done { .. } => None,
    });
    json!({
        "groups": planned.groups.iter().map(group).collect::<Vec<_>>(),
        "others": others.collect::<Vec<_>>(),
    })
}
