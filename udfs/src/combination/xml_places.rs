//! Where in an XML document the values at a path stand.
//!
//! Paths are a part of XPath 1.0:
//!
//! ```text
//! path      = ("/" | "//") step { ("/" | "//") step }       "//" passes over elements between
//! relative  = { "../" } step { ("/" | "//") step }          seen from an element
//! step      = element [ "[" number "]" ]                     the number-th of its kind in its element
//!           | "@" name | "@*" | "text()"                     only as the last step
//! element   = name | "*"
//! ```
//!
//! A name with a prefix stands for names written so; one without stands for that name under any prefix.

use std::collections::HashMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::xml_text::{is_name, is_white};
use super::xml_tree::{Kind, Tree};

/// A path from the document down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub(super) struct Path(Vec<Step>);

/// A path seen from an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub(super) struct RelativePath {
    /// How many elements to go out first.
    out: usize,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// Whether elements may stand between.
    anywhere: bool,
    test: Test,
    nth: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Element(Name),
    Attribute(Name),
    Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Any,
    Is(String),
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// Nodes in the order of the document, none inside another.
    pub(super) found: Vec<usize>,
    /// Whether a step leads nowhere from a node before it; `*`, `@*` and `text()` take what there is.
    pub(super) missing: bool,
}

impl Path {
    /// The nodes of `tree` the path leads to. Of those inside each other, the outermost.
    pub(super) fn places(&self, tree: &Tree<'_>) -> Places {
        let mut places = follow(tree, 0, &self.0);
        let mut end = 0;
        places.found.retain(|&node| {
            let is_outermost = node >= end;
            end = end.max(tree.nodes()[node].end);
            is_outermost
        });
        places
    }
}

impl RelativePath {
    /// The element the steps are taken from, seen from `element`.
    pub(super) fn base(&self, tree: &Tree<'_>, element: usize) -> Option<usize> {
        (0..self.out).try_fold(element, |node, _| {
            // The document holds itself.
            (node > 0).then_some(tree.nodes()[node].parent)
        })
    }

    /// The text of the first node the steps lead to from `base`.
    pub(super) fn text(&self, tree: &Tree<'_>, base: usize) -> Option<String> {
        let places = follow(tree, base, &self.steps);
        tree.text(*places.found.first()?)
    }
}

fn follow(tree: &Tree<'_>, start: usize, steps: &[Step]) -> Places {
    let mut missing = false;
    let mut found = vec![start];
    for step in steps {
        let next = match step.anywhere {
            true => step.within(tree, &found, &mut missing),
            false => step.below(tree, &found, &mut missing),
        };
        found = next;
    }
    Places { found, missing }
}

impl Step {
    /// What the step leads to from each of `nodes`, without elements between.
    fn below(&self, tree: &Tree<'_>, nodes: &[usize], missing: &mut bool) -> Vec<usize> {
        let mut found = vec![];
        for &node in nodes {
            let before = found.len();
            let fitting = tree.children(node).filter(|&child| self.fits(tree, child));
            match self.nth {
                None => found.extend(fitting),
                Some(nth) => found.extend(fitting.skip(nth - 1).take(1)),
            }
            *missing |= self.is_named() && found.len() == before;
        }
        // What is in one of the nodes may stand before what is in the next.
        found.sort_unstable();
        found
    }

    /// What the step leads to from each of `nodes`, however deep.
    fn within(&self, tree: &Tree<'_>, nodes: &[usize], missing: &mut bool) -> Vec<usize> {
        let mut found = vec![];
        let mut counts: HashMap<usize, usize> = HashMap::new();
        let mut end = 0;
        for &node in nodes {
            // A node inside the one before it has been looked through with it.
            if node >= end {
                end = tree.nodes()[node].end;
                found.extend((node + 1..end).filter(|&inner| {
                    self.fits(tree, inner)
                        && self.nth.is_none_or(|nth| {
                            let count = counts.entry(tree.nodes()[inner].parent).or_default();
                            *count += 1;
                            *count == nth
                        })
                }));
            }
        }
        *missing |= self.is_named()
            && nodes.iter().any(|&node| {
                let first = found.partition_point(|&inner| inner <= node);
                found
                    .get(first)
                    .is_none_or(|&inner| inner >= tree.nodes()[node].end)
            });
        found
    }

