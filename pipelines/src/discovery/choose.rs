//! Which masks a column gets: the first candidates that its type takes, and that keep what the place of the
//! column in its table asks for.

use arrow::datatypes::DataType;
use serde_json::{Value, json};
use visard_engine::udfs::{
    Argument, BindError, ColumnMask, ColumnRule, DrawBy, HashColumn, MaskNode, PlaceUnit,
    ShippedSeeds, TypeFamily,
};

use super::found::Match;
use super::labels::{Label, NOTHING};
use crate::language::{Diagnostics, GenerationConfig, LabelMask, Sources, yaml};
use crate::run::no_root;

/// What a column asks of its masks.
#[derive(Debug)]
pub(super) struct Needs<'a> {
    pub(super) data_type: DataType,
    /// Its type as SQL spells it; none in files.
    pub(super) type_name: Option<&'a str>,
    /// The most characters it takes.
    pub(super) length: Option<u32>,
    pub(super) nullable: bool,
    /// Whether distinct values have to stay distinct.
    pub(super) distinct: bool,
    /// Whether other tables refer to its values, so that the value alone may decide.
    pub(super) referenced: bool,
}

/// Masks for a column.
#[derive(Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) masks: Vec<Value>,
    /// Whether hash columns decide what they give.
    pub(super) draws: bool,
}

/// Masks for a column of which `matches` tell; none where no mask can be found.
pub(super) fn choose(
    needs: &Needs<'_>,
    matches: &[Match],
    config: &GenerationConfig,
) -> Option<Chosen> {
    let labels = matches.iter().filter_map(|found| found.label.as_ref());
    let of_labels = labels.filter_map(|label| match config.labels.get(label)? {
        LabelMask::Masks(masks) => Some(masks.clone()),
        LabelMask::Preset(name) => usual(Label::named(name)?, needs),
    });
    let usual = of_labels.chain(fallbacks(needs).into_iter().map(|mask| vec![mask]));
    let mut cut_or_not = usual.flat_map(|masks| [Some(masks.clone()), cut(masks, needs)]);
    cut_or_not.find_map(|masks| fitting(masks?, needs))
}

/// The usual mask of a label for such a column.
fn usual(label: &Label, needs: &Needs<'_>) -> Option<Vec<Value>> {
    // Of other types than text, what is read as text has a form that masks of text break.
    if is_text(&needs.data_type) && !takes_any_text(needs.type_name) {
        return None;
    }
    let written = label.masks.for_column(&needs.data_type, needs.nullable);
    (written != NOTHING).then(|| vec![parsed(written)])
}

/// What is written in the table of labels, as a tree.
fn parsed(written: &str) -> Value {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let file = sources.add("label".as_ref(), written.into(), &mut diagnostics);
    let node = file.and_then(|file| yaml::parse(file, &mut sources, &mut diagnostics));
    node.map_or(Value::Null, |node| node.to_json())
}

/// Masks for columns of a type, whatever they hold.
fn fallbacks(needs: &Needs<'_>) -> Vec<Value> {
    let shift = json!({"type": "shift_date", "max_days": 365});
    let number = json!({"type": "from_random_number", "max": 1000, "decimal_places": 2});
    let mut masks = match TypeFamily::of(&needs.data_type) {
        Some(TypeFamily::Text) if takes_any_text(needs.type_name) => {
            vec![
                json!({"type": "imitate"}),
                json!({"type": "imitate_unique"}),
            ]
        }
        Some(TypeFamily::Text) => match needs.type_name.unwrap_or_default().to_lowercase().as_str()
        {
            "uuid" | "uniqueidentifier" => vec![json!({"type": "imitate_uuid"})],
            "inet" | "cidr" | "inet4" | "inet6" => vec![json!({"type": "ip_address"})],
            "macaddr" => vec![json!({"type": "mac_address"})],
            _ => Vec::new(),
        },
        Some(TypeFamily::Integer | TypeFamily::Decimal) => {
            vec![
                json!({"type": "imitate"}),
                json!({"type": "imitate_unique"}),
            ]
        }
        Some(TypeFamily::Float) => vec![number],
        Some(TypeFamily::Date | TypeFamily::Timestamp) => vec![shift],
        Some(TypeFamily::Boolean) => vec![json!({"type": "from_random_boolean"})],
        _ => Vec::new(),
    };
    masks.push(json!({"type": "suppress"}));
    masks
}

/// The same masks, and then the characters that the column takes.
fn cut(mut masks: Vec<Value>, needs: &Needs<'_>) -> Option<Vec<Value>> {
    let most = needs.length.filter(|_| is_text(&needs.data_type))?;
    masks.push(json!({"type": "take_substring", "end_index": most}));
    Some(masks)
}

/// The masks, where they do for the column.
fn fitting(masks: Vec<Value>, needs: &Needs<'_>) -> Option<Chosen> {
    let bound = match bind(&masks, &needs.data_type, DrawBy::Place) {
        Ok(bound) => bound,
        // A seed file of the user's is not here to be read.
        Err(error) if error.path.ends_with("seed_file") && !needs.distinct => {
            return Some(Chosen { masks, draws: true });
        }
        Err(_) => return None,
    };
    let most = needs.length.map(|length| length as usize);
    let fits = most.is_none_or(|most| {
        let lengths = bound.lengths(Some(most));
        lengths.is_none_or(|lengths| *lengths.end() <= most)
    });
    let does = fits
        && (needs.nullable || !bound.may_give_null())
        && (!needs.distinct || bound.keeps_distinct())
        && (!needs.referenced || bound.goes_by_value());
    does.then(|| Chosen {
        draws: draws(&masks, &needs.data_type),
        masks,
    })
}

