//! SQL over masked tables, and over nothing else.
//!
//! The session of a query has no other table, no store, no file format and no function that reads
//! anything, so that there is nothing raw to lead a query to. What is not a query is refused twice: by
//! its first word, and by the nodes of its plan.

use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, TableReference};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::{
    DefaultObjectStoreRegistry, ObjectStoreRegistry, ObjectStoreUrl,
};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateDefaults};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast;

use crate::error::{EngineError, root_message};
use crate::masked_table::MaskedTable;

/// Consumers of memory that are named when there is not enough.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// Masked tables to ask in SQL.
pub struct Queries {
    context: SessionContext,
}

/// Why a query is not answered. Never holds a raw value; it may quote the query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It is empty, more than one statement, or one that does more than ask.
    #[error("{0}")]
    NotAQuery(&'static str),
    /// It cannot be understood, or names what there is not.
    #[error("{}", root_message(.0))]
    Wrong(#[source] DataFusionError),
    /// It failed on its way. It may quote masked values.
    #[error("{}", root_message(.0))]
    Failed(#[source] DataFusionError),
}

impl Queries {
    /// No table yet. Queries sort, group and join in `memory_bytes`, beyond which they go on in temporary
    /// files that hold masked rows, with `workers` threads at work.
    ///
    /// # Errors
    /// When there is no folder for temporary files.
    pub fn try_new(memory_bytes: usize, workers: usize) -> Result<Self, EngineError> {
        // As it is made, it knows the file system.
        let stores = DefaultObjectStoreRegistry::new();
        let files = ObjectStoreUrl::local_filesystem();
        let runtime = stores
            .deregister_store(files.as_ref())
            .and_then(|_| {
                let pool = FairSpillPool::new(memory_bytes);
                RuntimeEnvBuilder::new()
                    .with_object_store_registry(Arc::new(stores))
                    .with_memory_pool(Arc::new(TrackConsumersPool::new(pool, NAMED_CONSUMERS)))
                    .build_arc()
            })
            .map_err(EngineError::Plan)?;
        let mut config = SessionConfig::new()
            .with_target_partitions(workers.max(1))
            .with_default_catalog_and_schema("visard", "masked");
        // Columns are called as files call them, in whatever case.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
            .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
            .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
            .with_window_functions(SessionStateDefaults::default_window_functions())
            .build();
        Ok(Self {
            context: SessionContext::new_with_state(state),
        })
    }

    /// Adds `table` as `name`.
    ///
    /// # Errors
    /// When there is a table of that name.
    pub fn add(&self, name: &str, table: MaskedTable) -> Result<(), EngineError> {
        let name = TableReference::bare(name);
        let table = self.context.register_table(name, Arc::new(table));
        table.map(|_| ()).map_err(EngineError::Plan)
    }

    /// Plans the one query in `sql` and begins to answer it. Rows come as they are found. An error among
    /// them is one for [`QueryError::Failed`]: it may quote masked values, and no others.
    ///
    /// # Errors
    /// When `sql` is not one query, or cannot be planned.
    pub async fn ask(&self, sql: &str) -> Result<SendableRecordBatchStream, QueryError> {
        let query = one_query(sql)?;
        let state = self.context.state();
        let plan = state.statement_to_plan(query).await;
        let plan = plan.map_err(QueryError::Wrong)?;
        if !asks_only(&plan).map_err(QueryError::Wrong)? {
            return Err(QueryError::NotAQuery(ONE_QUERY));
        }
        let plan = state.create_physical_plan(&plan).await;
        let plan = plan.map_err(QueryError::Wrong)?;
        execute_stream(plan, state.task_ctx()).map_err(QueryError::Failed)
    }
}

impl Debug for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queries").finish_non_exhaustive()
    }
}

const ONE_QUERY: &str = "one query is taken that begins with SELECT, WITH or VALUES; \
                         other statements are not";

/// The one statement in `sql`, which is a query.
fn one_query(sql: &str) -> Result<Statement, QueryError> {
    let mut statements = DFParser::parse_sql(sql).map_err(QueryError::Wrong)?;
    if statements.len() > 1 {
        return Err(QueryError::NotAQuery("one query is taken, and not several"));
    }
    match statements.pop_front() {
        None => Err(QueryError::NotAQuery("there is no query")),
        Some(statement) => match &statement {
            Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_)) => {
                Ok(statement)
            }
            _ => Err(QueryError::NotAQuery(ONE_QUERY)),
        },
    }
}

