//! Discovery configurations: which names of columns tell of what, and which files are looked at.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::fields::{self, Fields};
use super::files::{self, FileFilter};
use super::keys;
use super::node::{Entry, Kind, Node};
use super::source::{FileId, Sources, Span};
use super::yaml;

/// What is looked for, and where.
#[derive(Debug, Clone)]
pub struct DiscoveryConfig {
    /// Kinds of personal data.
    pub labels: Vec<DiscoveryLabel>,
    /// Which names of columns tell of which.
    pub rules: Vec<MetadataRule>,
    /// Columns that are left out of the results.
    pub ignored: Vec<ColumnTest>,
    /// Which files are looked at.
    pub files: FileFilter,
    /// Names of the libraries that it imports, as it writes them.
    pub imports: Vec<String>,
}

/// A kind of personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryLabel {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub description: Option<String>,
    /// What it belongs to: `PII`, `PHI`, `PCI`, or anything else.
    pub categories: Vec<String>,
}

/// A rule for names of columns.
#[derive(Debug, Clone)]
pub struct MetadataRule {
    /// Its name.
    pub name: Option<String>,
    /// The label that such columns have; one of [`DiscoveryConfig::labels`].
    pub label: Option<String>,
    /// Whether such columns tell of nobody.
    pub harmless: bool,
    /// Which names it is for.
    pub column: ColumnTest,
}

/// What tells a column by its name.
#[derive(Debug, Clone)]
pub enum ColumnTest {
    /// A regular expression, found anywhere in the name unless it is anchored, in any letter case.
    Regex(Regex),
    /// Words of the name, as they are written.
    Words(Vec<String>),
}

/// Parts of a library that a reference may begin with.
const SECTIONS: [&str; 6] = [
    "labels",
    "metadata_rules",
    "idd_rules",
    "ignored_columns",
    "files",
    "other",
];
/// Bytes that a compiled expression may take.
const REGEX_BYTES: usize = 1 << 20;

impl DiscoveryConfig {
    /// Reads a configuration, with libraries by the names that it may import them by. Every problem is
    /// reported; nothing comes back where there is an error.
    pub fn parse(
        file: FileId,
        libraries: &BTreeMap<String, String>,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let before = diagnostics.errors_added();
        let root = yaml::parse(file, sources, diagnostics)?;
        let mut imports = Vec::new();
        let mut roots = BTreeMap::new();
        let imported = root.get("imports").filter(|imports| !imports.is_null());
        for import in imported.map_or(&[][..], fields::one_or_many) {
            let Some(name) = fields::named(import, diagnostics) else {
                continue;
            };
            let library = libraries.get(&name.value);
            let read = library.and_then(|text| {
                let path = format!("{}.yml", name.value);
                let file = sources.add(path.as_ref(), text.clone().into_bytes(), diagnostics)?;
                yaml::parse(file, sources, diagnostics)
            });
            if library.is_none() {
                let message = format!("there is no library `{}`", name.value);
                let near = nearest_label(&name.value, libraries.keys().map(String::as_str));
                diagnostics
                    .push(Diagnostic::new(&codes::LIBRARY_NOT_FOUND, message).at(name.span, near));
            }
            roots.insert(name.value.clone(), read);
            imports.push(name.value);
        }
        let root = Resolver {
            roots,
            diagnostics,
            open: 0,
        }
        .resolve(&root);
        let fields = Fields::new(
            &root,
            "a discovery configuration",
            keys::DISCOVERY_CONFIG,
            diagnostics,
        )?;
        let config = Self {
            imports,
            ..Self::of(&fields, diagnostics)
        };
        (diagnostics.errors_added() == before).then_some(config)
    }

