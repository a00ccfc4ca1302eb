//! Which columns a ruleset masks, by the names in it.

use super::found::{FoundColumn, FoundTable};
use crate::language::{ColumnPattern, Identifier, Ruleset, TableName, Task, TaskKind};

/// Whether rules of `ruleset` mask a column, or one that it refers to and so follows. A rule that only keeps
/// values as they are is none.
pub fn covers(ruleset: &Ruleset, table: &FoundTable, column: &FoundColumn) -> bool {
    let mut followed = table.linked(&column.name, false);
    masks(ruleset, table.schema.as_deref(), &table.name, &column.name)
        || followed
            .any(|(key, other)| masks(ruleset, key.other_schema.as_deref(), &key.other_name, other))
}

fn masks(ruleset: &Ruleset, schema: Option<&str>, table: &str, column: &str) -> bool {
    let of_table = |task: &&Task| match &task.kind {
        TaskKind::Table(of) => is_called(&of.table.value, schema, table),
        TaskKind::TabularFile { .. }
        | TaskKind::RunSql { .. }
        | TaskKind::TruncateTable { .. }
        | TaskKind::BuildTempTable { .. } => false,
    };
    let rules = ruleset
        .tasks
        .iter()
        .filter(of_table)
        .flat_map(|task| &task.rules);
    let mut masking = rules.filter(|rule| !rule.only_does_nothing());
    masking.any(|rule| rule.columns.iter().any(|pattern| names(pattern, column)))
}

fn names(pattern: &ColumnPattern, column: &str) -> bool {
    let same = match pattern.quoted {
        true => pattern.text == column,
        false => pattern.text.eq_ignore_ascii_case(column),
    };
    same || (pattern.is_glob() && pattern.matches(column))
}

fn is_called(written: &TableName, schema: Option<&str>, table: &str) -> bool {
    let same = |identifier: &Identifier, name: &str| match identifier.quoted {
        true => identifier.text == name,
        false => identifier.text.eq_ignore_ascii_case(name),
    };
    let same_schema = match (&written.schema, schema) {
        (Some(written), Some(schema)) => same(written, schema),
        (None, _) | (Some(_), None) => true,
    };
    same(&written.name, table) && same_schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use visard_connectors::database::ForeignKey;

    use super::*;
    use crate::check::BuiltMasks;
    use crate::language::{Diagnostics, Language, Libraries, Sources, yaml};

    #[test]
    fn columns_that_rules_mask() {
        let text = "version: '1.0'\ntasks:\n- type: mask_table\n  table: crm.People\n  rules:\n  \
                    - {column: id, masks: {type: imitate_unique}}\n  - {columns: ['addr*'], masks: {type: imitate}}\n  \
                    - {column: kept, masks: {type: do_nothing}}\n  - {column: '\"Mail\"', masks: {type: email}}\n";
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let file = sources
            .add("r.yml".as_ref(), text.into(), &mut diagnostics)
            .unwrap();
        let root = yaml::parse(file, &mut sources, &mut diagnostics).unwrap();
        let language = Language {
            masks: &BuiltMasks,
            environment: &BTreeMap::new(),
        };
        let ruleset = language
            .ruleset(
                &root,
                &mut Libraries::default(),
                &mut sources,
                &mut diagnostics,
            )
            .unwrap();
        let table = |schema: &str, name: &str| FoundTable {
            schema: Some(schema.to_owned()),
            name: name.to_owned(),
            rows: None,
            primary_key: None,
            uniques: vec![],
            foreign_keys: vec![ForeignKey {
                name: "fk".to_owned(),
                incoming: false,
                other_schema: Some("crm".to_owned()),
                other_name: "people".to_owned(),
                columns: vec!["person".to_owned()],
                other_columns: vec!["id".to_owned()],
            }],
            obstacles: vec![],
        };
        let column = |name: &str| FoundColumn {
            name: name.to_owned(),
            type_name: String::new(),
            data_type: String::new(),
            length: None,
            required: false,
            generated: false,
            matches: vec![],
        };
        for (schema, name, of, covered) in [
            ("crm", "people", "ID", true),
            ("crm", "people", "address2", true),
            ("crm", "people", "kept", false),
            ("crm", "people", "Mail", true),
            ("crm", "people", "mail", false),
            ("hr", "people", "id", false),
            ("crm", "orders", "person", true),
            ("crm", "orders", "id", false),
        ] {
            assert_eq!(
                covers(&ruleset, &table(schema, name), &column(of)),
                covered,
                "{schema}.{name}.{of}"
            );
        }
    }
}