/// Whether every node of a plan, subqueries included, only asks.
fn asks_only(plan: &LogicalPlan) -> Result<bool> {
    let mut only = true;
    plan.apply_with_subqueries(|node| {
        only &= match node {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Unnest(_)
            | LogicalPlan::RecursiveQuery(_) => true,
            LogicalPlan::Statement(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::Extension(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::DescribeTable(_) => false,
        };
        Ok(match only {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    })?;
    Ok(only)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray};
    use arrow::datatypes::{DataType, Int64Type};
    use datafusion::datasource::MemTable;
    use futures::TryStreamExt;
    use serde_json::json;
    use visard_udfs::{
        ColumnMask, ColumnRule, DrawBy, MaskNode, Root, SeedFiles, SeedTable, Tally,
    };

    use super::*;
    use crate::plan::{MaskedColumn, MaskedStep};

    struct NoSeeds;

    impl SeedFiles for NoSeeds {
        fn table(&self, _: &str) -> Result<Arc<SeedTable>, String> {
            Err("none".to_owned())
        }
    }

    fn raw_ssn(id: i64) -> String {
        format!("secret{id:09}")
    }

    /// Nine people in three files; `ssn` is hashed under `secret` in `domain`, `id` is open.
    fn people(secret: &str, domain: &str) -> MaskedTable {
        let node: MaskNode =
            serde_json::from_value(json!({"type": "hash", "domain": domain})).unwrap();
        let rule = ColumnRule {
            path: "ssn".to_owned(),
            masks: vec![node],
            draw_by: DrawBy::Place,
            chooses: None,
            conditional: false,
            places: None,
            first: true,
        };
        let root = Root::new(secret.as_bytes(), None);
        let mask = ColumnMask::bind(&rule, &DataType::Utf8View, &root, &NoSeeds).unwrap();
        let column = MaskedColumn {
            column: "ssn".to_owned(),
            steps: vec![MaskedStep {
                mask,
                condition: None,
            }],
        };
        let batch = |ids: std::ops::Range<i64>| {
            let ssns: StringViewArray = ids.clone().map(raw_ssn).map(Some).collect();
            let columns: [(&str, ArrayRef); 2] = [
                ("id", Arc::new(Int64Array::from_iter_values(ids))),
                ("ssn", Arc::new(ssns)),
            ];
            RecordBatch::try_from_iter(columns).unwrap()
        };
        let parts = vec![vec![batch(0..3)], vec![batch(3..6)], vec![batch(6..9)]];
        let table = MemTable::try_new(parts[0][0].schema(), parts).unwrap();
        MaskedTable::try_new(Arc::new(table), vec![column], None, &[]).unwrap()
    }

    const SECRET: &str = "golden run secret 0123456789";

    fn queries() -> Queries {
        let queries = Queries::try_new(64 << 20, 2).unwrap();
        queries.add("people", people(SECRET, "ssn")).unwrap();
        queries
    }

    async fn answer(queries: &Queries, sql: &str) -> Result<Vec<RecordBatch>, String> {
        let rows = queries.ask(sql).await.map_err(|error| error.to_string())?;
        let batches: Result<Vec<RecordBatch>, _> = rows.try_collect().await;
        batches.map_err(|error| error.to_string())
    }

    async fn count(queries: &Queries, sql: &str) -> i64 {
        let batches = answer(queries, sql).await.unwrap();
        batches[0].column(0).as_primitive::<Int64Type>().value(0)
    }

    #[tokio::test]
    async fn questions_are_answered() {
        let queries = queries();
        for (sql, found) in [
            ("SELECT count(*) FROM people", 9),
            ("SELECT COUNT(DISTINCT ssn) FROM people;", 9),
            ("SELECT count(*) FROM people WHERE ssn LIKE 'secret%'", 0),
            (
                "SELECT count(*) FROM people WHERE id >= 3 AND length(ssn) > 0",
                6,
            ),
            ("SELECT count(*) FROM (SELECT id FROM people LIMIT 4)", 4),
            (
                "WITH few AS (SELECT * FROM people WHERE id < 2) SELECT count(*) FROM few f, few g",
                4,
            ),
            (
                "SELECT count(*) FROM people p JOIN people q ON p.ssn = q.ssn",
                9,
            ),
            (
                "SELECT count(*) FROM people WHERE ssn = (SELECT max(ssn) FROM people)",
                1,
            ),
            (
                "SELECT count(regexp_like(ssn, '^[0-9a-f]+$')) FROM people",
                9,
            ),
            ("VALUES (1)", 1),
        ] {
            assert_eq!(count(&queries, sql).await, found, "{sql}");
        }
    }

    #[tokio::test]
    async fn nothing_but_questions() {
        let folder = std::env::temp_dir().display().to_string();
        let queries = queries();
        for sql in [
            "",
            "-- nothing",
            "SELECT 1; SELECT 2",
            "EXPLAIN SELECT * FROM people",
            "EXPLAIN ANALYZE SELECT * FROM people",
            "EXPLAIN VERBOSE SELECT * FROM people WHERE ssn = 'x'",
            "DESCRIBE people",
            "SHOW TABLES",
            "SHOW ALL",
            "SET datafusion.execution.batch_size = 1",
            "RESET datafusion.execution.batch_size",
            "CREATE TABLE t AS SELECT * FROM people",
            "CREATE VIEW v AS SELECT * FROM people",
            "SELECT * INTO t FROM people",
            &format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{folder}'"),
            "CREATE FUNCTION f(INT) RETURNS INT RETURN $1",
            "DROP TABLE people",
            "INSERT INTO people VALUES (1, 'x')",
            "WITH a AS (SELECT 1) INSERT INTO people SELECT 1, 'x'",
            "DELETE FROM people",
            "UPDATE people SET id = 1",
            "TRUNCATE TABLE people",
            &format!("COPY people TO '{folder}/t.csv'"),
            "PREPARE q AS SELECT * FROM people",
            "EXECUTE q",
            "BEGIN",
            "USE other",
        ] {
            assert!(queries.ask(sql).await.is_err(), "{sql}");
        }
        assert_eq!(count(&queries, "SELECT count(*) FROM people").await, 9);
    }

    #[tokio::test]
    async fn nothing_leads_to_raw_data() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("raw.csv");
        std::fs::write(&file, "ssn\nsecret1\n").unwrap();
        let (file, folder) = (file.display(), folder.path().display());
        let queries = queries();
        for sql in [
            format!("SELECT * FROM '{file}'"),
            format!("SELECT * FROM \"{file}\""),
            format!("SELECT * FROM \"file://{file}\""),
            format!("SELECT * FROM read_csv('{file}')"),
            format!("SELECT * FROM read_parquet('{file}')"),
            format!("SELECT * FROM csv_scan('{file}')"),
            format!("SELECT * FROM glob('{folder}/*')"),
            format!("SELECT read_file('{file}')"),
            "SELECT * FROM information_schema.tables".to_owned(),
            "SELECT * FROM information_schema.df_settings".to_owned(),
            "SELECT * FROM visard.information_schema.columns".to_owned(),
            "SELECT * FROM datafusion.public.people".to_owned(),
            "SELECT * FROM source".to_owned(),
            "SELECT hash(ssn) FROM people".to_owned(),
            "SELECT \"mask[hash]\"(ssn) FROM people".to_owned(),
            "SELECT visard_if(ssn) FROM people".to_owned(),
        ] {
            assert!(queries.ask(&sql).await.is_err(), "{sql}");
        }
        let stores = &queries.context.runtime_env().object_store_registry;
        let files = ObjectStoreUrl::local_filesystem();
        assert!(stores.get_store(files.as_ref()).is_err());
    }

    #[tokio::test]
    async fn a_predicate_that_fails_quotes_no_raw_value() {
        let queries = queries();
        for predicate in [
            "CAST(ssn AS BIGINT) = 1",
            "id < 100 AND CAST(ssn AS BIGINT) = 1",
            "CAST(ssn AS BIGINT) = 1 AND id < 0",
            "arrow_cast(ssn, 'Int64') > 0",
            "to_timestamp(ssn) IS NULL",
            "CAST(ssn AS DATE) IN (SELECT CAST(ssn AS DATE) FROM people)",
            "CASE WHEN id > 0 THEN CAST(ssn AS INT) END = 1",
            "regexp_like(ssn, ssn || '(')",
            "1 / (position('secret' IN ssn) - 1 + id * 0) = 1 AND CAST(ssn AS INT) = 1",
        ] {
            let sql = format!("SELECT count(*) FROM people WHERE {predicate}");
            match answer(&queries, &sql).await {
                Err(error) => assert!(!error.contains("secret0"), "{predicate}: {error}"),
                Ok(found) => {
                    let count = found[0].column(0).as_primitive::<Int64Type>().value(0);
                    assert_eq!(count, 0, "{predicate}");
                }
            }
        }
        let error = answer(&queries, "SELECT CAST(ssn AS BIGINT) FROM people").await;
        let error = error.unwrap_err();
        assert!(
            error.contains("Cannot cast") && !error.contains("secret"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn one_name_under_two_keys() {
        let queries = queries();
        for (name, secret, domain) in [
            ("again", SECRET, "ssn"),
            ("other_domain", SECRET, "number"),
            ("other_secret", "another run secret 0123456789", "ssn"),
        ] {
            queries.add(name, people(secret, domain)).unwrap();
        }
        for (table, met) in [("again", 9), ("other_domain", 0), ("other_secret", 0)] {
            let sql = format!(
                "SELECT count(*) FROM people p JOIN {table} q ON p.id = q.id WHERE p.ssn = q.ssn"
            );
            assert_eq!(count(&queries, &sql).await, met, "{sql}");
            let sql = format!(
                "SELECT count(*) FROM (SELECT ssn FROM people UNION SELECT ssn FROM {table})"
            );
            assert_eq!(count(&queries, &sql).await, 18 - met, "{sql}");
        }
    }

    #[tokio::test]
    async fn a_column_is_masked_once_however_often_it_is_named() {
        let tally = Arc::new(Tally::default());
        let sql = "SELECT ssn, ssn AS again, upper(ssn), substr(ssn, 1, 3) FROM people \
                   WHERE length(ssn) > 2 AND ssn <> 'x'";
        let (tables, _entered) = (queries(), tally.enter());
        let rows: usize = {
            let batches = answer(&tables, sql).await.unwrap();
            batches.iter().map(RecordBatch::num_rows).sum()
        };
        assert_eq!(rows, 9);
        assert_eq!(tally.counts()["ssn"].masked, 9);
    }

    #[tokio::test]
    async fn few_workers_read_all_partitions_in_order() {
        for workers in [1, 2, 3, 7] {
            let queries = Queries::try_new(64 << 20, 1).unwrap();
            let table = people(SECRET, "ssn").with_workers(workers);
            queries.add("people", table).unwrap();
            let batches = answer(&queries, "SELECT id, ssn FROM people ORDER BY id").await;
            let batch = arrow::compute::concat_batches(
                &batches.as_ref().unwrap()[0].schema(),
                batches.as_ref().unwrap(),
            )
            .unwrap();
            let ids = batch.column(0).as_primitive::<Int64Type>().values();
            assert_eq!(
                ids.to_vec(),
                (0..9).collect::<Vec<_>>(),
                "{workers} workers"
            );
            assert_eq!(batch.column(1).null_count(), 0);
        }
        // One worker gives rows as they lie.
        let queries = Queries::try_new(64 << 20, 1).unwrap();
        let table = people(SECRET, "ssn").with_workers(1);
        queries.add("people", table).unwrap();
        let batches = answer(&queries, "SELECT id FROM people").await.unwrap();
        let ids: Vec<i64> = batches
            .iter()
            .flat_map(|batch| {
                batch
                    .column(0)
                    .as_primitive::<Int64Type>()
                    .values()
                    .to_vec()
            })
            .collect();
        assert_eq!(ids, (0..9).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_does_not_fit_in_memory_fails_and_says_no_value() {
        let queries = Queries::try_new(1024, 1).unwrap();
        queries.add("people", people(SECRET, "ssn")).unwrap();
        let sql = "SELECT ssn, count(*) FROM people GROUP BY ssn ORDER BY ssn";
        let error = answer(&queries, sql).await.unwrap_err();
        assert!(
            error.contains("Resources exhausted") && !error.contains("secret"),
            "{error}"
        );
    }
}