    fn of(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Self {
        if fields.get("version").is_some() {
            fields::check_version(fields.node, diagnostics);
        }
        let labels = list(fields, "labels", diagnostics);
        let labels = labels.iter().filter_map(|node| label(node, diagnostics));
        let labels: Vec<DiscoveryLabel> = labels.collect();
        let rules = list(fields, "metadata_rules", diagnostics);
        let rules = rules
            .iter()
            .filter_map(|node| rule(node, &labels, diagnostics));
        let rules = rules.collect();
        let ignored = list(fields, "ignored_columns", diagnostics);
        let ignored = ignored
            .iter()
            .filter_map(|node| column_test(node, diagnostics));
        let ignored = ignored.collect();
        if let [first, ..] = list(fields, "idd_rules", diagnostics) {
            let message = "values are not looked at yet";
            diagnostics.push(
                Diagnostic::new(&codes::NO_VALUES, message)
                    .at(first.span, "a rule for values")
                    .help("leave `idd_rules` empty, and tell columns by their names: `metadata_rules`"),
            );
        }
        let files = fields.get("files").and_then(|node| {
            let fields = Fields::new(node, "`files`", keys::DISCOVERY_FILES, diagnostics)?;
            Some(files::parse(&fields, true, diagnostics))
        });
        Self {
            labels,
            rules,
            ignored,
            files: files.unwrap_or(FileFilter {
                recurse: true,
                ..FileFilter::default()
            }),
            imports: Vec::new(),
        }
    }
}

/// Names of the libraries that a configuration imports, whatever else is wrong with it.
pub fn discovery_imports(file: FileId, sources: &mut Sources) -> Vec<String> {
    let mut unheard = Diagnostics::new();
    let root = yaml::parse(file, sources, &mut unheard);
    let imports = root.as_ref().and_then(|root| root.get("imports"));
    let names = imports.map_or(&[][..], fields::one_or_many).iter();
    names.filter_map(Node::as_str).map(str::to_owned).collect()
}

/// Reads a library by itself. Reported is what is wrong with it whatever a configuration takes from it.
pub fn check_discovery_library(file: FileId, sources: &mut Sources, diagnostics: &mut Diagnostics) {
    let Some(root) = yaml::parse(file, sources, diagnostics) else {
        return;
    };
    if let Some(imports) = root.as_map().and_then(|map| map.entry("imports")) {
        let message = "a library cannot import libraries";
        diagnostics
            .push(Diagnostic::new(&codes::LIBRARY_IMPORTS, message).at(imports.key.span, ""));
        return;
    }
    let roots = BTreeMap::from([(String::new(), Some(root.clone()))]);
    let resolver = Resolver {
        roots,
        diagnostics,
        open: 0,
    };
    let root = resolver.resolve(&root);
    // Labels may come from elsewhere: rules are read where they are used.
    let what = "a library of discovery configurations";
    let Some(fields) = Fields::new(&root, what, keys::DISCOVERY_LIBRARY, diagnostics) else {
        return;
    };
    for node in list(&fields, "labels", diagnostics) {
        label(node, diagnostics);
    }
    for node in list(&fields, "ignored_columns", diagnostics) {
        column_test(node, diagnostics);
    }
    if let [first, ..] = list(&fields, "idd_rules", diagnostics) {
        let message = "values are not looked at yet";
        diagnostics
            .push(Diagnostic::new(&codes::NO_VALUES, message).at(first.span, "a rule for values"));
    }
}

/// The items under a key.
fn list<'n>(fields: &Fields<'n>, key: &str, diagnostics: &mut Diagnostics) -> &'n [Node] {
    let Some(node) = fields.get(key) else {
        return &[];
    };
    node.as_seq().unwrap_or_else(|| {
        fields::wrong_type(node, "a list", diagnostics);
        &[]
    })
}

fn label(node: &Node, diagnostics: &mut Diagnostics) -> Option<DiscoveryLabel> {
    let fields = Fields::new(node, "a label", keys::LABEL, diagnostics)?;
    let categories = fields
        .get("categories")
        .map_or(&[][..], fields::one_or_many);
    let categories = categories
        .iter()
        .filter_map(|node| fields::named(node, diagnostics));
    let categories = categories.map(|name| name.value).collect();
    Some(DiscoveryLabel {
        name: fields.name("name", diagnostics)?.value,
        description: fields.text("description", diagnostics),
        categories,
    })
}

fn rule(
    node: &Node,
    labels: &[DiscoveryLabel],
    diagnostics: &mut Diagnostics,
) -> Option<MetadataRule> {
    let fields = Fields::new(node, "a rule", keys::METADATA_RULE, diagnostics)?;
    let label = fields
        .get("label")
        .and_then(|node| fields::named(node, diagnostics));
    if let Some(label) = &label
        && !labels.iter().any(|known| known.name == label.value)
    {
        let names = || labels.iter().map(|label| label.name.as_str());
        let message = format!("there is no label `{}`", label.value);
        let mut problem = Diagnostic::new(&codes::WRONG_VALUE, message)
            .at(label.span, nearest_label(&label.value, names()));
        if labels.len() <= 10 {
            problem = problem.help(format!("`labels` has {}", quoted_list(names())));
        }
        diagnostics.push(problem);
    }
    Some(MetadataRule {
        name: fields.text("name", diagnostics),
        label: label.map(|label| label.value),
        harmless: fields.flag("harmless", diagnostics).unwrap_or(false),
        column: column_test(fields.get("column")?, diagnostics)?,
    })
}

