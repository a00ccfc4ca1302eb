//! Arguments of masks where the columns cannot be looked at, because errors elsewhere stand in front: what
//! no column would make right is told all the same.

use arrow::datatypes::{DataType, TimeUnit};
use visard_engine::udfs::{
    BindError, ColumnMask, ColumnRule, DrawBy, HashColumn, PlaceUnit, Root, SeedFiles,
};

use super::rules::{mask_node, mask_span};
use crate::language::{Diagnostic, Diagnostics, Rule, Ruleset, codes};

/// A column of each kind that masks tell apart.
const COLUMNS: [DataType; 8] = [
    DataType::Utf8View,
    DataType::Int64,
    DataType::Decimal128(18, 2),
    DataType::Float64,
    DataType::Date32,
    DataType::Timestamp(TimeUnit::Microsecond, None),
    DataType::Boolean,
    DataType::Binary,
];

/// Reports rules with an argument that is wrong whatever the column is.
pub(super) fn check_arguments(
    ruleset: &Ruleset,
    root: &Root,
    seeds: &dyn SeedFiles,
    diagnostics: &mut Diagnostics,
) {
    for rule in ruleset.tasks.iter().flat_map(|task| &task.rules) {
        let Some(error) = wrong_everywhere(rule, root, seeds) else {
            continue;
        };
        if let Some(span) = mask_span(rule, &error.path) {
            let problem = Diagnostic::new(&codes::BAD_MASK, error.to_string());
            diagnostics.push(problem.at(span, ""));
        }
    }
}

/// The error of an argument that no column does without.
fn wrong_everywhere(rule: &Rule, root: &Root, seeds: &dyn SeedFiles) -> Option<BindError> {
    if rule.masks.iter().any(|mask| mask.node.is_broken()) {
        return None;
    }
    let own = HashColumn {
        column: "column".to_owned(),
        ..HashColumn::default()
    };
    let column_rule = ColumnRule {
        path: "column".to_owned(),
        masks: rule.masks.iter().map(mask_node).collect(),
        draw_by: match rule.hash_columns.as_deref().unwrap_or_default() {
            [] => DrawBy::Place,
            _ => DrawBy::Columns(vec![own]),
        },
        chooses: None,
        conditional: false,
        places: Some(PlaceUnit::Row),
        first: true,
    };
    let mut found: Option<BindError> = None;
    for column in &COLUMNS {
        let error = ColumnMask::bind(&column_rule, column, root, seeds).err()?;
        // It is the column that does not fit.
        if error.path.is_empty() || error.path.ends_with("type") {
            continue;
        }
        match &found {
            Some(other) if other.path != error.path => return None,
            Some(_) => {}
            None => found = Some(error),
        }
    }
    found
}
