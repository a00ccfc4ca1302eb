//! Pipelines, libraries and references between files.

use super::*;

#[test]
fn one_file_in_the_place_of_another() {
    let (_, _, problems) = load(&[("r.yml", RULES)], &[]);
    assert_eq!(
        problems,
        "error[V0208]: this is a ruleset, and a pipeline is asked for\n \
         --> r.yml:1:1\n\
         1 | version: '1.0'\n  \
         | ^^^^^^^\n  \
         = help: name it as `ruleset` in a pipeline, which also has `connections`, `source` and `destination`\n",
    );
    let pipeline = "version: '1.0'\nconnections:\n  a: {type: mounted_share_connection, base_directory: a}\n  \
                    b: {type: mounted_share_connection, base_directory: b}\nsource: a\ndestination: b\nruleset: p.yml\n";
    let (_, ruleset, problems) = load(&[("p.yml", pipeline)], &[]);
    assert!(ruleset.is_none());
    assert_eq!(codes_in(&problems), ["V0208"], "{problems}");
    assert!(problems.contains("this is a pipeline, and a ruleset is asked for"));
}

#[test]
fn a_sound_pipeline() {
    let text = "version: '1.0'
name: nightly
connections:
  in: {type: mounted_share_connection, base_directory: data}
  lake:
    type: s3_connection
    bucket: ${BUCKET}-masked
    base_directory: /out/
    path_style: ${STYLE}
    access_key_id: ${ID}
    secret_access_key: file:secrets/key.txt
  blob: {type: azure_blob_connection, container: c, connection_string: 'AccountName=$${x}'}
  goo: {type: gcs_connection, bucket: b, service_account: {file: secrets/key.txt}}
source: {connection: in, path: today/}
destination: lake
ruleset: rules/crm.yml
libraries: libs
options:
  run_secret: ${SECRET}
  memory_limit: 1GiB
  workers: 2
  unmatched: copy
  csv: {delimiter: ';', null_string: 'NULL'}
";
    let files = [
        ("p.yml", text),
        ("rules/crm.yml", RULES),
        ("secrets/key.txt", "hunter2\r\n"),
    ];
    let secret = "a run secret of some length";
    let environment = [
        ("BUCKET", "lake"),
        ("STYLE", "true"),
        ("ID", "007"),
        ("SECRET", secret),
    ];
    let (pipeline, ruleset, problems) = load(&files, &environment);
    assert_eq!(problems, "");
    let pipeline = pipeline.unwrap();
    let ConnectionKind::S3 {
        bucket,
        base_directory,
        path_style,
        access_key,
        ..
    } = &pipeline.connection("lake").unwrap().kind
    else {
        panic!("lake is an S3 connection");
    };
    assert_eq!(
        (bucket.as_str(), base_directory.as_str(), *path_style),
        ("lake-masked", "out", Some(true))
    );
    let (id, key) = access_key.as_ref().unwrap();
    assert_eq!((id.expose(), key.expose()), ("007", "hunter2"));
    let ConnectionKind::AzureBlob {
        connection_string, ..
    } = &pipeline.connection("blob").unwrap().kind
    else {
        panic!("blob is an Azure connection");
    };
    assert_eq!(
        connection_string.as_ref().unwrap().expose(),
        "AccountName=${x}"
    );
    assert_eq!(pipeline.source.path, "today");
    assert_eq!(pipeline.options.memory_limit_bytes, 1 << 30);
    assert_eq!(pipeline.options.unmatched, Unmatched::Copy);
    assert_eq!(ruleset.unwrap().tasks[0].text().delimiter, Some(';'));
    let debug = format!("{pipeline:?}");
    assert!(
        !debug.contains("hunter2") && !debug.contains(secret),
        "{debug}"
    );
}

