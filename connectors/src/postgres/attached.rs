//! What hangs on a table and is in the way of filling it anew: taken off and put back in one transaction.

use super::catalogue::{RelationKind, Table};
use super::error::PostgresError;
use super::session::{Session, literal, quoted};

/// Statements that take things off a table, and those that put them back as they were.
#[derive(Debug, Default)]
pub(super) struct Attached {
    dropped: Vec<String>,
    made: Vec<String>,
}

impl Attached {
    /// Triggers, foreign keys both ways and, where they can be made again exactly, indexes.
    pub(super) async fn of(session: &Session, table: &Table) -> Result<Self, PostgresError> {
        let mut attached = Self::default();
        // In this order they go, and come back in the reverse one.
        attached.triggers(session, table).await?;
        attached.foreign_keys(session, table).await?;
        if table.kind == RelationKind::Table {
            attached.indexes(session, table).await?;
        }
        Ok(attached)
    }

    /// What has to be run before the table is emptied.
    pub(super) fn dropped(&self) -> impl Iterator<Item = &str> {
        self.dropped.iter().map(String::as_str)
    }

    /// What has to be run once it is full.
    pub(super) fn made(&self) -> impl Iterator<Item = &str> {
        self.made.iter().rev().map(String::as_str)
    }

    /// A new row of a rewrite is no new row to anyone else.
    async fn triggers(&mut self, session: &Session, table: &Table) -> Result<(), PostgresError> {
        let found = session.client().query(TRIGGERS, &[&table.oid]).await?;
        for trigger in found {
            let (relation, name): (String, String) = (trigger.get("relation"), trigger.get("name"));
            let enabled: i8 = trigger.get("enabled");
            let how = match enabled as u8 {
                b'A' => "ENABLE ALWAYS",
                b'R' => "ENABLE REPLICA",
                _ => "ENABLE",
            };
            let name = quoted(&name);
            // Each by itself: a partition's may be enabled otherwise than its parent's.
            self.dropped
                .push(format!("ALTER TABLE {relation} DISABLE TRIGGER {name}"));
            self.made
                .push(format!("ALTER TABLE {relation} {how} TRIGGER {name}"));
        }
        Ok(())
    }

    async fn foreign_keys(
        &mut self,
        session: &Session,
        table: &Table,
    ) -> Result<(), PostgresError> {
        for key in session.client().query(FOREIGN_KEYS, &[&table.oid]).await? {
            let (relation, name): (String, String) = (key.get("relation"), key.get("name"));
            let definition: String = key.get("definition");
            let name = quoted(&name);
            self.dropped
                .push(format!("ALTER TABLE {relation} DROP CONSTRAINT {name}"));
            if let Some(comment) = key.get::<_, Option<String>>("comment") {
                let comment = literal(&comment);
                self.made.push(format!(
                    "COMMENT ON CONSTRAINT {name} ON {relation} IS {comment}"
                ));
            }
            self.made.push(format!(
                "ALTER TABLE {relation} ADD CONSTRAINT {name} {definition}"
            ));
        }
        Ok(())
    }

    async fn indexes(&mut self, session: &Session, table: &Table) -> Result<(), PostgresError> {
        let relation = table.sql();
        for index in session.client().query(INDEXES, &[&table.oid]).await? {
            let name: String = index.get("name");
            let definition: String = index.get("definition");
            let constraint: Option<String> = index.get("constraint");
            let of_constraint: Option<String> = index.get("of_constraint");
            let comment: Option<String> = index.get("comment");
            let parameters: Option<String> = index.get("parameters");
            let constraint_comment: Option<String> = index.get("constraint_comment");
            let named = format!("{}.{}", quoted(&table.schema), quoted(&name));
            // The reverse order: a comment is put on what was made before it.
            if let Some(comment) = comment {
                self.made
                    .push(format!("COMMENT ON INDEX {named} IS {}", literal(&comment)));
            }
            match (constraint, of_constraint) {
                (Some(constraint), Some(definition)) => {
                    let constraint = quoted(&constraint);
                    if let Some(comment) = constraint_comment {
                        self.made.push(format!(
                            "COMMENT ON CONSTRAINT {constraint} ON {relation} IS {}",
                            literal(&comment)
                        ));
                    }
                    self.dropped.push(format!(
                        "ALTER TABLE {relation} DROP CONSTRAINT {constraint}"
                    ));
                    // The definition of a constraint is silent about its index's.
                    if let Some(parameters) = parameters {
                        self.made
                            .push(format!("ALTER INDEX {named} SET ({parameters})"));
                    }
                    self.made.push(format!(
                        "ALTER TABLE {relation} ADD CONSTRAINT {constraint} {definition}"
                    ));
                }
                _ => {
                    self.dropped.push(format!("DROP INDEX {named}"));
                    self.made.push(definition);
                }
            }
        }
        Ok(())
    }
}

