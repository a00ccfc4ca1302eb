//! Libraries: parts of rulesets that other rulesets name.
//!
//! A library `namespace/name` is the file `namespace/name.yml` (or `.yaml`) in one of the library
//! folders. `$ref: "namespace/name#section/key"` stands for a value in it, `$ref: "#section/key"`
//! inside a library for a value in itself. The value is taken whole: nothing is merged onto it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::codes::{self, Code};
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::fields;
use super::fields::Fields;
use super::keys;
use super::node::{Entry, Kind, Node};
use super::ruleset::check_locality;
use super::source::{Sources, Span};
use super::yaml;

/// The longest name and the longest namespace of a library, in characters.
const MAX_NAME: usize = 255;
/// The parts of a library that a reference may begin with.
const SECTIONS: [&str; 7] = [
    "masks",
    "database_rules",
    "tabular_file_rules",
    "file_rules",
    "columns",
    "tasks",
    "other",
];

/// The folders with libraries and what has been read from them.
#[derive(Debug, Default)]
pub struct Libraries {
    folders: Vec<PathBuf>,
    /// Libraries by name; nothing where one could not be read, which has been reported.
    read: BTreeMap<String, Option<Node>>,
}

impl Libraries {
    /// Libraries in these folders; an earlier folder goes before a later one.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self {
            folders,
            read: BTreeMap::new(),
        }
    }

    /// Reads a library once. What is wrong with it is reported, at `named_at` or in its own file.
    fn load(
        &mut self,
        name: &str,
        named_at: Span,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) {
        if self.read.contains_key(name) {
            return;
        }
        let library = self.open(name, named_at, sources, diagnostics);
        self.read.insert(name.to_owned(), library);
    }

    fn open(
        &self,
        name: &str,
        named_at: Span,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Node> {
        let candidates = self.folders.iter().flat_map(|folder| {
            ["yml", "yaml"].map(|extension| folder.join(format!("{name}.{extension}")))
        });
        let Some(path) = candidates.into_iter().find(|path| path.is_file()) else {
            let folders: Vec<_> = self
                .folders
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            let help = match folders.is_empty() {
                true => "name the folder of libraries under `libraries` in the pipeline".to_owned(),
                false => format!(
                    "it would be `{name}.yml` in {}",
                    quoted_list(folders.iter().map(String::as_str)),
                ),
            };
            diagnostics.push(
                Diagnostic::new(
                    &codes::LIBRARY_NOT_FOUND,
                    format!("there is no library `{name}`"),
                )
                .at(named_at, "")
                .help(help),
            );
            return None;
        };
        read(&path, Some(named_at), sources, diagnostics)
    }

    /// Reads the library `name` at `path` by itself. Reported is what is wrong with it whatever a ruleset
    /// takes from it: what is no library, and references that lead nowhere.
    pub fn check(path: &Path, name: &str, sources: &mut Sources, diagnostics: &mut Diagnostics) {
        let Some(root) = read(path, None, sources, diagnostics) else {
            return;
        };
        let mut libraries = Self::default();
        libraries.read.insert(name.to_owned(), Some(root.clone()));
        Resolver::new(&mut libraries, sources, diagnostics).whole(&root, Some(name));
    }
}

/// The library at `path`. What is wrong with it is reported, at `named_at` or in its own file.
fn read(
    path: &Path,
    named_at: Option<Span>,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let file = sources.read(path, named_at, diagnostics)?;
    let root = yaml::parse(file, sources, diagnostics)?;
    fields::check_version(&root, diagnostics);
    if let Some(imports) = root.as_map().and_then(|map| map.entry("imports")) {
        diagnostics.push(
            Diagnostic::new(&codes::LIBRARY_IMPORTS, "a library cannot import libraries")
                .at(imports.key.span, "")
                .help("import both libraries in the ruleset"),
        );
        return None;
    }
    Fields::new(&root, "a library", keys::LIBRARY, diagnostics)?;
    check_locality(&root, diagnostics);
    Some(root)
}

