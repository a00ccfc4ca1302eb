//! `xml` as a ruleset uses it: documents of all kinds, and texts that are none.

use arrow::datatypes::DataType;
use proptest::prelude::*;

use super::*;
use crate::examples::{bind_error, mask_texts, try_texts};

fn xml(path: &str, more: &str) -> String {
    format!(r#"{{"type": "xml", "transforms": [{{"path": "{path}", {more}}}]}}"#)
}

fn fixed(value: &str) -> String {
    let value = serde_json::Value::from(value);
    format!(r#""masks": [{{"type": "from_fixed", "value": {value}}}]"#)
}

fn mask_one(mask: &str, document: &str) -> String {
    mask_texts(mask, &[Some(document)])[0].clone().unwrap()
}

const NULL: &str = r#""masks": [{"type": "from_fixed", "value": null}]"#;
const IMITATE: &str = r#""masks": [{"type": "imitate"}]"#;

#[test]
fn only_the_named_bytes_change() {
    for (path, document, masked) in [
        (
            "/a/b",
            "\u{FEFF}<?xml version='1.0' encoding=\"latin1\" ?>\r\n<!DOCTYPE a SYSTEM 'a.dtd'>\n\
             <!-- <b>no</b> --><a  k = 'v>' ><?p <b> ?>&#65;<b >old</b\n></a > <!-- end -->",
            "\u{FEFF}<?xml version='1.0' encoding=\"latin1\" ?>\r\n<!DOCTYPE a SYSTEM 'a.dtd'>\n\
             <!-- <b>no</b> --><a  k = 'v>' ><?p <b> ?>&#65;<b >x</b\n></a > <!-- end -->",
        ),
        ("/a/@k", r#"<a j="1" k = "old"/>"#, r#"<a j="1" k = "x"/>"#),
        ("/a", "<a><![CDATA[old]]></a>", "<a><![CDATA[x]]></a>"),
        ("/a", "<a> <![CDATA[old]]></a>", "<a>x</a>"),
        ("/a", "<a>old<!-- old --><b c='old'>old</b></a>", "<a>x</a>"),
        ("/a", "<a><b c='old'/></a>", "<a>x</a>"),
        (
            "//b",
            "<a><b>old<b>old</b></b><b>old</b></a>",
            "<a><b>x</b><b>x</b></a>",
        ),
        (
            "//text()",
            "<a>old<b/>old<!---->o<![CDATA[l]]>d\n <b/>\n</a>",
            "<a>x<b/>x<!---->x<b/>\n</a>",
        ),
        (
            "//@*",
            "<a xmlns='u' b='old'><c p:d=\"old\" xmlns:p='u'/></a>",
            "<a xmlns='u' b='x'><c p:d=\"x\" xmlns:p='u'/></a>",
        ),
        (
            "//n",
            "<é><p:n>old</p:n><名/></é>",
            "<é><p:n>x</p:n><名/></é>",
        ),
    ] {
        assert_eq!(
            mask_one(&xml(path, &fixed("x")), document),
            masked,
            "{path}"
        );
    }
    assert_eq!(mask_texts(&xml("/a", &fixed("x")), &[None]), [None]);
}

#[test]
fn values_are_read_and_written_as_their_place_needs() {
    let nasty = "a]]>&<'\"\r\n\t";
    for (path, document, masked) in [
        ("/a", "<a>old</a>", "<a>a]]&gt;&amp;&lt;'\"&#13;\n\t</a>"),
        (
            "/a",
            "<a><![CDATA[old]]></a>",
            "<a><![CDATA[a]]]]><![CDATA[>&<'\"]]>&#13;<![CDATA[\n\t]]></a>",
        ),
        (
            "/a/@b",
            "<a b='old'/>",
            "<a b='a]]&gt;&amp;&lt;&apos;\"&#13;&#10;&#9;'/>",
        ),
        (
            "/a/@b",
            "<a b=\"old\"/>",
            "<a b=\"a]]&gt;&amp;&lt;'&quot;&#13;&#10;&#9;\"/>",
        ),
    ] {
        assert_eq!(
            mask_one(&xml(path, &fixed(nasty)), document),
            masked,
            "{document}"
        );
    }
    let upper = r#""masks": [{"type": "transform_case", "transform": "uppercase"}]"#;
    for (path, document, masked) in [
        ("/a", "<a>b&amp;&#99;&lt;\r\n</a>", "<a>B&amp;C&lt;\n</a>"),
        ("/a", "<a>b<c>d</c><![CDATA[&e]]></a>", "<a>BD&amp;E</a>"),
        ("/a/@b", "<a b='c&apos;\nd'/>", "<a b='C&apos; D'/>"),
    ] {
        assert_eq!(mask_one(&xml(path, upper), document), masked, "{document}");
    }
    for bad in ["a\u{1}", "\u{FFFE}", "\0"] {
        assert!(try_texts(&xml("/a", &fixed(bad)), &[Some("<a>b</a>")]).is_err());
    }
}

#[test]
fn nothing_inside_is_null() {
    let x = fixed("x");
    for document in ["<a><b/></a>", "<a><b></b></a>", "<a><b /></a>"] {
        assert_eq!(mask_one(&xml("/a/b", &x), document), document);
        let error = format!(r#"{x}, "on_null": "error""#);
        assert!(try_texts(&xml("/a/b", &error), &[Some(document)]).is_err());
    }
    let mask = format!(r#"{x}, "on_null": "mask""#);
    for (path, document, masked) in [
        ("/a/b", "<a><b/></a>", "<a><b>x</b></a>"),
        ("/a/b", "<a><p:b c='1' /></a>", "<a><p:b c='1' >x</p:b></a>"),
        ("/a/b", "<a><b></b></a>", "<a><b>x</b></a>"),
        ("/a/@b", "<a b=''/>", "<a b='x'/>"),
    ] {
        assert_eq!(mask_one(&xml(path, &mask), document), masked);
    }
    let null = format!(r#"{NULL}, "on_null": "mask""#);
    for (path, document, masked) in [
        ("//b", "<a><b/><b>x</b></a>", "<a><b/><b></b></a>"),
        ("//@b", "<a b='x'/>", "<a b=''/>"),
        ("/a", "<a><![CDATA[x]]></a>", "<a><![CDATA[]]></a>"),
    ] {
        assert_eq!(mask_one(&xml(path, &null), document), masked);
    }
}

#[test]
fn missing_values() {
    let x = fixed("x");
    let document = "<a><b><c>old</c></b><b/></a>";
    assert!(try_texts(&xml("/a/b/c", &x), &[Some(document)]).is_err());
    let skip = format!(r#"{x}, "on_missing": "skip""#);
    assert_eq!(
        mask_one(&xml("/a/b/c", &skip), document),
        "<a><b><c>x</c></b><b/></a>"
    );
    assert_eq!(mask_one(&xml("//z", &skip), document), document);
}

/// Every one of these is refused, whatever the path.
const BAD: &[&str] = &[
    "",
    " ",
    "old",
    "<a>",
    "</a>",
    "<a></b>",
    "<a></a ></a>",
    "<a/><a/>",
    "<a/>old",
    "old<a/>",
    "<a/><![CDATA[old]]>",
    "<a/>&#32;",
    "<a",
    "<a b/>",
    "<a b=c/>",
    "<a b='1'c='2'/>",
    "<a b='1' b='2'/>",
    "<a xmlns='u' xmlns='u'/>",
    "<a b='<'/>",
    "<a b='&x;'/>",
    "<a b='1'",
    "<a b='&'/>",
    "<a>&x;</a>",
    "<a>&</a>",
    "<a>& b</a>",
    "<a>&amp</a>",
    "<a>&#0;</a>",
    "<a>&#x1F;</a>",
    "<a>]]></a>",
    "<a><![CDATA[old</a>",
    "<a><![cdata[old]]></a>",
    "<a><!-- -- --></a>",
    "<a><!-- ---></a>",
    "<a><!-- </a>",
    "<a><?xml version='1.0'?></a>",
    "<a><?XML ?></a>",
    "<a><? ?></a>",
    "<a><?p</a>",
    " <?xml version='1.0'?><a/>",
    "<?xml version='1.1'?><a/>",
    "<?xml?><a/>",
    "<?xml encoding='a'?><a/>",
    "<?xml version='1.0' standalone='maybe'?><a/>",
    "<?xml version='1.0' x='y'?><a/>",
    "<?xml version='1.0'encoding='utf-8'?><a/>",
    "<!DOCTYPE a [<!ENTITY x 'old'>]><a>&x;</a>",
    "<!DOCTYPE a []><a/>",
    "<!DOCTYPE a><!DOCTYPE a><a/>",
    "<a/><!DOCTYPE a>",
    "<!doctype a><a/>",
    "<!DOCTYPE><a/>",
    "<!DOCTYPEa><a/>",
    "<a><!DOCTYPE a></a>",
    "<!ELEMENT a><a/>",
    "< a/>",
    "<a></ a>",
    "<a></a b='1'>",
    "<a/ >",
    "<1/>",
    "<a\u{1}/>",
    "<a>\u{0}</a>",
    "<a>\u{FFFF}</a>",
    "<a><b></a></b>",
    "\u{FEFF}\u{FEFF}<a/>",
    "<>",
    "<a><></a>",
    "<a b= '1' = '2'/>",
    "<!DOCTYPE l [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><l>&b;</l>",
];

#[test]
fn what_is_no_document() {
    let strict = xml("//*", &fixed("x"));
    let args = format!(r#""transforms": [{{"path": "//*", {}}}]"#, fixed("x"));
    let suppress = format!(r#"{{"type": "xml", "on_invalid": "suppress", {args}}}"#);
    let fallback = r#"[{"type": "partial", "unmasked_from_right": 1}]"#;
    let fallback = format!(r#"{{"type": "xml", "fallback_masks": {fallback}, {args}}}"#);
    for text in BAD {
        assert!(try_texts(&strict, &[Some(text)]).is_err(), "{text:?}");
        assert_eq!(mask_texts(&suppress, &[Some(text)]), [None], "{text:?}");
    }
    let texts = [Some("<a>b"), None, Some("<a>b</a>"), Some("none")];
    assert_eq!(
        mask_texts(&fallback, &texts),
        [
            Some("***b".into()),
            None,
            Some("<a>x</a>".into()),
            Some("***e".into())
        ]
    );
}

#[test]
fn what_draws_are_taken_from() {
    let document = "<l><p k='1'><n>abcdef</n></p><p k='2'><n>abcdef</n></p>\
                    <p k='1'><n>abcdef</n></p></l>";
    let run = |more: &str| {
        let masked = mask_one(&xml("/l/p/n", &format!("{IMITATE}{more}")), document);
        let tree = Tree::parse(&masked).unwrap();
        let places = Path::try_from("//n".to_owned()).unwrap().places(&tree);
        let names = places.found.iter().map(|&place| tree.text(place).unwrap());
        names.collect::<Vec<_>>()
    };
    let by_row = run("");
    assert!(by_row[0] != by_row[1] && by_row[0] != by_row[2]);
    let by_value = run(r#", "force_consistency": true"#);
    assert!(by_value[0] == by_value[1] && by_value[0] == by_value[2]);
    let by_source = run(r#", "hash_sources": ["@k"]"#);
    assert!(by_source[0] != by_source[1] && by_source[0] == by_source[2]);
    let by_outer = run(r#", "hash_sources": ["../p/@k"]"#);
    assert!(by_outer[0] == by_outer[1] && by_outer[0] == by_source[0]);
    let advanced = run(r#", "force_consistency": true, "advance_hash": true"#);
    assert_ne!(advanced[0], by_value[0]);
}

#[test]
fn nesting_and_size_are_no_limit() {
    let depth = 100_000;
    let deep = "<a>".repeat(depth) + "old" + &"</a>".repeat(depth);
    let masked = mask_one(&xml("//text()", &fixed("x")), &deep);
    assert_eq!(masked, deep.replace("old", "x"));
    let wide = "<b k='old'/>".repeat(depth);
    let wide = format!("<a i='1'>{wide}</a>");
    let more = format!(r#"{}, "hash_sources": ["../@i", "../b"]"#, fixed("x"));
    assert_eq!(
        mask_one(&xml("/a/b/@k", &more), &wide),
        wide.replace("old", "x")
    );
    let names: String = (0..depth).map(|n| format!(" a{n}='old'")).collect();
    let names = format!("<a{names}/>");
    assert_eq!(
        mask_one(&xml("/a/@*", &fixed("x")), &names),
        names.replace("old", "x")
    );
}

#[test]
fn bad_arguments() {
    for (args, path) in [
        ("", "transforms"),
        (r#", "transforms": [{"path": "/a"}]"#, "transforms[0].masks"),
        (
            r#", "node_transforms": [{"path": "/a"}]"#,
            "transforms[0].masks",
        ),
        (
            r#", "transforms": [{"path": "a", "masks": [{"type": "imitate"}]}]"#,
            "transforms[0].path",
        ),
        (
            r#", "transforms": [{"path": "/a", "masks": [{"type": "imitate"}], "hash_sources": ["/b"]}]"#,
            "transforms[0].hash_sources[0]",
        ),
        (
            r#", "transforms": [{"path": "/a", "masks": [{"type": "nope"}]}]"#,
            "transforms[0].masks[0].type",
        ),
        (
            r#", "transforms": [{"path": "/a", "masks": [{"type": "imitate"}],
                "force_consistency": true, "hash_sources": ["b"]}]"#,
            "transforms[0].hash_sources",
        ),
        (
            r#", "transforms": [{"path": "/a", "masks": [{"type": "imitate"}]}],
                "fallback_masks": [{"type": "nope"}]"#,
            "fallback_masks[0].type",
        ),
        (
            r#", "transforms": [{"path": "/a", "masks": [{"type": "imitate"}]}],
                "on_invalid": "suppress", "fallback_masks": [{"type": "imitate"}]"#,
            "fallback_masks",
        ),
    ] {
        let error = bind_error(&format!(r#"{{"type": "xml"{args}}}"#), &DataType::Utf8);
        assert_eq!(error.path, format!("[0].{path}"), "{args}");
    }
}

/// A piece of a document, with `\u{1A}` where a masked value stands.
fn content() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "<s>\u{1A}</s>",
        "<p:s k='s'>\u{1A}</p:s >",
        "<s><![CDATA[\u{1A}]]></s>",
        "<s/>",
        "<s></s>",
        "text",
        "&amp;&#x41;",
        "<![CDATA[<s>no</s>]]>",
        "<!-- <s>no</s> -->",
        "<?p <s>no</s>?>",
        "<e\tk = \"s>\"/>",
        "\r\n ",
        "é\u{1F600}",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 40, 5, |inner| {
            let name = prop::sample::select(vec!["e", "p:f", "名"]);
            (name, prop::collection::vec(inner, 0..5))
                .prop_map(|(name, inside)| format!("<{name} s='no'>{}</{name}>", inside.concat()))
        })
}

proptest! {
    /// Whatever the document, all bytes stay but those of the values, and these read as masked.
    #[test]
    fn any_document(inside in content(), old in "[a-z]{1,5}", new in "([\\PC]|[<>&\"'\\]\r\n]){1,12}") {
        prop_assume!(is_text(&new) && !new.contains('\u{1A}'));
        let template = format!("<?xml version='1.0'?>\n<r>{inside}</r>\n");
        let document = template.replace('\u{1A}', &old);
        let skip = |value: &str| format!(r#"{}, "on_missing": "skip""#, fixed(value));
        let masked = mask_one(&xml("//s", &skip("x")), &document);
        prop_assert_eq!(masked, template.replace('\u{1A}', "x"));
        let masked = mask_one(&xml("//s", &skip(&new)), &document);
        let tree = Tree::parse(&masked).unwrap();
        let places = Path::try_from("//s".to_owned()).unwrap().places(&tree);
        let texts = places.found.iter().filter_map(|&place| tree.text(place));
        let texts: Vec<String> = texts.collect();
        prop_assert_eq!(texts, vec![new; template.matches('\u{1A}').count()]);
    }

    /// Whatever the text: what is masked is still a document, anything else is none.
    #[test]
    fn any_text(pieces in prop::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<a/>", "<b c='d'>", "</b>", "<b", " c=\"d\"", ">", "/>", "<![CDATA[", "]]>", "<!--", "-->",
        "<?p", "?>", "<?xml version='1.0'?>", "<!DOCTYPE a", "[", "]", "&", ";", "&lt;", "&#65;", "'", "\"", "=", "x", " ",
        "\r", "\u{FEFF}", "é", "\0", "<", "!", "-",
    ]), 0..14)) {
        soup(&pieces.concat());
    }

    #[test]
    fn any_bytes(text in "\\PC*") {
        soup(&text);
        soup(&format!("<a>{text}</a>"));
        soup(&format!("<a b='{text}'/>"));
    }
}

fn soup(text: &str) {
    for path in ["//a", "//@*", "//text()"] {
        let transforms = format!(
            r#"[{{"path": "{path}", {}, "on_missing": "skip", "on_null": "mask"}}]"#,
            fixed("<&'")
        );
        let mask =
            format!(r#"{{"type": "xml", "on_invalid": "suppress", "transforms": {transforms}}}"#);
        let masked = mask_texts(&mask, &[Some(text)])[0].clone();
        assert_eq!(masked.is_some(), Tree::parse(text).is_some(), "{text:?}");
        assert!(
            masked.is_none_or(|masked| Tree::parse(&masked).is_some()),
            "{text:?}"
        );
    }
}