fn column_test(node: &Node, diagnostics: &mut Diagnostics) -> Option<ColumnTest> {
    let fields = Fields::new(node, "a test of names", keys::COLUMN_TEST, diagnostics)?;
    let is_regex = fields::choice(
        fields.get("type")?,
        &[("regex", true), ("words", false)],
        diagnostics,
    )?;
    let (key, other) = match is_regex {
        true => ("pattern", "words"),
        false => ("words", "pattern"),
    };
    if fields.get(other).is_some() {
        let message = format!("`{other}` does not go with this `type`");
        let problem = Diagnostic::new(&codes::UNKNOWN_KEY, message);
        diagnostics.push(problem.at(fields.key_span(other), ""));
    }
    let Some(value) = fields.get(key) else {
        let message = format!("a test of this `type` needs `{key}`");
        let problem = Diagnostic::new(&codes::MISSING_KEY, message);
        diagnostics.push(problem.at(fields::first_line(node), ""));
        return None;
    };
    if is_regex {
        return pattern(value, diagnostics).map(ColumnTest::Regex);
    }
    let words = fields::one_or_many(value).iter();
    let words = words.filter_map(|node| fields::named(node, diagnostics));
    Some(ColumnTest::Words(words.map(|word| word.value).collect()))
}

fn pattern(node: &Node, diagnostics: &mut Diagnostics) -> Option<Regex> {
    let pattern = fields::named(node, diagnostics)?;
    let built = RegexBuilder::new(&pattern.value)
        .case_insensitive(true)
        .size_limit(REGEX_BYTES)
        .build();
    match built {
        Ok(regex) => Some(regex),
        Err(error) => {
            let message = format!(
                "not a regular expression: {}",
                fields::regex_problem(&error)
            );
            let problem = Diagnostic::new(&codes::BAD_PATTERN, message);
            diagnostics.push(problem.at(node.span, ""));
            None
        }
    }
}

/// Puts values in the place of references.
struct Resolver<'a> {
    /// Libraries by name, those that cannot be read too; a library that is read by itself has no name.
    roots: BTreeMap<String, Option<Node>>,
    diagnostics: &'a mut Diagnostics,
    /// References that are being followed.
    open: u32,
}

impl Resolver<'_> {
    fn resolve(mut self, root: &Node) -> Node {
        let home = self.roots.contains_key("").then_some("");
        let resolved = self.expand(root, home);
        if resolved.size() > yaml::MAX_NODES || resolved.depth() > yaml::MAX_DEPTH {
            let top = Span::top(root.span.file);
            self.diagnostics.push(yaml::too_big(top));
            return Node::broken(root.span);
        }
        resolved
    }

    /// `node` without references; `home` is the library it comes from.
    fn expand(&mut self, node: &Node, home: Option<&str>) -> Node {
        match &node.kind {
            Kind::Map(map) => match &map.entries[..] {
                [Entry { key, value }] if &*key.text == "$ref" => self.follow(value, home),
                entries => {
                    let entries = entries.iter().map(|Entry { key, value }| Entry {
                        key: key.clone(),
                        value: self.expand(value, home),
                    });
                    Node::map(entries.collect(), node.span)
                }
            },
            Kind::Seq(items) => {
                let items = items.iter().map(|item| self.expand(item, home));
                Node::seq(items.collect(), node.span)
            }
            _ => node.clone(),
        }
    }

    fn follow(&mut self, reference: &Node, home: Option<&str>) -> Node {
        let broken = Node::broken(reference.span);
        let Some(text) = fields::text(reference, self.diagnostics) else {
            return broken;
        };
        let Some((name, path)) = text.split_once('#').filter(|(_, path)| !path.contains('#'))
        else {
            return self.fail(
                &codes::REFERENCE_SYNTAX,
                "a reference has one `#`",
                reference,
            );
        };
        let name = match (name, home) {
            ("", Some(home)) => home.to_owned(),
            (name, None) => name.to_owned(),
            (name, Some(home)) if name == home => name.to_owned(),
            (_, Some(_)) => {
                let problem = "a library can only refer to itself";
                return self.fail(&codes::LIBRARY_IMPORTS, problem, reference);
            }
        };
        let Some(root) = self.roots.get(&name) else {
            let problem = format!("the library `{name}` is not imported");
            return self.fail(&codes::NOT_IMPORTED, &problem, reference);
        };
        // A library that could not be read has been reported.
        let Some(root) = root else {
            return broken;
        };
        let Some(target) = find(root, path).cloned() else {
            let problem = format!("the library has no `{path}`");
            return self.fail(&codes::REFERENCE_MISSING, &problem, reference);
        };
        if self.open >= yaml::MAX_DEPTH {
            let problem = "references lead back to themselves, or are nested too deep";
            return self.fail(&codes::REFERENCE_CYCLE, problem, reference);
        }
        self.open += 1;
        let value = self.expand(&target, Some(&name));
        self.open -= 1;
        match value.size() > yaml::MAX_NODES {
            true => self.fail(
                &codes::YAML_TOO_BIG,
                "references unfold into too many values",
                reference,
            ),
            false => value,
        }
    }

    fn fail(&mut self, code: &'static super::Code, problem: &str, reference: &Node) -> Node {
        let problem = Diagnostic::new(code, problem).at(reference.span, "");
        self.diagnostics
            .push(problem.help("a reference is written `namespace/name#section/key`"));
        Node::broken(reference.span)
    }
}

