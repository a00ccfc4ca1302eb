//! A table whose columns are masked before any query sees them.
//!
//! To DataFusion a [`MaskedTable`] is a source like any other: its optimiser finds masked columns, no
//! masks, and below [`MaskExec`](crate::MaskExec) nothing at all. So no filter, projection or limit of a
//! query moves to where raw values are, except a comparison of a column that is not masked with
//! literals, which can neither fail nor tell anything.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result, exec_err};
use datafusion::datasource::TableType;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use crate::mask_exec::{MaskExec, Masking};
use crate::plan::{MaskedColumn, Places, column, masked_exprs};

/// Any table, masked.
pub struct MaskedTable {
    inner: Arc<dyn TableProvider>,
    schema: SchemaRef,
    columns: Vec<Shown>,
    context: Option<Arc<TaskContext>>,
    source_errors: bool,
    workers: Option<usize>,
}

/// A column as queries see it.
#[derive(Debug, Clone)]
struct Shown {
    expr: Expr,
    masked: bool,
}

impl MaskedTable {
    /// `inner` with `columns` masked. Columns named in `hidden` are there for masks only. `places` names
    /// the columns that tell where a record lies, for masks that draw by it.
    ///
    /// # Errors
    /// When a masked column is not among those of the table.
    pub fn try_new(
        inner: Arc<dyn TableProvider>,
        columns: Vec<MaskedColumn>,
        places: Option<Places>,
        hidden: &[&str],
    ) -> Result<Self> {
        let raw = inner.schema();
        let nullable: Vec<String> = columns
            .iter()
            .filter(|column| column.steps.iter().any(|step| step.mask.may_give_null()))
            .map(|column| column.column.clone())
            .collect();
        let mut masks = masked_exprs(columns, &raw, places);
        let mut shown = vec![];
        let mut fields = vec![];
        for field in raw.fields() {
            let name = field.name();
            let mask = masks.iter().position(|(masked, _)| masked == name);
            if hidden.contains(&name.as_str()) && mask.is_none() {
                continue;
            }
            match mask.map(|at| masks.swap_remove(at)) {
                Some((_, expr)) => {
                    // Metadata of a masked column may hold values, such as bounds.
                    let null = field.is_nullable() || nullable.contains(name);
                    fields.push(Arc::new(Field::new(name, field.data_type().clone(), null)));
                    shown.push(Shown { expr, masked: true });
                }
                None => {
                    fields.push(Arc::clone(field));
                    shown.push(Shown {
                        expr: column(name),
                        masked: false,
                    });
                }
            }
        }
        if let Some((name, _)) = masks.first() {
            return exec_err!("the table has no column `{name}` to mask");
        }
        Ok(Self {
            inner,
            schema: Arc::new(Schema::new(fields)),
            columns: shown,
            context: None,
            source_errors: false,
            workers: None,
        })
    }

    /// What the table itself is read in, such as a context with the stores it needs; queries then run
    /// in one that has none. By default the query's own.
    #[must_use]
    pub fn with_context(mut self, context: Arc<TaskContext>) -> Self {
        self.context = Some(context);
        self
    }

    /// Passes errors of the table on as they are: for sources that keep values out of them. By default
    /// they only say that the source failed.
    #[must_use]
    pub fn with_source_errors(mut self) -> Self {
        self.source_errors = true;
        self
    }

    /// Reads at most `workers` partitions of the table at once, one after the other in each worker, and
    /// lets workers that have none mask batches of the others. By default each partition is read and
    /// masked as a query asks for it, which opens a table of many files all at once.
    #[must_use]
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Whether `filter` may be applied to raw rows: it compares columns that are not masked with
    /// literals, and cannot fail.
    fn may_cross(&self, filter: &Expr) -> bool {
        use Operator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
        let is_open = |expr: &Expr| match expr {
            Expr::Column(found) => {
                let at = self.schema.index_of(&found.name);
                at.is_ok_and(|at| !self.columns[at].masked)
            }
            _ => false,
        };
        let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(..));
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                And | Or => self.may_cross(left) && self.may_cross(right),
                Eq | NotEq | Lt | LtEq | Gt | GtEq => {
                    is_open(left) && is_literal(right) || is_literal(left) && is_open(right)
                }
                _ => false,
            },
            Expr::Not(inner) => self.may_cross(inner),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => is_open(inner),
            Expr::InList(list) => is_open(&list.expr) && list.list.iter().all(is_literal),
            _ => false,
        }
    }
}

