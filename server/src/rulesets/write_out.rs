//! A ruleset in a folder, with all it needs: its libraries, and its seed files beside it.

use std::path::Path;

use super::locality::localized;
use super::{Text, library_name};
use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::error::ApiError;
use crate::files;
use crate::private;

/// The file of the ruleset.
pub(super) const RULESET_FILE: &str = "ruleset.yml";
/// The folder of the libraries.
pub(super) const LIBRARIES: &str = "libraries";

/// Writes a stored ruleset into `folder`: `ruleset.yml` with the locality in it, its libraries as
/// `libraries/NAMESPACE/NAME.yml`, its seed files by their names.
///
/// # Errors
/// When a file cannot be written.
pub(crate) async fn write_out(
    app: &App,
    ruleset: &Document,
    folder: &Path,
) -> Result<(), ApiError> {
    write_text(app, &Text::of(ruleset)?.config_yaml, folder).await
}

/// As [`write_out`], of a ruleset that need not be stored.
pub(super) async fn write_text(app: &App, yaml: &str, folder: &Path) -> Result<(), ApiError> {
    let yaml = localized(app, yaml).await?;
    private::write(&folder.join(RULESET_FILE), yaml.as_bytes())?;
    private::make(&folder.join(LIBRARIES))?;
    let mut texts = vec![yaml];
    for library in documents::all(app.store(), Kind::RulesetLibrary).await? {
        let name = library_name(&library.variant, &library.name);
        // What is written in vain does no harm.
        if texts[0].contains(&name) {
            let text = Text::of(&library)?.config_yaml;
            let file = folder.join(LIBRARIES).join(format!("{name}.yml"));
            if let Some(above) = file.parent() {
                private::make(above)?;
            }
            private::write(&file, text.as_bytes())?;
            texts.push(text);
        }
    }
    let seeds = documents::all(app.store(), Kind::Seed).await?;
    let names: Vec<&str> = seeds.iter().map(|seed| seed.name.as_str()).collect();
    for seed in &seeds {
        let named = |name: &&str| texts.iter().any(|text| text.contains(*name));
        // A ruleset may call it as it was called where it comes from, unless another one is called so.
        let filename = seed.body["filename"].as_str().unwrap_or_default();
        let filename = Some(filename).filter(|name| !names.contains(name));
        let filename = filename.filter(|name| files::name(Kind::Seed, name).is_ok());
        let wanted = [Some(seed.name.as_str()), filename].into_iter().flatten();
        let wanted: Vec<&str> = wanted.filter(named).collect();
        if wanted.is_empty() {
            continue;
        }
        let bytes = files::content(app, Kind::Seed, &seed.id).await?;
        for name in wanted {
            private::write(
                &folder.join(name),
                bytes.as_ref().map_or(&[], |bytes| bytes),
            )?;
        }
    }
    Ok(())
}
