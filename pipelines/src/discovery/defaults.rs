//! Configurations of our own making: the built-in labels, and lists of keywords, in the words of
//! configurations that users write.

use serde_json::{Map, Value, json};

use super::built_in::LABELS;
use super::flow::flow;

/// What a discovery by keywords looks for.
#[derive(Debug, Clone)]
pub struct Keywords {
    /// Whether the built-in labels count.
    pub built_in: bool,
    /// More words that tell of personal data.
    pub custom: Vec<String>,
    /// Words of columns that are left out of the results.
    pub ignored: Vec<String>,
    /// Which files are looked at, as a configuration says it; null for all.
    pub files: Value,
}

impl Default for Keywords {
    fn default() -> Self {
        Self {
            built_in: true,
            custom: Vec::new(),
            ignored: Vec::new(),
            files: Value::Null,
        }
    }
}

impl Keywords {
    /// The configuration that looks for the same, as YAML.
    pub fn to_config(&self) -> String {
        let mut page = "version: '1.0'\n".to_owned();
        let labels = LABELS.iter().filter(|_| self.built_in);
        let known = labels.clone().filter(|label| !label.categories.is_empty());
        list(&mut page, "labels", known.map(|label| {
            json!({"name": label.name, "description": label.description, "categories": label.categories})
        }));
        let rules = labels.map(|label| {
            let mut rule = Map::new();
            rule.insert("name".to_owned(), json!(label.name));
            match label.categories {
                [] => rule.insert("harmless".to_owned(), json!(true)),
                _ => rule.insert("label".to_owned(), json!(label.name)),
            };
            rule.insert(
                "column".to_owned(),
                json!({"type": "words", "words": label.words}),
            );
            Value::Object(rule)
        });
        let custom = self.custom.iter().filter(|word| !word.is_empty()).map(|word| {
            json!({"name": format!("Custom keyword: {word}"), "column": {"type": "words", "words": [word]}})
        });
        list(&mut page, "metadata_rules", rules.chain(custom));
        page.push_str("idd_rules: []\n");
        let ignored = self.ignored.iter().filter(|word| !word.is_empty());
        list(
            &mut page,
            "ignored_columns",
            ignored.map(|word| json!({"type": "words", "words": [word]})),
        );
        if !self.files.is_null() {
            page.push_str(&format!("files: {}\n", flow(&self.files)));
        }
        page
    }
}

/// The generation configuration that gives each built-in label its usual mask, as YAML.
pub fn generation_defaults() -> String {
    let mut page = "version: '1.0'\nlabels:\n".to_owned();
    for label in LABELS.iter().filter(|label| !label.categories.is_empty()) {
        let name = label.name;
        page.push_str(&format!("  {name}: {{preset_mask: {name}_mask}}\n"));
    }
    page
}

/// Names of the labels that have usual masks.
pub fn presets() -> Vec<&'static str> {
    LABELS.iter().map(|label| label.name).collect()
}

fn list(page: &mut String, key: &str, items: impl Iterator<Item = Value>) {
    let items: Vec<String> = items.map(|item| format!("  - {}\n", flow(&item))).collect();
    match items.is_empty() {
        true => page.push_str(&format!("{key}: []\n")),
        false => page.push_str(&format!("{key}:\n{}", items.concat())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::BuiltMasks;
    use crate::discovery::{Label, Rules};
    use crate::language::{Diagnostics, DiscoveryConfig, GenerationConfig, Sources};

    fn rules(keywords: &Keywords) -> Rules {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let text = keywords.to_config();
        let file = sources.add("defaults.yml".as_ref(), text.into(), &mut diagnostics);
        let none = std::collections::BTreeMap::new();
        let config = DiscoveryConfig::parse(file.unwrap(), &none, &mut sources, &mut diagnostics);
        Rules::new(config.unwrap_or_else(|| panic!("{diagnostics:?}")))
    }

    #[test]
    fn the_defaults_tell_what_the_built_in_labels_tell() {
        let rules = rules(&Keywords::default());
        for path in [
            "customer_first_name",
            "EMAIL",
            "address.country",
            "phones.number",
            "filename",
            "id",
            "billing_address",
            "amount",
            "CardNumber",
            "mother's maiden name",
            "icd_10",
        ] {
            let label = Label::of(path).filter(|label| !label.categories.is_empty());
            let matches = rules.matches(path);
            let found: Vec<_> = matches.iter().map(|found| found.label.as_deref()).collect();
            let expected: Vec<_> = label.iter().map(|label| Some(label.name)).collect();
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn keywords_of_users() {
        let keywords = Keywords {
            built_in: false,
            custom: vec![
                "Staff Number".to_owned(),
                String::new(),
                "a: 'b'".to_owned(),
            ],
            ignored: vec!["legacy".to_owned()],
            files: json!({"recurse": false, "include": [{"glob": "*.csv"}]}),
        };
        let rules = rules(&keywords);
        for (path, found, ignored) in [
            ("staff_number", true, false),
            ("email", false, false),
            ("LegacyStaffNumber", true, true),
            ("description", false, false),
        ] {
            assert_eq!(!rules.matches(path).is_empty(), found, "{path}");
            assert_eq!(rules.ignores(path), ignored, "{path}");
        }
        assert!(rules.matches("staffNumber")[0].label.is_none());
        assert!(rules.files().selects("a.csv") && !rules.files().selects("b/a.csv"));
    }

    #[test]
    fn the_generation_defaults_are_sound() {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let text = generation_defaults();
        let file = sources.add("defaults.yml".as_ref(), text.into(), &mut diagnostics);
        let config = GenerationConfig::parse(
            file.unwrap(),
            &presets(),
            &BuiltMasks,
            &mut sources,
            &mut diagnostics,
        );
        assert!(
            config.is_some_and(|config| config.labels.len() > 30),
            "{diagnostics:?}"
        );
    }
}