#[test]
fn pipeline_problems_by_code() {
    let pipeline = |rest: &str| {
        format!(
            "version: '1.0'\nconnections:\n  in: {{type: mounted_share_connection, base_directory: i}}\n  \
             out: {{type: mounted_share_connection, base_directory: o}}\nruleset: r.yml\n{rest}\n"
        )
    };
    let options = |options: &str| {
        pipeline(&format!(
            "source: in\ndestination: out\noptions: {{{options}}}"
        ))
    };
    let connection = |connection: &str| {
        format!(
            "version: '1.0'\nconnections:\n  in: {connection}\n  out: {{type: mounted_share_connection, base_directory: o}}\n\
             source: in\ndestination: out\nruleset: r.yml\n"
        )
    };
    for (text, codes) in [
        (pipeline("source: in\ndestination: out"), vec![]),
        (pipeline("source: inn\ndestination: out"), vec!["V0301"]),
        (
            pipeline("source: {connection: inn, path: ../x}\ndestination: out"),
            vec!["V0301", "V0305"],
        ),
        (pipeline("destination: out"), vec!["V0203"]),
        (pipeline("source: in"), vec!["V0302"]),
        (pipeline("source: in\ndestination: in"), vec!["V0303"]),
        (
            pipeline("source: in\ndestination: {connection: in, path: x}"),
            vec![],
        ),
        (
            pipeline("source: in\ndestination: {connection: out, path: ../x}"),
            vec!["V0305"],
        ),
        (pipeline("source: in\noptions: {in_place: true}"), vec![]),
        (
            pipeline("source: in\ndestination: out\noptions: {in_place: true}"),
            vec!["V0304"],
        ),
        (options("max_rows: 10"), vec!["V0308"]),
        (options("batch_size: 10"), vec!["V0921"]),
        (options("memory_limit: lots"), vec!["V0205"]),
        (options("memory_limit: 1MiB"), vec!["V0205"]),
        (options("memory_limit: 16MiB"), vec![]),
        (options("memory_limit: 0"), vec!["V0205"]),
        (options("memory_limit: 512 mib"), vec![]),
        (options("unmatched: cpy"), vec!["V0205"]),
        (options("coverage: strict, csv: {ragged: keep}"), vec![]),
        (options("run_secret: 'short'"), vec!["V0306"]),
        (options("run_secret: '0123456789abcdef'"), vec!["V0307"]),
        (options("run_secret: '${NOPE}'"), vec!["V0801"]),
        (options("run_secret: '${NO'"), vec!["V0802"]),
        (options("run_secret: file:nope.txt"), vec!["V0803"]),
        (options("wrokers: 2"), vec!["V0202"]),
        (options("csv: {null_string: NULL}"), vec!["V0204"]),
        (
            connection("{db_type: informix, host: x}"),
            vec!["V0911", "V0405"],
        ),
        (connection("{type: s3}"), vec!["V0205"]),
        (connection("{bucket: x}"), vec!["V0203"]),
        (
            connection("{type: s3_connection, bucket: x, access_key_id: a}"),
            vec!["V0309"],
        ),
        (
            connection("{type: s3_connection, bucket: x, region: [a]}"),
            vec!["V0204"],
        ),
        (
            connection("{type: azure_blob_connection, container: x}"),
            vec!["V0309"],
        ),
        (
            connection("{type: azure_blob_connection, container: x, emulator: true}"),
            vec![],
        ),
        (
            connection("{type: gcs_connection, bucket: x, base_directory: a/../..}"),
            vec!["V0305"],
        ),
    ] {
        let (_, ruleset, drawn) = load(&[("p.yml", &text), ("r.yml", RULES)], &[]);
        assert_eq!(codes_in(&drawn), codes, "{text}\n{drawn}");
        assert!(
            ruleset.is_some(),
            "the ruleset is checked in any case: {text}"
        );
    }
    let (_, _, drawn) = load(&[("nope.yml", "a: 1\na: 2\n")], &[]);
    assert_eq!(
        codes_in(&drawn),
        [
            "V0201", "V0202", "V0203", "V0203", "V0203", "V0302", "V0105"
        ],
        "{drawn}"
    );
}

#[test]
fn a_missing_variable_as_drawn() {
    let text = "version: '1.0'
connections:
  in: {type: mounted_share_connection, base_directory: 'a/${HOME_OF_DATA}/b'}
source: in
ruleset: {tasks: [{type: mask_tabular_file, rules: {column: a, masks: {type: from_fixed, value: '${1}'}}}]}
options: {in_place: true}
";
    let (_, _, drawn) = load(&[("p.yml", text)], &[]);
    assert_eq!(
        drawn,
        "error[V0801]: the environment variable `HOME_OF_DATA` is not set\n \
         --> p.yml:3:59\n\
         3 |   in: {type: mounted_share_connection, base_directory: 'a/${HOME_OF_DATA}/b'}\n  \
         |                                                           ^^^^^^^^^^^^^^^\n  \
         = help: set `HOME_OF_DATA`, or write `$${HOME_OF_DATA}` for the text itself\n",
    );
}

const PIPELINE: &str = "version: '1.0'
connections:
  in: {type: mounted_share_connection, base_directory: i}
source: in
ruleset: r.yml
libraries: [libs]
options: {in_place: true}
";