    fn fits(&self, tree: &Tree<'_>, node: usize) -> bool {
        match (&self.test, tree.nodes()[node].kind) {
            (Test::Element(wanted), Kind::Element { name } | Kind::EmptyTag { name })
            | (Test::Attribute(wanted), Kind::Attribute { name, .. }) => wanted.fits(name),
            (Test::Text, Kind::Text) => !is_white(tree.raw(node)),
            _ => false,
        }
    }

    fn is_named(&self) -> bool {
        match &self.test {
            Test::Element(Name::Is(_)) | Test::Attribute(Name::Is(_)) => true,
            Test::Element(Name::Any) => self.nth.is_some(),
            Test::Attribute(Name::Any) | Test::Text => false,
        }
    }
}

impl Name {
    fn fits(&self, written: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(name) if name.contains(':') => name == written,
            Self::Is(name) => written.rsplit(':').next() == Some(name),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "*" => Ok(Self::Any),
            name if name.split(':').all(is_name) && name.split(':').count() <= 2 => {
                Ok(Self::Is(name.to_owned()))
            }
            other => Err(format!(
                "`{other}` is no step of a path: write a name, `*`, `name[2]`, `@name` or `text()`"
            )),
        }
    }
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err("a path begins with `/` or `//`".to_owned());
        }
        let steps = steps(&path)?;
        match steps.first() {
            Some(Step {
                anywhere: false,
                test: Test::Attribute(_) | Test::Text,
                ..
            }) => {
                Err("a document has no attribute or text of its own: name its element".to_owned())
            }
            _ => Ok(Self(steps)),
        }
    }
}

impl TryFrom<String> for RelativePath {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        let (mut out, mut rest) = (0, path.as_str());
        while let Some(after) = rest.strip_prefix("../") {
            (out, rest) = (out + 1, after);
        }
        if rest.starts_with('/') {
            let message = "a hash source is seen from the element that holds the value: \
                           write `name`, `@name` or `../name`";
            return Err(message.to_owned());
        }
        let steps = steps(&format!("/{rest}"))?;
        Ok(Self { out, steps })
    }
}

/// The steps of `path`, each with a slash or two before it.
fn steps(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = vec![];
    let mut rest = path;
    while let Some(after) = rest.strip_prefix('/') {
        let below = after.strip_prefix('/');
        let after = below.unwrap_or(after);
        let (step, next) = after.split_at(after.find('/').unwrap_or(after.len()));
        steps.push(Step::parse(below.is_some(), step)?);
        rest = next;
    }
    let is_end = |step: &Step| !matches!(step.test, Test::Element(_));
    match steps.split_last() {
        Some((_, before)) if before.iter().any(is_end) => {
            Err("an attribute or text holds nothing: it ends a path".to_owned())
        }
        _ => Ok(steps),
    }
}

