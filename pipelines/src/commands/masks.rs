//! `visard masks`.

use std::fmt::Write;

use serde_json::{Value, json};
use visard_engine::udfs::{MASKS, MaskSpec, find_mask};

use super::print;
use crate::language::{KNOWN_MASKS, nearest};
use crate::run::exit;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  visard masks\n  visard masks hash")]
pub(super) struct Args {
    /// A mask to explain.
    mask: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let specs: Vec<&MaskSpec> = match &args.mask {
        None => MASKS.iter().collect(),
        Some(name) => match find_mask(name) {
            Some(spec) => vec![spec],
            None if args.json => {
                print(&format!("{:#}\n", json!({"error": why_none(name)})))?;
                return Ok(exit::REFUSED);
            }
            None => anyhow::bail!(why_none(name)),
        },
    };
    if args.json {
        let masks: Vec<Value> = specs.iter().map(|spec| as_json(spec)).collect();
        print(&format!("{:#}\n", Value::Array(masks)))?;
        return Ok(exit::MASKED);
    }
    let mut page = String::new();
    match (&specs[..], &args.mask) {
        ([spec], Some(_)) => explain(spec, &mut page)?,
        (specs, _) => {
            for spec in specs {
                writeln!(page, "{:<18} {}", spec.name, spec.summary)?;
            }
        }
    }
    print(&page)?;
    Ok(exit::MASKED)
}

/// Why there is no mask of this name.
fn why_none(name: &str) -> String {
    if KNOWN_MASKS.contains(&name) {
        return format!("the mask `{name}` is known and not built yet");
    }
    let near = nearest(name, MASKS.iter().map(|spec| spec.name));
    let near = near.map(|near| format!("; nearest: `{near}`"));
    format!("there is no mask `{name}`{}", near.unwrap_or_default())
}

fn explain(spec: &MaskSpec, page: &mut String) -> std::fmt::Result {
    writeln!(page, "{}: {}\n", spec.name, spec.summary)?;
    let takes: Vec<String> = spec
        .takes
        .iter()
        .map(|t| format!("{t:?}").to_lowercase())
        .collect();
    writeln!(page, "technique  {:?}", spec.family)?;
    writeln!(page, "takes      {}", takes.join(", "))?;
    writeln!(page, "gives      values of the column's type")?;
    writeln!(page, "distinct   {}", spec.distinct_in_words())?;
    writeln!(page, "null       {}", spec.null.meaning())?;
    writeln!(page, "empty      {}", spec.empty.meaning())?;
    let schema = (spec.schema)().to_value();
    for parameter in spec.parameters() {
        let property = &schema["properties"][&parameter.name];
        let text = property["description"].as_str().unwrap_or_default();
        writeln!(page, "\n  {}", parameter.name)?;
        writeln!(page, "    {}", text.replace('\n', " "))?;
        if !parameter.spellings.is_empty() {
            writeln!(page, "    also: {}", parameter.spellings.join(", "))?;
        }
        match &property["default"] {
            _ if parameter.required => writeln!(page, "    required")?,
            Value::Null => {}
            default => writeln!(page, "    default: {default}")?,
        }
    }
    for example in spec.examples {
        let show =
            |value: Option<&str>| value.map_or("null".to_owned(), |value| format!("{value:?}"));
        writeln!(
            page,
            "\n  {}: {} → {}",
            example.args,
            show(example.value),
            show(example.masked)
        )?;
    }
    Ok(())
}

fn as_json(spec: &MaskSpec) -> Value {
    json!({
        "name": spec.name,
        "summary": spec.summary,
        "family": spec.family,
        "takes": spec.takes,
        "distinct": spec.distinct(),
        "null": spec.null,
        "empty": spec.empty,
        "arguments": (spec.schema)().to_value(),
        "examples": spec.examples.iter().map(|example| json!({
            "arguments": serde_json::from_str::<Value>(example.args).unwrap_or_default(),
            "value": example.value,
            "masked": example.masked,
        })).collect::<Vec<_>>(),
    })
}