#[test]
fn references() {
    let library = "version: '1.0'
masks:
  fixed: {type: from_fixed, value: x}
  chained: {type: chain, masks: [{$ref: '#masks/fixed'}, {$ref: '#other/list/1'}]}
  loop: {type: chain, masks: [{$ref: '#masks/loop'}]}
  away: {$ref: 'other/lib#masks/x'}
tabular_file_rules:
  email: {column: email, masks: {$ref: '#masks/chained'}}
other:
  list: [{type: hash}, {type: do_nothing}]
";
    let rules = |import: &str, rule: &str| {
        format!(
            "version: '1.0'\nimports: [{import}]\ntasks:\n- type: mask_tabular_file\n  rules: [{rule}]\n"
        )
    };
    let to = |path: &str| {
        rules(
            "acme/common",
            &format!("{{column: a, masks: {{$ref: '{path}'}}}}"),
        )
    };
    for (text, codes, message) in [
        (
            rules(
                "acme/common",
                "{$ref: 'acme/common#tabular_file_rules/email'}",
            ),
            vec![],
            "",
        ),
        (to("acme/common#other/list/0"), vec![], ""),
        (
            to("acme/common#masks/fixd"),
            vec!["V0707"],
            "nearest: `fixed`",
        ),
        (
            to("acme/common#other/list/2"),
            vec!["V0707"],
            "no index of a list of 2",
        ),
        (to("acme/common#mask/x"), vec!["V0704"], "nearest: `masks`"),
        (
            to("acme/commn#masks/x"),
            vec!["V0705"],
            "nearest: `acme/common`",
        ),
        (to("acme/common"), vec!["V0706"], "has no `#`"),
        (to("acme/common#a#b"), vec!["V0706"], "more than one `#`"),
        (to("acme/common#"), vec!["V0706"], "no path"),
        (to("acme/common#/masks"), vec!["V0706"], "begins with `/`"),
        (to("acme/common#masks//x"), vec!["V0706"], "empty part"),
        (
            to("#masks/x"),
            vec!["V0706"],
            "begins with the name of a library",
        ),
        (to("acme/common#masks/loop"), vec!["V0708"], "leads back"),
        (
            to("acme/common#masks/away"),
            vec!["V0703"],
            "only refer to itself",
        ),
        (
            rules(
                "acme/nope",
                "{column: a, masks: {$ref: 'acme/nope#masks/x'}}",
            ),
            vec!["V0702"],
            "libs",
        ),
        (
            rules("../up", "{column: a, masks: {type: hash}}"),
            vec!["V0701"],
            "leads out",
        ),
        (
            rules("a//b", "{column: a, masks: {type: hash}}"),
            vec!["V0701"],
            "empty part",
        ),
        (
            rules("/a", "{column: a, masks: {type: hash}}"),
            vec!["V0701"],
            "neither begins",
        ),
        (
            rules(
                "acme/common, acme/common",
                "{column: a, masks: {type: hash}}",
            ),
            vec!["V0711"],
            "",
        ),
        (
            rules(
                "acme/common",
                "{column: a, masks: {$ref: 'acme/common#masks/fixed', value: 1}}",
            ),
            vec!["V0709"],
            "",
        ),
        (
            rules(
                "acme/common",
                "{column: a, masks: {type: {$ref: 'acme/common#masks/fixed'}}}",
            ),
            vec!["V0710"],
            "",
        ),
        (
            rules("acme/common", "{column: a, masks: {$ref: [x]}}"),
            vec!["V0204"],
            "",
        ),
        (
            rules(
                "acme/importing",
                "{column: a, masks: {$ref: 'acme/importing#masks/x'}}",
            ),
            vec!["V0703"],
            "acme/importing.yml:2:1",
        ),
        (
            rules(
                "acme/wrong",
                "{column: a, masks: {$ref: 'acme/wrong#masks/x'}}",
            ),
            vec!["V0707", "V0202"],
            "nearest: `masks`",
        ),
        (
            rules(
                "acme/bomb",
                "{column: a, masks: {$ref: 'acme/bomb#other/m9'}}",
            ),
            vec!["V0109"],
            "",
        ),
    ] {
        let bomb: String = (1..10)
            .map(|i| {
                format!(
                    "  m{i}: [{}]\n",
                    vec![format!("{{$ref: '#other/m{}'}}", i - 1); 10].join(", ")
                )
            })
            .collect();
        let bomb = format!("version: '1.0'\nother:\n  m0: {{type: hash}}\n{bomb}");
        let files = [
            ("p.yml", PIPELINE),
            ("r.yml", &text),
            ("libs/acme/common.yml", library),
            ("libs/acme/importing.yml", "version: '1.0'\nimports: [x]\n"),
            ("libs/acme/wrong.yml", "version: '1.0'\nmaks: {}\n"),
            ("libs/acme/bomb.yml", &bomb),
        ];
        let (_, ruleset, drawn) = load(&files, &[]);
        assert_eq!(codes_in(&drawn), codes, "{text}\n{drawn}");
        assert!(drawn.contains(message), "{drawn}");
        if codes.is_empty() {
            assert!(!ruleset.unwrap().tasks[0].rules[0].masks.is_empty());
        }
    }
}
