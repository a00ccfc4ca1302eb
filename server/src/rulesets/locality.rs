//! `{{ locality }}`: the server's setting, put into rulesets before they are read. Libraries have none.

use crate::app::App;
use crate::error::ApiError;

/// What is said of `{{ locality }}` where nothing stands for it.
pub(super) const NO_LOCALITY_SET: &str =
    "`{{ locality }}` stands for nothing: set the locality of this server, or write it out";

/// A ruleset with the locality in it, on the same lines.
pub(super) async fn localized(app: &App, yaml: &str) -> Result<String, ApiError> {
    if !yaml.contains("{{") {
        return Ok(yaml.to_owned());
    }
    let settings = app.settings().await?;
    Ok(match is_plain(&settings.locality) {
        true => replaced(yaml, &settings.locality),
        false => yaml.to_owned(),
    })
}

/// Whether a locality means nothing to YAML.
fn is_plain(locality: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    !locality.is_empty() && locality.chars().all(plain)
}

fn replaced(yaml: &str, locality: &str) -> String {
    let mut out = String::with_capacity(yaml.len());
    let mut rest = yaml;
    while let Some(at) = rest.find("{{") {
        let inside = &rest[at + 2..];
        out.push_str(&rest[..at]);
        let (name, after) = inside.split_once("}}").unwrap_or((inside, ""));
        match name.trim_matches([' ', '\t']) == "locality" {
            true => {
                out.push_str(locality);
                rest = after;
            }
            false => {
                out.push_str("{{");
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_locality_is_replaced() {
        for (yaml, expected) in [
            ("a: {{ locality }}\n", "a: AU\n"),
            (
                "a: 'DataMasque_{{locality}}_x.csv'\n",
                "a: 'DataMasque_AU_x.csv'\n",
            ),
            ("a: {{ locality }}, {{locality }}", "a: AU, AU"),
            ("a: '{{ other }}'", "a: '{{ other }}'"),
            ("a: '{{ locality | lower }}'", "a: '{{ locality | lower }}'"),
            ("a: {b: {c: 1}}", "a: {b: {c: 1}}"),
            ("a: '{[A-Z],3}{{'", "a: '{[A-Z],3}{{'"),
        ] {
            assert_eq!(replaced(yaml, "AU"), expected, "{yaml}");
        }
    }

    #[test]
    fn a_locality_cannot_bring_yaml_with_it() {
        for (locality, plain) in [
            ("AU", true),
            ("en-GB", true),
            ("", false),
            ("a: b", false),
            ("a\nb", false),
        ] {
            assert_eq!(is_plain(locality), plain, "{locality:?}");
        }
    }
}
