//! A pipeline: where to read, what to mask, where to write.

use std::path::PathBuf;

use super::codes;
use super::connection::{self, Connection, ConnectionParser, Holds};
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::fields::{self, Fields};
use super::format::TextOptions;
use super::interpolate::{self, Environment};
use super::keys;
use super::node::{Entry, Kind, Node};
use super::run_options::{self, RunOptions};
use super::source::{Sources, Span, Spanned};

/// A pipeline with its environment in it.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// All connections without a problem, in order.
    pub connections: Vec<Connection>,
    /// Where to read.
    pub source: Place,
    /// Where to write; the source itself where `in_place` says so, and where it is a database.
    pub destination: Place,
    /// What to mask.
    pub ruleset: RulesetSource,
    /// Folders with libraries; relative ones have been made relative to the pipeline file.
    pub libraries: Vec<PathBuf>,
    /// How the run behaves.
    pub options: RunOptions,
    /// What is written, for places.
    pub node: Node,
}

/// A folder of a connection, or a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of a connection that the pipeline lists.
    pub connection: Spanned<String>,
    /// Folder below its base directory, without slashes at its ends; may be empty.
    pub path: String,
    /// Of a destination that tables are copied to: what the files are.
    pub format: Option<Spanned<CopyFormat>>,
    /// Of a destination of copies: what becomes of what is there.
    pub mode: Option<Spanned<CopyMode>>,
    /// Of a database that is filled: whether tables that are not there are made.
    pub create_tables: Option<Spanned<bool>>,
}

/// What tables are written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyFormat {
    /// Apache Parquet.
    #[default]
    Parquet,
    /// Comma-separated values.
    Csv,
}

/// What becomes of rows and files that are at a destination already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyMode {
    /// There must be none.
    #[default]
    Error,
    /// They stay.
    Append,
    /// They go.
    Overwrite,
}

/// Where a ruleset is.
#[derive(Debug, Clone)]
pub enum RulesetSource {
    /// In a file; a relative path has been made relative to the pipeline file.
    File(Spanned<PathBuf>),
    /// In the pipeline.
    Inline(Node),
}

impl Pipeline {
    /// The connection of this name.
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        let mut connections = self.connections.iter();
        connections.find(|connection| connection.name.value == name)
    }
}

/// What a ruleset needs to be checked, also when the rest of the pipeline is wrong.
pub(super) struct Surroundings {
    pub ruleset: Option<RulesetSource>,
    pub libraries: Vec<PathBuf>,
    pub text: TextOptions,
    /// What the source holds, and where it is named.
    pub source: Option<(Holds, Span)>,
    /// What the destination holds, and where it is named.
    pub destination: Option<(Holds, Span)>,
}

