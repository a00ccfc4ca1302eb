//! Whether a table is updated or rewritten, and why.

use visard_connectors::database::Table;

use crate::language::Strategy;

/// How a table is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Whether the whole table is written anew; else rows are updated.
    pub rewrite: bool,
    /// Why this and not the other.
    pub why: String,
}

impl Way {
    /// The strategy as a ruleset spells it.
    pub fn name(&self) -> &'static str {
        match self.rewrite {
            true => "rewrite",
            false => "update",
        }
    }
}

/// What the way depends on besides the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    /// What the ruleset or the pipeline asks for.
    pub(super) strategy: Strategy,
    /// Whether an earlier attempt of the run began with a rewrite, or with updates: then the run goes on so.
    pub(super) begun: Option<bool>,
    /// Whether only some rows are masked.
    pub(super) some_rows: bool,
    /// Whether an update would go by units.
    pub(super) in_units: bool,
    /// A column of the masked table itself that is read by a join, and masked.
    pub(super) joined: Option<&'a str>,
    /// Whether values change their rows.
    pub(super) shuffled: bool,
    /// Whether tables that refer to masked columns change with it.
    pub(super) followed: bool,
    /// Why it cannot be rewritten together with them.
    pub(super) obstacles: &'a [String],
    /// Masked columns whose values have to be unique.
    pub(super) unique: &'a [String],
}

/// The way a table is masked.
///
/// # Errors
/// Why the one that is asked for cannot be taken, or neither can.
pub(super) fn choose(table: &Table, wish: Wish<'_>) -> Result<Way, String> {
    let against_rewrite = against_rewrite(table, wish);
    let against_update = against_update(table, wish);
    let way = |rewrite: bool, why: &str| {
        Ok(Way {
            rewrite,
            why: why.to_owned(),
        })
    };
    let (strategy, why) = match wish.begun {
        Some(true) => (Strategy::Rewrite, "the run began with it"),
        Some(false) => (Strategy::Update, "the run began with it"),
        None => (wish.strategy, "it is asked for"),
    };
    match (strategy, against_rewrite.first(), against_update.first()) {
        (Strategy::Update, _, None) => way(false, why),
        (Strategy::Rewrite, None, _) => way(true, why),
        (Strategy::Update, _, Some(reason)) => Err(format!("it cannot be updated: {reason}")),
        (Strategy::Rewrite, Some(reason), _) => Err(format!("it cannot be rewritten: {reason}")),
        (Strategy::Auto, None, None) if table.prefers_update.is_some() => {
            way(false, table.prefers_update.unwrap_or_default())
        }
        (Strategy::Auto, None, _) => {
            way(true, "most of the table changes, and nothing is in the way")
        }
        (Strategy::Auto, Some(reason), None) => way(false, reason),
        (Strategy::Auto, Some(rewrite), Some(update)) => Err(format!(
            "it can neither be rewritten ({rewrite}) nor updated ({update})"
        )),
    }
}

fn against_rewrite(table: &Table, wish: Wish<'_>) -> Vec<String> {
    let mut reasons = table.rewrite_obstacles.clone();
    if wish.some_rows {
        reasons.push("only some of its rows are masked".to_owned());
    }
    reasons.extend_from_slice(wish.obstacles);
    reasons
}

fn against_update(table: &Table, wish: Wish<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(column) = wish.joined {
        reasons.push(format!(
            "`{column}` is read of other rows of the table, where an update may have masked it already"
        ));
    }
    if wish.shuffled {
        reasons.push("`secure_shuffle` needs all rows at once".to_owned());
    }
    if wish.followed {
        let reason = "what refers to its masked columns changes with them, which only a rewrite does in one transaction";
        reasons.push(reason.to_owned());
    }
    if let Some(column) = wish.unique.first() {
        // An update of one range may give a value that a row of another still has.
        reasons.push(format!(
            "masked values of `{column}` could meet old ones half way, and an index asks for unique ones"
        ));
    }
    reasons.extend_from_slice(&table.update_obstacles);
    if wish.in_units {
        reasons.extend_from_slice(&table.unit_obstacles);
    }
    reasons
}