/// Whether another column could decide what the masks give.
fn draws(masks: &[Value], data_type: &DataType) -> bool {
    const OTHER: &str = "another";
    let by_other = DrawBy::Columns(vec![HashColumn::from(OTHER)]);
    bind(masks, data_type, by_other).is_ok_and(|bound| {
        let mut arguments = bound.arguments().iter();
        arguments.any(|argument| matches!(argument, Argument::Column(name) if name == OTHER))
    })
}

fn bind(masks: &[Value], data_type: &DataType, draw_by: DrawBy) -> Result<ColumnMask, BindError> {
    let nodes = masks
        .iter()
        .map(|mask| serde_json::from_value::<MaskNode>(mask.clone()));
    let nodes: Result<Vec<MaskNode>, _> = nodes.collect();
    let rule = ColumnRule {
        path: "column".to_owned(),
        masks: nodes.map_err(|error| BindError::new(String::new(), error.to_string()))?,
        draw_by,
        chooses: None,
        conditional: false,
        places: Some(PlaceUnit::Row),
        first: true,
    };
    ColumnMask::bind(&rule, data_type, &no_root(), &ShippedSeeds)
}

fn is_text(data_type: &DataType) -> bool {
    TypeFamily::of(data_type) == Some(TypeFamily::Text)
}

/// Whether a column whose values are read as text takes any text: its type is not one of numbers,
/// documents, addresses or a user's own.
fn takes_any_text(type_name: Option<&str>) -> bool {
    let Some(type_name) = type_name else {
        return true;
    };
    let name = type_name.to_lowercase();
    let kinds = ["char", "text", "clob", "string"];
    name.is_empty()
        || name == "name"
        || (kinds.iter().any(|kind| name.contains(kind))
            && !name.starts_with("enum")
            && !name.starts_with("set("))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;
    use crate::discovery::{flow, presets};

    fn written(label: Option<&str>, needs: Needs<'_>) -> Option<(String, bool)> {
        let labels = presets().into_iter();
        let labels = labels.map(|name| (name.to_owned(), LabelMask::Preset(name.to_owned())));
        let config = GenerationConfig {
            labels: labels.collect(),
        };
        let matches = label.map(|label| Match {
            label: Some(label.to_owned()),
            categories: Vec::new(),
            description: String::new(),
        });
        let chosen = choose(&needs, matches.as_slice(), &config)?;
        let masks: Vec<String> = chosen.masks.iter().map(flow::flow).collect();
        Some((masks.join(", "), chosen.draws))
    }

    fn needs(data_type: DataType) -> Needs<'static> {
        Needs {
            data_type,
            type_name: Some("varchar"),
            length: None,
            nullable: true,
            distinct: false,
            referenced: false,
        }
    }

    #[test]
    fn masks_that_fit_their_columns() {
        let text = || needs(DataType::Utf8View);
        let key = |data_type| Needs {
            nullable: false,
            distinct: true,
            referenced: true,
            ..needs(data_type)
        };
        let spelled = |type_name| Needs {
            type_name: Some(type_name),
            ..text()
        };
        for (label, needs, found) in [
            (Some("email_address"), text(), Some(("{type: email}", true))),
            (
                Some("email_address"),
                Needs {
                    length: Some(12),
                    ..text()
                },
                Some(("{type: email}, {type: take_substring, end_index: 12}", true)),
            ),
            (
                Some("email_address"),
                Needs {
                    distinct: true,
                    ..text()
                },
                Some(("{type: imitate_unique}", false)),
            ),
            (
                Some("iban"),
                text(),
                Some(("{type: iban, on_invalid: suppress}", true)),
            ),
            (
                Some("iban"),
                Needs {
                    nullable: false,
                    ..text()
                },
                Some(("{type: imitate}", true)),
            ),
            (
                Some("date_of_birth"),
                needs(DataType::Date32),
                Some(("{type: retain_year}", true)),
            ),
            (Some("unheard_of"), text(), Some(("{type: imitate}", true))),
            (
                None,
                key(DataType::Int64),
                Some(("{type: imitate_unique}", false)),
            ),
            (
                None,
                key(DataType::Utf8View),
                Some(("{type: imitate_unique}", false)),
            ),
            (
                None,
                needs(DataType::Float64),
                Some((
                    "{type: from_random_number, max: 1000, decimal_places: 2}",
                    true,
                )),
            ),
            (
                None,
                needs(DataType::Boolean),
                Some(("{type: from_random_boolean}", true)),
            ),
            (
                None,
                needs(DataType::Timestamp(TimeUnit::Microsecond, None)),
                Some(("{type: shift_date, max_days: 365}", true)),
            ),
            (
                None,
                needs(DataType::BinaryView),
                Some(("{type: suppress}", false)),
            ),
            (
                None,
                Needs {
                    nullable: false,
                    ..needs(DataType::BinaryView)
                },
                None,
            ),
            (
                Some("name"),
                spelled("jsonb"),
                Some(("{type: suppress}", false)),
            ),
            (
                Some("name"),
                spelled("enum('a','char')"),
                Some(("{type: suppress}", false)),
            ),
            (
                None,
                Needs {
                    type_name: Some("uuid"),
                    ..key(DataType::Utf8View)
                },
                Some(("{type: imitate_uuid}", false)),
            ),
        ] {
            let shown = format!("{label:?} {needs:?}");
            let chosen = written(label, needs);
            let chosen = chosen
                .as_ref()
                .map(|(masks, draws)| (masks.as_str(), *draws));
            assert_eq!(chosen, found, "{shown}");
        }
    }
}