/// Reads a pipeline from its tree. Every problem is reported; what could be read is given back.
pub(super) fn parse(
    root: &Node,
    environment: &dyn Environment,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<(Option<Pipeline>, Surroundings)> {
    if is_ruleset(root, diagnostics) {
        return None;
    }
    fields::check_version(root, diagnostics);
    let root = interpolated(root, environment, sources, diagnostics);
    let fields = Fields::new(&root, "a pipeline", keys::PIPELINE, diagnostics)?;
    let libraries = fields.get("libraries");
    let libraries = libraries.map_or(&[][..], fields::one_or_many).iter();
    let libraries: Vec<_> = libraries
        .filter_map(|node| fields::named(node, diagnostics))
        .map(|folder| sources.resolve(folder.span.file, &folder.value))
        .collect();
    let options = fields.get("options");
    let options = options.map(|node| RunOptions::parse(node, sources, diagnostics));
    let options = options.unwrap_or_default();
    let ruleset = fields
        .get("ruleset")
        .and_then(|node| parse_ruleset(node, sources, diagnostics));
    let held = |key| {
        let place = fields.get(key)?;
        let named = place.get("connection").unwrap_or(place);
        let connection = fields.get("connections")?.get(named.as_str()?)?;
        Some((connection::holds(connection)?, named.span))
    };
    let source = held("source");
    // Without one, the source itself is written.
    let destination = held("destination").or(source);
    if let (Some((holds, _)), Some(options)) = (source, fields.get("options")) {
        run_options::check_source(holds, options, diagnostics);
    }
    let surroundings = Surroundings {
        ruleset: ruleset.clone(),
        libraries: libraries.clone(),
        text: options.text.clone(),
        source,
        destination,
    };

    let name = fields.text("name", diagnostics);
    let listed = listed(fields.get("connections"));
    let mut parser = ConnectionParser {
        sources,
        diagnostics,
    };
    let connections = fields.get("connections");
    let connections = connections.map(|node| parser.all(node)).unwrap_or_default();
    let places = parse_places(&fields, &listed, options.in_place, diagnostics);
    let pipeline = places
        .zip(ruleset)
        .map(|((source, destination), ruleset)| Pipeline {
            name,
            connections,
            source,
            destination,
            ruleset,
            libraries,
            options,
            node: root.clone(),
        });
    Some((pipeline, surroundings))
}

/// The connections without a problem, of a tree that may have nothing else.
pub(super) fn connections(
    root: &Node,
    environment: &dyn Environment,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<Connection> {
    let root = interpolated(root, environment, sources, diagnostics);
    let mut parser = ConnectionParser {
        sources,
        diagnostics,
    };
    let connections = root.get("connections");
    connections.map(|node| parser.all(node)).unwrap_or_default()
}

/// Whether a file that is asked for as a pipeline is a ruleset, which is reported.
fn is_ruleset(root: &Node, diagnostics: &mut Diagnostics) -> bool {
    let has = |key| root.get(key).is_some();
    let mistaken = has("tasks") && !["connections", "source", "ruleset"].into_iter().any(has);
    if mistaken {
        let message = "this is a ruleset, and a pipeline is asked for";
        diagnostics.push(
            Diagnostic::new(&codes::MISTAKEN_FILE, message)
                .at(fields::first_line(root), "")
                .help("name it as `ruleset` in a pipeline, which also has `connections`, `source` and `destination`"),
        );
    }
    mistaken
}

/// Source and destination.
fn parse_places(
    fields: &Fields<'_>,
    listed: &[Listed],
    in_place: bool,
    diagnostics: &mut Diagnostics,
) -> Option<(Place, Place)> {
    let source = fields
        .get("source")
        .and_then(|node| parse_place(node, listed, diagnostics));
    let is_database = |place: &Place| holds(listed, place) == Some(Holds::Tables);
    let destination = match fields.get("destination") {
        Some(node) => parse_place(node, listed, diagnostics),
        None if in_place || source.as_ref().is_some_and(is_database) => source.clone(),
        None if source.is_none() && fields.get("source").is_some() => None,
        None => {
            diagnostics.push(
                Diagnostic::new(&codes::NO_DESTINATION, "the pipeline has no `destination`")
                    .at(fields.key_span("source"), "")
                    .help(
                        "add one, or set `in_place: true` under `options` to overwrite the source",
                    ),
            );
            None
        }
    };
    let (source, destination) = (source?, destination?);
    let of_tables = [&source, &destination].map(is_database);
    check_place_options(&source, &destination, of_tables, diagnostics);
    if of_tables == [true, true] && source.connection.value == destination.connection.value {
        return Some((source, destination));
    }
    check_places(&source, &destination, in_place, diagnostics);
    Some((source, destination))
}

/// The pipeline with its variables, but for an inline ruleset: its `${…}` belong to patterns.
fn interpolated(
    root: &Node,
    environment: &dyn Environment,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Node {
    let Kind::Map(map) = &root.kind else {
        return root.clone();
    };
    let entries = map.entries.iter().map(|Entry { key, value }| Entry {
        key: key.clone(),
        value: match (&*key.text, &value.kind) {
            ("ruleset", Kind::Map(_)) => value.clone(),
            _ => interpolate::interpolate(value, environment, sources, diagnostics),
        },
    });
    let entries = entries.collect();
    Node::map(entries, root.span)
}

/// The name of a connection, also of one that could not be read, and what lies there.
type Listed = (String, Option<Holds>);

/// All connections.
fn listed(connections: Option<&Node>) -> Vec<Listed> {
    let map = connections.and_then(Node::as_map);
    let entries = map.map_or(&[][..], |map| &map.entries).iter();
    entries
        .map(|entry| (entry.key.text.to_string(), connection::holds(&entry.value)))
        .collect()
}

/// What lies at a place.
fn holds(listed: &[Listed], place: &Place) -> Option<Holds> {
    let mut listed = listed.iter();
    let (_, holds) = listed.find(|(name, _)| *name == place.connection.value)?;
    *holds
}

fn parse_place(node: &Node, listed: &[Listed], diagnostics: &mut Diagnostics) -> Option<Place> {
    let (mut format, mut mode, mut create_tables) = (None, None, None);
    let (connection, path) = match &node.kind {
        Kind::Map(_) => {
            let fields = Fields::new(node, "a place", keys::PLACE_KEYS, diagnostics)?;
            let path = match fields.get("path") {
                None => Some(String::new()),
                Some(path) => connection::below_base(path, diagnostics),
            };
            let formats = [("parquet", CopyFormat::Parquet), ("csv", CopyFormat::Csv)];
            format = chosen(&fields, "format", &formats, diagnostics);
            let modes = [
                ("error", CopyMode::Error),
                ("append", CopyMode::Append),
                ("overwrite", CopyMode::Overwrite),
            ];
            mode = chosen(&fields, "mode", &modes, diagnostics);
            let creates = fields.flag("create_tables", diagnostics);
            create_tables = creates.map(|value| Spanned {
                value,
                span: fields.key_span("create_tables"),
            });
            // A wrong path is no reason to keep a wrong connection for the next try.
            (fields.name("connection", diagnostics), path)
        }
        _ => (fields::named(node, diagnostics), Some(String::new())),
    };
    let connection = connection?;
    let known = listed.iter().find(|(name, _)| *name == connection.value);
    let Some((_, holds)) = known else {
        let names = || listed.iter().map(|(name, _)| name.as_str());
        let message = format!("there is no connection `{}`", connection.value);
        diagnostics.push(
            Diagnostic::new(&codes::UNKNOWN_CONNECTION, message)
                .at(connection.span, nearest_label(&connection.value, names()))
                .help(format!("connections are {}", quoted_list(names()))),
        );
        return None;
    };
    if *holds == Some(Holds::Tables) && path.as_ref().is_some_and(|path| !path.is_empty()) {
        let message = "a database has no folders, and this place has a `path`";
        diagnostics.push(
            Diagnostic::new(&codes::DATABASE_PATH, message)
                .at(node.key_span("path"), "")
                .help("remove it; schemas stand before the names of tables: `schema.table`"),
        );
        return None;
    }
    Some(Place {
        connection,
        path: path?,
        format,
        mode,
        create_tables,
    })
}

/// The choice under `key`, where there is one.
fn chosen<T: Copy>(
    fields: &Fields<'_>,
    key: &'static str,
    choices: &[(&str, T)],
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<T>> {
    let value = fields::choice(fields.get(key)?, choices, diagnostics)?;
    let span = fields.key_span(key);
    Some(Spanned { value, span })
}

fn parse_ruleset(
    node: &Node,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<RulesetSource> {
    if node.as_map().is_some() {
        return Some(RulesetSource::Inline(node.clone()));
    }
    let path = fields::named(node, diagnostics)?;
    Some(RulesetSource::File(Spanned {
        value: sources.resolve(path.span.file, &path.value),
        span: path.span,
    }))
}

/// Refuses `format`, `mode` and `create_tables` where they say nothing; `of_tables` tells of source and destination whether
/// they are databases.
fn check_place_options(
    source: &Place,
    destination: &Place,
    of_tables: [bool; 2],
    diagnostics: &mut Diagnostics,
) {
    let in_place = source.connection.value == destination.connection.value;
    let span = |place: &Place, key| match key {
        "format" => place.format.as_ref().map(|format| format.span),
        "mode" => place.mode.as_ref().map(|mode| mode.span),
        _ => place.create_tables.as_ref().map(|creates| creates.span),
    };
    let copies = of_tables != [false, false] && !in_place;
    for (place, key, wanted, why) in [
        (source, "format", false, "a source has none"),
        (source, "mode", false, "a source has none"),
        (
            source,
            "create_tables",
            false,
            "nothing is made in a source",
        ),
        (
            destination,
            "format",
            copies && !of_tables[1],
            match of_tables[1] {
                true => "a database has none",
                false => "files keep theirs",
            },
        ),
        (
            destination,
            "mode",
            copies,
            match of_tables[0] {
                true => "tables are masked in place",
                false => "a file's masked copy takes the place of an earlier one",
            },
        ),
        (
            destination,
            "create_tables",
            copies && of_tables[1],
            match of_tables[1] {
                true => "tables are masked in place",
                false => "it has no tables",
            },
        ),
    ] {
        if let (Some(span), false) = (span(place, key), wanted) {
            let message = format!("`{key}` does not go with this place: {why}");
            diagnostics.push(Diagnostic::new(&codes::PLACE_OPTION, message).at(span, ""));
        }
    }
    let mode = destination.mode.as_ref();
    let appends = mode.filter(|mode| mode.value == CopyMode::Append);
    if let (Some(mode), [true, false]) = (appends, of_tables) {
        let message = "files of a table are written whole, and nothing is appended to them";
        diagnostics.push(
            Diagnostic::new(&codes::PLACE_OPTION, message)
                .at(mode.span, "")
                .help("use `overwrite`, or another `path`"),
        );
    }
}

fn check_places(
    source: &Place,
    destination: &Place,
    in_place: bool,
    diagnostics: &mut Diagnostics,
) {
    let same_path = source.path == destination.path;
    let same = source.connection.value == destination.connection.value && same_path;
    let place = destination.connection.span;
    if same && !in_place {
        diagnostics.push(
            Diagnostic::new(
                &codes::SAME_PLACE,
                "source and destination are the same place",
            )
            .at(place, "")
            .and(source.connection.span, "the source")
            .help("name another destination, or set `in_place: true` under `options`"),
        );
    }
    if !same && in_place {
        let message = "`in_place` is set, and the destination is another place";
        diagnostics.push(
            Diagnostic::new(&codes::IN_PLACE_ELSEWHERE, message)
                .at(place, "")
                .and(source.connection.span, "the source")
                .help("remove `in_place`, or remove the destination"),
        );
    }
}