/// Follows the references of one ruleset.
pub(super) struct Resolver<'a> {
    libraries: &'a mut Libraries,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
    imports: Vec<String>,
    /// References that are being followed, outermost first.
    open: Vec<String>,
    /// References that have been followed.
    done: BTreeMap<String, Node>,
    /// Whether they unfold into more than a ruleset may hold.
    too_big: bool,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        libraries: &'a mut Libraries,
        sources: &'a mut Sources,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self {
            libraries,
            sources,
            diagnostics,
            imports: Vec::new(),
            open: Vec::new(),
            done: BTreeMap::new(),
            too_big: false,
        }
    }

    /// The ruleset with a value in the place of every reference.
    pub(super) fn resolve(mut self, root: &Node) -> Node {
        let imports = root.get("imports").filter(|imports| !imports.is_null());
        for import in imports.map_or(&[][..], fields::one_or_many) {
            self.import(import);
        }
        self.whole(root, None)
    }

    /// A whole file without references; `home` is the library it is.
    fn whole(&mut self, root: &Node, home: Option<&str>) -> Node {
        let resolved = self.expand(root, home);
        if self.too_big {
            return Node::broken(root.span);
        }
        if resolved.size() > yaml::MAX_NODES || resolved.depth() > yaml::MAX_DEPTH {
            self.diagnostics
                .push(yaml::too_big(Span::top(root.span.file)));
            return Node::broken(root.span);
        }
        resolved
    }

    fn import(&mut self, node: &Node) {
        let Some(name) = fields::named(node, self.diagnostics) else {
            return;
        };
        if let Some(problem) = name_problem(&name.value) {
            self.diagnostics.push(
                Diagnostic::new(&codes::LIBRARY_NAME, problem)
                    .at(name.span, "")
                    .help("a library is named `namespace/name`"),
            );
            return;
        }
        if self.imports.contains(&name.value) {
            let message = format!("the library `{}` is imported twice", name.value);
            self.diagnostics
                .push(Diagnostic::new(&codes::DUPLICATE_IMPORT, message).at(name.span, ""));
            return;
        }
        self.libraries
            .load(&name.value, name.span, self.sources, self.diagnostics);
        self.imports.push(name.value);
    }

    /// `node` without references; `home` is the library it comes from.
    fn expand(&mut self, node: &Node, home: Option<&str>) -> Node {
        match &node.kind {
            Kind::Map(map) => {
                if let Some(reference) = map.entry("$ref") {
                    if map.entries.len() > 1 {
                        let message = "a reference stands alone in its mapping";
                        self.diagnostics.push(
                            Diagnostic::new(&codes::REFERENCE_MIXED, message)
                                .at(reference.key.span, "")
                                .help("nothing can be merged onto a referenced value: copy it, or change the library"),
                        );
                        return Node::broken(node.span);
                    }
                    return self.follow(&reference.value, home);
                }
                let entries = map.entries.iter().map(|Entry { key, value }| Entry {
                    key: key.clone(),
                    value: if &*key.text == "type" && value.get("$ref").is_some() {
                        let message = "a reference cannot stand for a `type`";
                        self.diagnostics.push(
                            Diagnostic::new(&codes::REFERENCE_AS_TYPE, message)
                                .at(value.key_span("$ref"), "")
                                .help("refer to the whole mask or task"),
                        );
                        Node::broken(value.span)
                    } else {
                        self.expand(value, home)
                    },
                });
                let entries = entries.collect();
                Node::map(entries, node.span)
            }
            Kind::Seq(items) => {
                let items = items.iter().map(|item| self.expand(item, home));
                let items = items.collect();
                Node::seq(items, node.span)
            }
            _ => node.clone(),
        }
    }

    /// The value a reference stands for.
    fn follow(&mut self, reference: &Node, home: Option<&str>) -> Node {
        let span = reference.span;
        let broken = Node::broken(span);
        if self.too_big {
            return broken;
        }
        let Some(text) = fields::text(reference, self.diagnostics) else {
            return broken;
        };
        let (library, path) = match split(&text) {
            Ok(parts) => parts,
            Err(problem) => return self.fail(&codes::REFERENCE_SYNTAX, problem, span, ""),
        };
        let name = match (library, home) {
            ("", Some(home)) => home.to_owned(),
            ("", None) => {
                let problem = "a reference of a ruleset begins with the name of a library";
                return self.fail(&codes::REFERENCE_SYNTAX, problem, span, "");
            }
            (name, _) => name.to_owned(),
        };
        if home.is_some_and(|home| home != name) {
            let problem = "a library can only refer to itself";
            return self.fail(&codes::LIBRARY_IMPORTS, problem, span, "");
        }
        if home.is_none() && !self.imports.contains(&name) {
            let nearest = nearest_label(&name, self.imports.iter().map(String::as_str));
            let problem = format!("the library `{name}` is not imported");
            return self.fail(&codes::NOT_IMPORTED, &problem, span, &nearest);
        }
        let Some(Some(root)) = self.libraries.read.get(&name) else {
            // Reported where it is imported.
            return broken;
        };
        let root = root.clone();
        let key = format!("{name}#{path}");
        if let Some(done) = self.done.get(&key) {
            return done.clone();
        }
        if self.open.contains(&key) {
            let problem = format!("the reference `{text}` leads back to itself");
            return self.fail(&codes::REFERENCE_CYCLE, &problem, span, "");
        }
        if self.open.len() as u32 >= yaml::MAX_DEPTH {
            let problem = "references are nested too deep";
            return self.fail(&codes::YAML_TOO_BIG, problem, span, "");
        }
        let target = match find(&root, &name, path) {
            Ok(target) => target.clone(),
            Err((code, problem, label)) => return self.fail(code, &problem, span, &label),
        };
        self.open.push(key.clone());
        let value = self.expand(&target, Some(&name));
        self.open.pop();
        if value.size() > yaml::MAX_NODES || value.depth() > yaml::MAX_DEPTH {
            if !self.too_big {
                self.diagnostics.push(yaml::too_big(span));
            }
            self.too_big = true;
            return broken;
        }
        self.done.insert(key, value.clone());
        value
    }

    fn fail(&mut self, code: &'static Code, problem: &str, span: Span, label: &str) -> Node {
        self.diagnostics.push(
            Diagnostic::new(code, problem)
                .at(span, label)
                .help("a reference is written `namespace/name#section/key`"),
        );
        Node::broken(span)
    }
}