impl Debug for MaskedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskedTable")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for MaskedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let mut answers = vec![];
        for filter in filters {
            answers.push(match self.may_cross(filter) {
                true => {
                    let answer = self.inner.supports_filters_pushdown(&[filter])?;
                    answer
                        .into_iter()
                        .next()
                        .unwrap_or(TableProviderFilterPushDown::Unsupported)
                }
                false => TableProviderFilterPushDown::Unsupported,
            });
        }
        Ok(answers)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !filters.iter().all(|filter| self.may_cross(filter)) {
            return exec_err!("a masked table does not take this filter");
        }
        let chosen: Vec<usize> = match projection {
            Some(chosen) => chosen.clone(),
            None => (0..self.columns.len()).collect(),
        };
        let shown: Vec<&Shown> = chosen.iter().map(|at| &self.columns[*at]).collect();
        let raw = self.inner.schema();
        let mut needed = BTreeSet::new();
        for column in shown.iter().flat_map(|shown| shown.expr.column_refs()) {
            needed.insert(raw.index_of(&column.name)?);
        }
        let needed: Vec<usize> = needed.into_iter().collect();
        let input = self
            .inner
            .scan(state, Some(&needed), filters, limit)
            .await?;
        let names = DFSchema::try_from(input.schema())?;
        let exprs = shown
            .iter()
            .map(|shown| {
                Ok((
                    state.create_physical_expr(shown.expr.clone(), &names)?,
                    shown.masked,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let masking = Masking {
            exprs,
            schema: Arc::new(self.schema.project(&chosen)?),
            source_errors: self.source_errors,
        };
        Ok(Arc::new(MaskExec::new(
            input,
            masking,
            self.context.clone(),
            self.workers,
        )))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StringViewArray, StringViewBuilder,
    };
    use arrow::buffer::Buffer;
    use arrow::datatypes::{DataType, Int64Type};
    use datafusion::catalog::streaming::StreamingTable;
    use datafusion::common::DataFusionError;
    use datafusion::datasource::MemTable;
    use datafusion::execution::SendableRecordBatchStream;
    use datafusion::functions_aggregate::expr_fn::count;
    use datafusion::logical_expr::{cast, col, lit, when};
    use datafusion::physical_plan::displayable;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use datafusion::physical_plan::streaming::PartitionStream;
    use datafusion::prelude::SessionContext;
    use serde_json::json;
    use visard_udfs::{ColumnMask, ColumnRule, DrawBy, MaskNode, Root, SeedFiles, SeedTable};

    use super::*;
    use crate::plan::MaskedStep;

    struct NoSeeds;

    impl SeedFiles for NoSeeds {
        fn table(&self, _: &str) -> Result<Arc<SeedTable>, String> {
            Err("none".to_owned())
        }
    }

    fn masked(column: &str, data_type: &DataType, mask: serde_json::Value) -> MaskedColumn {
        let node: MaskNode = serde_json::from_value(mask).unwrap();
        let rule = ColumnRule {
            path: column.to_owned(),
            masks: vec![node],
            draw_by: DrawBy::Place,
            chooses: None,
            conditional: false,
            places: None,
            first: true,
        };
        let root = Root::new(b"golden run secret 0123456789", None);
        let mask = ColumnMask::bind(&rule, data_type, &root, &NoSeeds).unwrap();
        MaskedColumn {
            column: column.to_owned(),
            steps: vec![MaskedStep {
                mask,
                condition: None,
            }],
        }
    }

    /// People with their numbers, in two partitions; `ssn` is hashed and `card` cut to its end.
    fn people() -> MaskedTable {
        let batch = |ids: [i64; 3]| {
            let text = |prefix: &str| ids.map(|id| format!("{prefix}{id} in a buffer of its own"));
            let (ssn, card) = (text("secret ssn "), text("secret card "));
            let columns: [(&str, ArrayRef); 3] = [
                ("id", Arc::new(Int64Array::from(ids.to_vec()))),
                ("ssn", Arc::new(StringViewArray::from_iter_values(ssn))),
                ("card", Arc::new(StringViewArray::from_iter_values(card))),
            ];
            RecordBatch::try_from_iter(columns).unwrap()
        };
        let parts = vec![vec![batch([1, 2, 3])], vec![batch([4, 5, 6])]];
        let table = MemTable::try_new(parts[0][0].schema(), parts).unwrap();
        let view = DataType::Utf8View;
        let columns = vec![
            masked("ssn", &view, json!({"type": "hash"})),
            masked(
                "card",
                &view,
                json!({"type": "take_substring", "start_index": 12}),
            ),
        ];
        MaskedTable::try_new(Arc::new(table), columns, None, &[]).unwrap()
    }

    fn context() -> SessionContext {
        let context = SessionContext::new();
        context
            .register_table("people", Arc::new(people()))
            .unwrap();
        context
    }

    /// The buffers of `batches`, as IPC would send them.
    fn wire(batches: &[RecordBatch]) -> Vec<u8> {
        let mut bytes = vec![];
        let columns = batches.iter().flat_map(RecordBatch::columns);
        let mut data: Vec<_> = columns.map(|column| column.to_data()).collect();
        while let Some(next) = data.pop() {
            for buffer in next.buffers() {
                bytes.extend_from_slice(buffer.as_slice());
            }
            data.extend(next.child_data().iter().cloned());
        }
        bytes
    }

    fn holds(bytes: &[u8], text: &str) -> bool {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    #[tokio::test]
    async fn queries_see_masked_values_only() {
        let table = context().table("people").await.unwrap();
        let sorted = table.sort_by(vec![col("id")]).unwrap();
        let batches = sorted.collect().await.unwrap();
        let ids = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().clone();
        let ids: Vec<_> = batches.iter().map(ids).collect();
        let ids: Vec<_> = ids.iter().flat_map(|ids| ids.values().to_vec()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
        assert_eq!(batches[0].column(1).as_string_view().value(0).len(), 32);
        let card = batches[0].column(2).as_string_view();
        assert_eq!(card.value(0), "1 in a buffer of its own");
        let bytes = wire(&batches);
        assert!(holds(&bytes, "in a buffer") && !holds(&bytes, "secret"));
    }

    #[tokio::test]
    async fn filters_do_not_reach_raw_values() {
        let context = context();
        for filter in [
            col("ssn").eq(lit("secret ssn 1 in a buffer of its own")),
            col("ssn").like(lit("secret%")),
            col("card").like(lit("%card%")),
        ] {
            let table = context.table("people").await.unwrap();
            let found = table.filter(filter).unwrap();
            assert_eq!(found.count().await.unwrap(), 0);
        }
        // What fails, fails on masked values, and says no other.
        let failing = cast(col("ssn"), DataType::Int64).eq(lit(1_i64));
        let table = context.table("people").await.unwrap();
        let error = table.filter(failing).unwrap().collect().await.unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn values_behind_nulls_and_in_views_are_masked_ones() {
        let hidden = when(col("id").lt(lit(0_i64)), col("ssn")).end().unwrap();
        let table = context().table("people").await.unwrap();
        let chosen = table.select(vec![hidden, col("card")]).unwrap();
        let batches = chosen.collect().await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 6);
        assert!(!holds(&wire(&batches), "secret"));
    }

    #[tokio::test]
    async fn open_columns_are_compared_by_the_source() {
        let table = people();
        for (filter, crosses) in [
            (col("id").gt(lit(1_i64)), true),
            (col("id").in_list(vec![lit(1_i64), lit(2_i64)], true), true),
            (col("id").is_null().or(lit(1_i64).eq(col("id"))), true),
            (!col("id").eq(lit(1_i64)), true),
            (col("ssn").is_null(), false),
            (col("id").eq(lit(1_i64)).and(col("ssn").eq(lit("x"))), false),
            (cast(col("id"), DataType::Utf8).eq(lit("1")), false),
            ((col("id") + lit(1_i64)).eq(lit(2_i64)), false),
            (col("id").eq(col("id")), false),
            (col("none").eq(lit(1_i64)), false),
        ] {
            assert_eq!(table.may_cross(&filter), crosses, "{filter}");
        }
        let context = context();
        let rows = context.table("people").await.unwrap();
        let rows = rows.filter(col("id").gt(lit(4_i64))).unwrap();
        assert_eq!(rows.count().await.unwrap(), 2);
        let all = context.table("people").await.unwrap();
        let counted = all.aggregate(vec![], vec![count(lit(1_i64))]).unwrap();
        let counted = counted.collect().await.unwrap();
        assert_eq!(counted[0].column(0).as_primitive::<Int64Type>().value(0), 6);
    }

    #[tokio::test]
    async fn a_plan_shows_no_more_than_names() {
        let table = context().table("people").await.unwrap();
        let plan = table.create_physical_plan().await.unwrap();
        let shown = format!("{} {plan:?}", displayable(plan.as_ref()).indent(true));
        assert!(shown.contains("masked=[ssn, card], open=[id]"), "{shown}");
        assert!(
            !shown.contains("DataSource") && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[tokio::test]
    async fn a_limit_and_a_choice_of_columns() {
        let table = context().table("people").await.unwrap();
        let some = table.select(vec![col("card")]).unwrap();
        assert_eq!(some.limit(0, Some(2)).unwrap().count().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn open_columns_do_not_carry_raw_ones_along() {
        // As a text source has it: all fields of a record are views into one block.
        let mut text = StringViewBuilder::new();
        let block = text.append_block(Buffer::from(
            &b"an open field of some length,secret ssn"[..],
        ));
        text.try_append_view(block, 0, 28).unwrap();
        let note: ArrayRef = Arc::new(text.finish());
        assert!(holds(note.to_data().buffers()[1].as_slice(), "secret"));
        let ssn: ArrayRef = Arc::new(StringViewArray::from(vec!["secret ssn"]));
        let batch = RecordBatch::try_from_iter([("note", note), ("ssn", ssn)]).unwrap();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        let masks = vec![masked("ssn", &DataType::Utf8View, json!({"type": "hash"}))];
        let table = MaskedTable::try_new(Arc::new(table), masks, None, &[]).unwrap();
        let rows = SessionContext::new().read_table(Arc::new(table)).unwrap();
        let bytes = wire(&rows.collect().await.unwrap());
        assert!(holds(&bytes, "an open field") && !holds(&bytes, "secret"));
    }

    /// A partition that fails and quotes what it read.
    #[derive(Debug)]
    struct Failing(SchemaRef);

    impl PartitionStream for Failing {
        fn schema(&self) -> &SchemaRef {
            &self.0
        }

        fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
            let error = DataFusionError::Execution("cannot parse `secret`".to_owned());
            let batches = futures::stream::iter([Err(error)]);
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.0), batches))
        }
    }

    #[tokio::test]
    async fn errors_of_the_source_are_not_told_unless_asked_for() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8View, true)]));
        let failing = Arc::new(Failing(Arc::clone(&schema)));
        let source = Arc::new(StreamingTable::try_new(schema, vec![failing]).unwrap());
        let masks = || vec![masked("a", &DataType::Utf8View, json!({"type": "hash"}))];
        let table = || MaskedTable::try_new(Arc::clone(&source) as _, masks(), None, &[]).unwrap();
        for (table, told) in [(table(), false), (table().with_source_errors(), true)] {
            let rows = SessionContext::new().read_table(Arc::new(table)).unwrap();
            let error = rows.collect().await.unwrap_err().to_string();
            assert_eq!(error.contains("secret"), told, "{error}");
        }
    }

    #[test]
    fn a_column_that_is_not_there() {
        let batch: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let batch = RecordBatch::try_from_iter([("a", batch)]).unwrap();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        let masks = vec![masked("b", &DataType::Utf8, json!({"type": "hash"}))];
        assert!(MaskedTable::try_new(Arc::new(table), masks, None, &[]).is_err());
    }
}