/// On partitions, too: rows go through their triggers. Those that a partition has of its parent are
/// internal before version 15, and go with their parent's.
const TRIGGERS: &str = "
    SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::int4 < 150000 THEN '' ELSE 'ONLY ' END
               || t.tgrelid::regclass::text AS relation, t.tgname::text AS name, t.tgenabled AS enabled
      FROM pg_catalog.pg_trigger t
     WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
       AND t.tgrelid IN (SELECT $1::oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::oid))
     ORDER BY t.tgrelid, t.tgname";

/// Those of partitions come and go with their parent's. The last comes first, as they come back in the
/// reverse order: foreign keys act in the order they were made in.
const FOREIGN_KEYS: &str = "
    SELECT o.conrelid::regclass::text AS relation, o.conname::text AS name,
           pg_catalog.pg_get_constraintdef(o.oid) AS definition,
           pg_catalog.obj_description(o.oid, 'pg_constraint') AS comment
      FROM pg_catalog.pg_constraint o
     WHERE o.contype = 'f' AND o.conparentid = 0 AND (o.conrelid = $1 OR o.confrelid = $1)
     ORDER BY o.oid DESC";

/// Only what its definition tells whole: no tablespace, statistics target, extension, clustering or
/// replica identity of its own, and nothing that hangs on it but foreign keys.
const INDEXES: &str = "
    SELECT c.relname::text AS name, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
           pg_catalog.obj_description(c.oid, 'pg_class') AS comment,
           (SELECT pg_catalog.string_agg(pg_catalog.format('%I = %L', pg_catalog.split_part(p, '=', 1),
                        pg_catalog.substr(p, pg_catalog.strpos(p, '=') + 1)), ', ')
              FROM pg_catalog.unnest(c.reloptions) AS p) AS parameters,
           o.conname::text AS constraint, pg_catalog.pg_get_constraintdef(o.oid) AS of_constraint,
           pg_catalog.obj_description(o.oid, 'pg_constraint') AS constraint_comment
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      LEFT JOIN pg_catalog.pg_constraint o ON o.conindid = i.indexrelid AND o.conrelid = i.indrelid
                                          AND o.contype IN ('p', 'u', 'x')
     WHERE i.indrelid = $1 AND i.indisvalid AND i.indislive AND NOT i.indisclustered
       AND NOT i.indisreplident AND c.reltablespace = 0
       AND NOT (i.indisprimary AND EXISTS (SELECT FROM pg_catalog.pg_class t
                 WHERE t.oid = i.indrelid AND t.relreplident = 'd'
                   AND EXISTS (SELECT FROM pg_catalog.pg_publication_rel p WHERE p.prrelid = t.oid)))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                        WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE (d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indexrelid
                            OR d.refclassid = 'pg_constraint'::regclass AND d.refobjid = o.oid)
                          AND d.deptype <> 'i'
                          AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (
                                   SELECT FROM pg_catalog.pg_constraint f
                                    WHERE f.oid = d.objid AND f.contype = 'f')))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                          AND d.deptype IN ('e', 'x'))
     ORDER BY c.oid DESC";