/// What is wrong with the name of a library, if anything.
pub fn name_problem(name: &str) -> Option<&'static str> {
    let (namespace, own) = name.rsplit_once('/').unwrap_or(("", name));
    if name.starts_with('/') || name.ends_with('/') {
        return Some("the name of a library neither begins nor ends with `/`");
    }
    if name.contains("//") {
        return Some("the name of a library has no empty part");
    }
    if own.chars().count() > MAX_NAME || namespace.chars().count() > MAX_NAME {
        return Some("the name of a library is longer than 255 characters");
    }
    let leads_out = |part: &str| part == "." || part == "..";
    if name.split('/').any(leads_out) || name.contains(['\\', ':', '\0']) {
        return Some("the name of a library leads out of its folder");
    }
    None
}

/// A reference's library, which may be empty, and its path.
fn split(text: &str) -> Result<(&str, &str), &'static str> {
    let Some((library, path)) = text.split_once('#') else {
        return Err("a reference has no `#`");
    };
    if path.contains('#') {
        return Err("a reference has more than one `#`");
    }
    if path.is_empty() {
        return Err("a reference has no path after `#`");
    }
    if path.starts_with('/') {
        return Err("the path of a reference begins with `/`");
    }
    if path.split('/').any(str::is_empty) {
        return Err("the path of a reference has an empty part");
    }
    match library.is_empty() {
        true => Ok((library, path)),
        false => match name_problem(library) {
            Some(problem) => Err(problem),
            None => Ok((library, path)),
        },
    }
}

/// The value at `path` in a library, or what is wrong with the path.
fn find<'n>(
    root: &'n Node,
    library: &str,
    path: &str,
) -> Result<&'n Node, (&'static Code, String, String)> {
    let mut node = root;
    for (depth, step) in path.split('/').enumerate() {
        if depth == 0 && !SECTIONS.contains(&step) {
            return Err((
                &codes::UNKNOWN_SECTION,
                format!("a library has no section `{step}`"),
                nearest_label(step, SECTIONS),
            ));
        }
        let next = match &node.kind {
            Kind::Seq(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => node.get(step),
        };
        node = next.ok_or_else(|| {
            let names = node.as_map().map_or(&[][..], |map| &map.entries).iter();
            let names = names.map(|entry| &*entry.key.text);
            let message = match &node.kind {
                Kind::Seq(items) => {
                    format!(
                        "`{step}` is no index of a list of {} in `{library}`",
                        items.len()
                    )
                }
                _ => format!("the library `{library}` has no `{path}`: `{step}` is missing"),
            };
            (
                &codes::REFERENCE_MISSING,
                message,
                nearest_label(step, names),
            )
        })?;
    }
    Ok(node)
}
