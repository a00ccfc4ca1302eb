//! `visard plan`.

use std::fmt::Write;

use datafusion::physical_plan::displayable;
use serde_json::json;
use visard_engine::TaskPlan;

use super::{PipelineArgs, print, report};
use crate::check::{self, Action, GroupPlan, Planned};
use crate::language::{Diagnostics, Sources, one_line};
use crate::run::{bytes, exit, look};

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