/// The value at `path` in a library.
fn find<'n>(root: &'n Node, path: &str) -> Option<&'n Node> {
    let mut steps = path.split('/');
    let section = steps.next().filter(|step| SECTIONS.contains(step))?;
    steps.try_fold(root.get(section)?, |node, step| match &node.kind {
        Kind::Seq(items) => items.get(step.parse::<usize>().ok()?),
        _ => node.get(step),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, library: &str) -> (Option<DiscoveryConfig>, Vec<(&'static str, usize)>) {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let file = sources.add("config.yml".as_ref(), text.into(), &mut diagnostics);
        let libraries = BTreeMap::from([("our/own".to_owned(), library.to_owned())]);
        let config =
            DiscoveryConfig::parse(file.unwrap(), &libraries, &mut sources, &mut diagnostics);
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
    fn a_configuration() {
        let text = "imports: [our/own]\nlabels: {$ref: 'our/own#labels'}\nmetadata_rules:\n\
                    - {name: crm, label: badge, column: {type: regex, pattern: '^crm_'}}\n\
                    - {column: {type: words, words: [staff number]}}\n\
                    idd_rules: []\nfiles: {include: ['*.csv']}\n";
        let library = "labels: [{name: badge, categories: [PII]}]\n";
        let (config, problems) = parse(text, library);
        assert_eq!(problems, []);
        let config = config.unwrap();
        assert_eq!(config.labels[0].categories, ["PII"]);
        assert_eq!(config.rules.len(), 2);
        assert_eq!(config.imports, ["our/own"]);
        assert!(config.files.selects("deep/er.csv") && !config.files.selects("a.parquet"));
    }

    #[test]
    fn problems_of_configurations() {
        for (text, library, found) in [
            ("labels: 1", "", ("V0204", 1)),
            ("idd_rules: [{name: x}]", "", ("V0915", 1)),
            ("labels:\n- {categories: PII}", "", ("V0203", 2)),
            (
                "metadata_rules:\n- {label: x, column: {type: words, words: a}}",
                "",
                ("V0205", 2),
            ),
            (
                "metadata_rules:\n- column: {type: regex, pattern: '('}",
                "",
                ("V0206", 2),
            ),
            ("metadata_rules:\n- column: {type: regex}", "", ("V0203", 2)),
            (
                "metadata_rules:\n- column: {type: words, pattern: a, words: b}",
                "",
                ("V0202", 2),
            ),
            (
                "metadata_rules:\n- column:\n    type: glob",
                "",
                ("V0205", 3),
            ),
            ("imports: [none]", "", ("V0702", 1)),
            (
                "imports: our/own\nlabels: {$ref: 'our/own#labels/0'}",
                "{}",
                ("V0707", 2),
            ),
            ("labels: {$ref: 'our/own#labels'}", "{}", ("V0705", 1)),
            (
                "imports: our/own\nlabels: {$ref: 'our/own'}",
                "{}",
                ("V0706", 2),
            ),
            (
                "imports: our/own\nlabels: {$ref: 'our/own#labels'}",
                "labels: {$ref: '#labels'}",
                ("V0708", 1),
            ),
            ("masks: []", "", ("V0202", 1)),
            ("a: [", "", ("V0104", 1)),
        ] {
            let (config, problems) = parse(text, library);
            assert!(config.is_none(), "{text}");
            assert_eq!(problems.first(), Some(&found), "{text} {problems:?}");
        }
    }
}
