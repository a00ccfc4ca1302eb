//! The tables of a database as masked tables that queries can be asked of.
//!
//! They are read as copies are: `where` and `max_rows` choose rows, and only tables of the ruleset are there.

use std::collections::HashMap;
use std::sync::Arc;

use visard_connectors::{DatabaseError, NUMBER_COLUMN, PATH_COLUMN, ROW_COLUMN, Source, UnitTable};
use visard_engine::udfs::Root;
use visard_engine::{MaskedTable, Places};

use super::copy::{CopyPlan, Elsewhere};
use super::plan::{Planning, Step, plan_tables};
use super::server::open_database_of;
use crate::check::tables::{Table, TableColumn, refuse_masks_of_whole_runs};
use crate::check::{CopyFrom, Loaded};
use crate::language::{Diagnostic, Diagnostics, codes};

/// Plans the tables of the database of `loaded` and makes them ready to be read, with masks under `root`. Nothing
/// comes back where there are errors.
pub async fn tables_of_database(
    loaded: &Loaded,
    root: &Root,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Table>> {
    refuse_masks_of_whole_runs(&loaded.ruleset, diagnostics);
    let place = &loaded.pipeline.source;
    let database = open_database_of(loaded, place, diagnostics).await?;
    let asked = Planning {
        dry_run: true,
        ..Planning::default()
    };
    let places = (database, Some(Elsewhere::Queries));
    let planned = plan_tables(loaded, places, root, asked, diagnostics).await?;
    let held = planned.hold().await;
    let steps = planned.steps.into_iter();
    let plans = steps.filter_map(|step| match step {
        Step::Copy(plan) => Some(*plan),
        Step::Mask(_) | Step::Sql { .. } => None,
    });
    let plans: Vec<CopyPlan> = plans.collect();
    let mut tables = Vec::with_capacity(plans.len());
    let opened = async {
        held?;
        for (name, plan) in names(&plans).into_iter().zip(plans) {
            tables.push(table(loaded, name, plan).await?);
        }
        Ok::<_, DatabaseError>(())
    };
    if let Err(error) = opened.await {
        let problem = Diagnostic::new(&codes::CONNECTION_FAILED, error.to_string());
        diagnostics.push(problem.at(place.connection.span, ""));
        return None;
    }
    Some(tables)
}

/// What queries call the tables: by their names, and those that share one with the schema in front.
fn names(plans: &[CopyPlan]) -> Vec<String> {
    let of = |plan: &CopyPlan| match &plan.from {
        CopyFrom::Table(table) => (table.facts().schema.clone(), table.facts().name.clone()),
        CopyFrom::Files { .. } => (None, plan.task.clone()),
    };
    let mut shared: HashMap<String, usize> = HashMap::new();
    for plan in plans {
        *shared.entry(of(plan).1.to_lowercase()).or_default() += 1;
    }
    let named = plans.iter().map(of).map(|(schema, name)| match schema {
        Some(schema) if shared[&name.to_lowercase()] > 1 => format!("{schema}_{name}"),
        _ => name,
    });
    named.collect()
}

async fn table(loaded: &Loaded, name: String, plan: CopyPlan) -> Result<Table, DatabaseError> {
    let shown = plan.shown();
    let origin = plan.origin(plan.job.clone()).await?;
    let rows = origin.schema();
    // Columns that only masks and writers read, those of joined tables among them.
    let is_copied = |name: &str| plan.copied.iter().any(|column| column.name == name);
    let names = rows.fields().iter().map(|field| field.name().as_str());
    let hidden: Vec<&str> = names.filter(|name| !is_copied(name)).collect();
    let masked = MaskedTable::try_new(
        Arc::new(UnitTable(Arc::clone(&origin) as Arc<dyn Source>)),
        plan.columns,
        Some(Places {
            path: PATH_COLUMN,
            row: ROW_COLUMN,
            number: NUMBER_COLUMN,
        }),
        &hidden,
    );
    let masked = masked
        .map_err(|error| DatabaseError::new(error.strip_backtrace()))?
        // Our readers keep values out of their errors.
        .with_source_errors()
        .with_workers(loaded.pipeline.options.workers_or_cores());
    let columns = TableColumn::all(&masked, |column| {
        let of_column = plan.masked.iter().filter(|(masked, _)| masked == column);
        of_column.cloned().collect()
    });
    Ok(Table {
        name,
        files: Vec::new(),
        of_database: Some(shown),
        columns,
        masked,
    })
}
