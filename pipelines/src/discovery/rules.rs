//! What names tell, by the rules of a configuration.

use std::collections::HashMap;

use super::found::Match;
use super::words::{first_told, keyword};
use crate::language::{ColumnTest, DiscoveryConfig, FileFilter};

/// The rules of a configuration, ready to be asked.
#[derive(Debug)]
pub struct Rules {
    config: DiscoveryConfig,
    /// The first rule that each word belongs to.
    words: HashMap<String, usize>,
    /// Words of names that are left out.
    ignored: HashMap<String, usize>,
}

impl Rules {
    /// The rules of `config`.
    pub fn new(config: DiscoveryConfig) -> Self {
        let rules = config.rules.iter().map(|rule| &rule.column);
        Self {
            words: words_of(rules),
            ignored: words_of(config.ignored.iter()),
            config,
        }
    }

    /// Which files are looked at.
    pub fn files(&self) -> &FileFilter {
        &self.config.files
    }

    /// Whether the column at the dotted path is left out of the results.
    pub fn ignores(&self, path: &str) -> bool {
        let by_pattern = self.config.ignored.iter().any(|test| match test {
            ColumnTest::Regex(regex) => regex.is_match(path),
            ColumnTest::Words(_) => false,
        });
        by_pattern || first_told(path, |runs| first_of(runs, &self.ignored)).is_some()
    }

    /// What the dotted path of a column tells: of rules with words the first one that fits counts, of those
    /// with expressions each.
    pub fn matches(&self, path: &str) -> Vec<Match> {
        let by_words = first_told(path, |runs| first_of(runs, &self.words));
        let rules = self.config.rules.iter().enumerate();
        let fitting = rules.filter(|(at, rule)| match &rule.column {
            ColumnTest::Regex(regex) => regex.is_match(path),
            ColumnTest::Words(_) => by_words == Some(*at),
        });
        let fitting = fitting.filter(|(_, rule)| !rule.harmless);
        fitting
            .map(|(_, rule)| {
                let mut labels = self.config.labels.iter();
                let label = labels.find(|label| Some(&label.name) == rule.label.as_ref());
                let described = label.and_then(|label| label.description.clone());
                Match {
                    label: rule.label.clone(),
                    categories: label.map_or_else(Vec::new, |label| label.categories.clone()),
                    description: described
                        .or_else(|| rule.name.clone())
                        .or_else(|| rule.label.clone())
                        .unwrap_or_else(|| "Custom keyword".to_owned()),
                }
            })
            .collect()
    }
}

fn words_of<'t>(tests: impl Iterator<Item = &'t ColumnTest>) -> HashMap<String, usize> {
    let mut found = HashMap::new();
    for (at, test) in tests.enumerate() {
        let ColumnTest::Words(words) = test else {
            continue;
        };
        for word in words {
            found.entry(keyword(word)).or_insert(at);
        }
    }
    found
}

fn first_of(runs: &[String], words: &HashMap<String, usize>) -> Option<usize> {
    runs.iter().filter_map(|run| words.get(run)).min().copied()
}
