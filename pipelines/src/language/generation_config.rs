//! Generation configurations: which masks columns of a label get in a generated ruleset.

use std::collections::BTreeMap;

use serde_json::Value;

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label};
use super::fields::{self, Fields};
use super::keys;
use super::mask::{self, MaskCatalogue};
use super::node::Node;
use super::source::{FileId, Sources};
use super::yaml;

/// Masks by label.
#[derive(Debug, Clone, Default)]
pub struct GenerationConfig {
    /// What is done about columns of a label.
    pub labels: BTreeMap<String, LabelMask>,
}

/// What is done about columns of a label.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelMask {
    /// What is usual for the built-in label of this name.
    Preset(String),
    /// These masks, as a ruleset writes them.
    Masks(Vec<Value>),
}

/// What the name of a preset ends in.
const PRESET_ENDING: &str = "_mask";

impl GenerationConfig {
    /// Reads a configuration; `presets` are names of labels that have usual masks. Every problem is
    /// reported; nothing comes back where there is an error.
    pub fn parse(
        file: FileId,
        presets: &[&str],
        masks: &dyn MaskCatalogue,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let before = diagnostics.errors_added();
        let root = yaml::parse(file, sources, diagnostics)?;
        let what = "a generation configuration";
        let fields = Fields::new(&root, what, keys::GENERATION_CONFIG, diagnostics)?;
        if fields.get("version").is_some() {
            fields::check_version(&root, diagnostics);
        }
        let node = fields.get("labels")?;
        let Some(map) = node.as_map() else {
            fields::wrong_type(node, "a mapping of labels to masks", diagnostics);
            return None;
        };
        let labels = map.entries.iter().filter_map(|entry| {
            let mask = label_mask(&entry.value, presets, masks, diagnostics)?;
            Some((entry.key.text.to_string(), mask))
        });
        let labels = labels.collect();
        (diagnostics.errors_added() == before).then_some(Self { labels })
    }
}

fn label_mask(
    node: &Node,
    presets: &[&str],
    catalogue: &dyn MaskCatalogue,
    diagnostics: &mut Diagnostics,
) -> Option<LabelMask> {
    let fields = Fields::new(node, "a label's mask", keys::LABEL_MASK, diagnostics)?;
    match (fields.get("preset_mask"), fields.get("masks")) {
        (Some(preset), None) => {
            let written = fields::named(preset, diagnostics)?.value;
            let name = written.strip_suffix(PRESET_ENDING).unwrap_or_default();
            if presets.contains(&name) {
                return Some(LabelMask::Preset(name.to_owned()));
            }
            let names: Vec<String> = presets
                .iter()
                .map(|name| format!("{name}{PRESET_ENDING}"))
                .collect();
            let near = nearest_label(&written, names.iter().map(String::as_str));
            let problem = Diagnostic::new(
                &codes::WRONG_VALUE,
                format!("there is no preset `{written}`"),
            );
            diagnostics.push(problem.at(preset.span, near));
            None
        }
        (None, Some(masks)) => {
            let masks = mask::parse_list(masks, catalogue, diagnostics);
            let masks = masks.iter().map(|mask| mask.node.to_json());
            Some(LabelMask::Masks(masks.collect()))
        }
        _ => {
            let message = "a label needs either `preset_mask` or `masks`";
            let problem = Diagnostic::new(&codes::MISSING_KEY, message);
            diagnostics.push(problem.at(fields::first_line(node), ""));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::BuiltMasks;

    fn parse(text: &str) -> (Option<GenerationConfig>, Vec<(&'static str, usize)>) {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let file = sources.add("config.yml".as_ref(), text.into(), &mut diagnostics);
        let config = GenerationConfig::parse(
            file.unwrap(),
            &["first_name"],
            &BuiltMasks,
            &mut sources,
            &mut diagnostics,
        );
        let found = diagnostics.sorted().into_iter();
        let line = |found: &Diagnostic| {
            found
                .primary
                .as_ref()
                .map_or(0, |label| label.span.start.line)
        };
        (
            config,
            found.map(|found| (found.code.id, line(found))).collect(),
        )
    }

    #[test]
    fn masks_of_labels() {
        let (config, problems) =
            parse("labels:\n  a: {preset_mask: first_name_mask}\n  b: {masks: {type: hash}}\n");
        assert_eq!(problems, []);
        let labels = config.unwrap().labels;
        assert_eq!(labels["a"], LabelMask::Preset("first_name".to_owned()));
        assert_eq!(
            labels["b"],
            LabelMask::Masks(vec![serde_json::json!({"type": "hash"})])
        );
    }

    #[test]
    fn problems_of_masks() {
        for (text, found) in [
            ("{}", ("V0203", 1)),
            ("labels: []", ("V0204", 1)),
            ("labels:\n  a: {}", ("V0203", 2)),
            (
                "labels:\n  a: {preset_mask: first_name_mask, masks: []}",
                ("V0203", 2),
            ),
            ("labels:\n  a: {preset_mask: last_name_mask}", ("V0205", 2)),
            ("labels:\n  a: {masks: [{type: no_mask}]}", ("V0601", 2)),
            ("labels:\n  a: {masks: []}", ("V0604", 2)),
        ] {
            let (config, problems) = parse(text);
            assert!(config.is_none(), "{text}");
            assert_eq!(problems, [found], "{text}");
        }
    }
}
