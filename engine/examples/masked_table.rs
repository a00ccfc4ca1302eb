//! An ETL job of one's own that reads a table masked: `cargo run -p visard-engine --example masked_table`.
//!
//! Any `TableProvider` will do in the place of the one in memory. Filters, joins and projections of
//! the job see masked values only.

#![allow(clippy::print_stdout)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::{SessionContext, col, lit};
use serde_json::json;
use visard_engine::udfs::{ColumnMask, ColumnRule, DrawBy, MaskNode, Root, ShippedSeeds};
use visard_engine::{MaskedColumn, MaskedStep, MaskedTable};

/// `column`, masked by what a ruleset would say of it. Equal ids draw alike.
fn masked(root: &Root, column: &str, mask: serde_json::Value) -> Result<MaskedColumn> {
    let wrong = |error| DataFusionError::External(Box::new(error));
    let mask: MaskNode =
        serde_json::from_value(mask).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let rule = ColumnRule {
        path: column.to_owned(),
        masks: vec![mask],
        draw_by: DrawBy::Columns(vec!["id".into()]),
        chooses: None,
        conditional: false,
        places: None,
        first: true,
    };
    let mask = ColumnMask::bind(&rule, &DataType::Utf8, root, &ShippedSeeds).map_err(wrong)?;
    Ok(MaskedColumn {
        column: column.to_owned(),
        steps: vec![MaskedStep {
            mask,
            condition: None,
        }],
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        (
            "name",
            Arc::new(StringArray::from(vec!["Ana", "Bo", "Chloé"])),
        ),
        (
            "card",
            Arc::new(StringArray::from(vec![
                "4111-1111-1111-1111",
                "5500-0000-0000-0004",
                "3400-0000-0000-009",
            ])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    let raw = MemTable::try_new(batch.schema(), vec![vec![batch]])?;

    // In earnest the secret comes from where secrets are kept.
    let root = Root::new(b"an example's run secret", None);
    let names = json!({"type": "from_file", "seed_file": "DataMasque_firstNames_mixed.csv", "seed_column": "firstname-mixed"});
    let cards = json!({"type": "partial", "unmasked_from_right": 4, "chars_to_ignore": "-"});
    let rules = vec![masked(&root, "name", names)?, masked(&root, "card", cards)?];
    let people = MaskedTable::try_new(Arc::new(raw), rules, None, &[])?;

    let context = SessionContext::new();
    context.register_table("people", Arc::new(people))?;
    let people = context.table("people").await?;
    people.clone().show().await?;
    // Nobody finds out whose card it was.
    let asked = people.filter(col("card").eq(lit("4111-1111-1111-1111")))?;
    println!("rows with that card: {}", asked.count().await?);
    Ok(())
}