impl Step {
    fn parse(anywhere: bool, text: &str) -> Result<Self, String> {
        let (test, nth) = match text
            .strip_suffix(']')
            .and_then(|text| text.rsplit_once('['))
        {
            Some((test, number)) => {
                let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
                let number = number.parse().ok().filter(|&n: &usize| is_number && n > 0);
                let message = || format!("`{text}`: a number counts from 1");
                (test, Some(number.ok_or_else(message)?))
            }
            None => (text, None),
        };
        let test = match (test, test.strip_prefix('@')) {
            ("text()", _) => Test::Text,
            (_, Some(name)) => Test::Attribute(Name::parse(name)?),
            (name, None) => Test::Element(Name::parse(name)?),
        };
        match (&test, nth) {
            (Test::Attribute(_) | Test::Text, Some(_)) => {
                Err(format!("`{text}`: only elements are counted"))
            }
            _ => Ok(Self {
                anywhere,
                test,
                nth,
            }),
        }
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.0.iter().map(Step::to_string).collect()
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        let steps: Self = path.steps.iter().map(Step::to_string).collect();
        "../".repeat(path.out) + &steps[1..]
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.anywhere { "//" } else { "/" })?;
        match &self.test {
            Test::Element(name) => write!(f, "{name}"),
            Test::Attribute(name) => write!(f, "@{name}"),
            Test::Text => f.write_str("text()"),
        }?;
        self.nth.map_or(Ok(()), |nth| write!(f, "[{nth}]"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "*",
            Self::Is(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> Path {
        Path::try_from(path.to_owned()).unwrap()
    }

    fn texts(document: &str, wanted: &str) -> (Vec<String>, bool) {
        let tree = Tree::parse(document).unwrap();
        let places = path(wanted).places(&tree);
        let texts = places.found.iter().map(|&node| tree.text(node));
        (
            texts.map(|text| text.unwrap_or("-".into())).collect(),
            places.missing,
        )
    }

    #[test]
    fn values_at_paths() {
        let document = r#"<a xmlns:p="u" k="1"><b i="2">x<c>y</c><!-- n -->z</b>
            <p:b p:i="3"/><b><b i="4">w</b><c/></b></a>"#;
        for (path, values, missing) in [
            ("/a/b", &["xyz", "-", "w"][..], false),
            ("/a/p:b", &["-"], false),
            ("/a/b[1]", &["xyz"], false),
            ("/a/b[4]", &[], true),
            ("/a/b/b", &["w"], true),
            ("//b/b", &["w"], true),
            ("/b", &[], true),
            ("//b", &["xyz", "-", "w"], false),
            ("//c", &["y", "-"], false),
            ("//b[1]", &["xyz", "w"], false),
            ("/a//c", &["y", "-"], false),
            ("/a/b//c", &["y", "-"], true),
            ("/a/*/*", &["y", "w", "-"], false),
            ("/a/*/*/*", &[], false),
            ("/a/*[2]", &["-"], false),
            ("/a/@k", &["1"], false),
            ("/a/@*", &["1"], false),
            ("/a/@p", &[], true),
            ("/a/@xmlns:p", &[], true),
            ("//@i", &["2", "3", "4"], false),
            ("//@p:i", &["3"], false),
            ("/a/b/@i", &["2", "3"], true),
            ("/a/b/text()", &["x", "z"], false),
            ("//text()", &["x", "y", "z", "w"], false),
            ("/a/b[1]//text()", &["x", "y", "z"], false),
        ] {
            let expected = values.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(texts(document, path), (expected, missing), "{path}");
        }
    }

    #[test]
    fn values_beside_a_place() {
        let tree =
            Tree::parse(r#"<a i="7"><h>d</h><p i="8"><n>Ann</n><n>Bea</n></p></a>"#).unwrap();
        let place = path("//n").places(&tree).found[0];
        let parent = tree.nodes()[place].parent;
        for (path, value) in [
            ("n", Some("Ann")),
            ("n[2]", Some("Bea")),
            ("@i", Some("8")),
            ("../@i", Some("7")),
            ("../h", Some("d")),
            ("../h/text()", Some("d")),
            ("../../a/h", Some("d")),
            ("../../../a", None),
            ("h", None),
        ] {
            let path = RelativePath::try_from(path.to_owned()).unwrap();
            let base = path.base(&tree, parent);
            let text = base.and_then(|base| path.text(&tree, base));
            assert_eq!(text.as_deref(), value, "{path:?}");
        }
    }

    #[test]
    fn paths_are_written_as_they_are_read() {
        for text in ["/a", "//a/*[2]//p:b/@*", "/a/b/text()", "//@i"] {
            assert_eq!(String::from(path(text)), text);
        }
        for text in ["a", "../../a/@b", "text()", "a//b[3]"] {
            let path = RelativePath::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(path), text);
        }
        for text in [
            "",
            "/",
            "a",
            "//",
            "/a/",
            "/a///b",
            "/@a",
            "/text()",
            "/a/@b/c",
            "/a/text()/b",
            "/a[0]",
            "/a[+1]",
            "/a[x]",
            "/a[]",
            "/a/@b[1]",
            "/a/text()[1]",
            "/a/..",
            "/a/.",
            "/p:*",
            "/a:b:c",
            "/a b",
            "/a[@b='1']",
            "/child::a",
            "/a/b()",
            "/@",
        ] {
            assert!(Path::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["", "..", "../", "/a", "..//a", "../..", ".", "./a"] {
            assert!(RelativePath::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    /// Each step looks at each node once, however elements are nested.
    #[test]
    fn deep_documents() {
        let depth = 200_000;
        let document = "<a>".repeat(depth) + "x" + &"</a>".repeat(depth);
        let tree = Tree::parse(&document).unwrap();
        let places = path("//a//a//a[1]//a").places(&tree);
        assert_eq!((places.found.len(), places.missing), (1, true));
        assert_eq!(tree.text(1).as_deref(), Some("x"));
    }
}
