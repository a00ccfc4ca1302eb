//! Bundles: all rulesets, libraries and the seed files they name, taken out and put in.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value as Any, json};
use tokio::task::block_in_place;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::files::MAX_FORM;
use super::libraries;
use crate::access::Caller;
use crate::app::App;
use crate::bundle::{self, Bundle, BundledLibrary, BundledRuleset, BundledSeed};
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::files;
use crate::roles::Role;
use crate::rulesets::{MaskType, Text, Validity, Verdict, imports, library_name, revalidate};
use crate::store::Transaction;
use crate::uploads::{Form, Upload};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}

/// A bundle, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it tells of a form")]
struct BundleForm {
    #[schema(value_type = String, format = Binary)]
    zip_archive: Vec<u8>,
    /// Whether rulesets that are there already are written anew; else they are skipped.
    overwrite_rulesets: Option<bool>,
    /// The same of libraries.
    overwrite_libraries: Option<bool>,
    /// The same of seed files.
    overwrite_seed_files: Option<bool>,
}

/// What came of an import.
#[derive(Debug, Default, Serialize, ToSchema)]
struct ImportSummary {
    rulesets: Imported,
    libraries: Imported,
    seed_files: Imported,
}

/// What became of things of one kind.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Imported {
    created: u64,
    updated: u64,
    skipped: u64,
}

/// A zip archive of all rulesets, libraries and the seed files they name.
#[utoipa::path(get, path = "/api/export/v1", tag = "bundles",
    responses((status = 200, content_type = "application/zip", body = Vec<u8>)))]
async fn export(State(app): State<App>) -> Result<Response, ApiError> {
    let mut bundle = Bundle::default();
    for document in documents::all(app.store(), Kind::Ruleset).await? {
        bundle.rulesets.push(BundledRuleset {
            yaml: Text::of(&document)?.config_yaml,
            mask_type: MaskType::of(&document),
            name: document.name,
        });
    }
    for document in documents::all(app.store(), Kind::RulesetLibrary).await? {
        bundle.libraries.push(BundledLibrary {
            yaml: Text::of(&document)?.config_yaml,
            name: document.name,
            namespace: document.variant,
        });
    }
    for document in documents::all(app.store(), Kind::Seed).await? {
        let filename = document.body["filename"].as_str().unwrap_or_default();
        let named = |yaml: &str| {
            let by_filename = !filename.is_empty() && yaml.contains(filename);
            by_filename || yaml.contains(&document.name)
        };
        let used = bundle.rulesets.iter().any(|ruleset| named(&ruleset.yaml))
            || bundle.libraries.iter().any(|library| named(&library.yaml));
        if used {
            let bytes = files::content(&app, Kind::Seed, &document.id).await?;
            let text = |key: &str| document.body[key].as_str().unwrap_or_default().to_owned();
            bundle.seeds.push(BundledSeed {
                filename: text("filename"),
                description: text("description"),
                bytes: bytes.map(|bytes| bytes.to_vec()).unwrap_or_default(),
                name: document.name,
            });
        }
    }
    let archive = block_in_place(|| bundle::pack(bundle));
    let archive = archive.map_err(|error| ApiError::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"bundle.zip\"",
        ),
    ];
    Ok((headers, archive).into_response())
}

/// Takes in a bundle: all of it, or nothing.
#[utoipa::path(post, path = "/api/import/v1", tag = "bundles",
    request_body(content = BundleForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = ImportSummary),
        (status = 409, description = "someone else has just stored something of the same name"),
    ))]
async fn import(
    State(app): State<App>,
    caller: Caller,
    form: Form,
) -> Result<Json<ImportSummary>, ApiError> {
    let overwrite = Overwrite {
        rulesets: form.flag("overwrite_rulesets")?,
        libraries: form.flag("overwrite_libraries")?,
        seeds: form.flag("overwrite_seed_files")?,
    };
    let archive = form.file("zip_archive")?;
    let bundle = block_in_place(|| bundle::read(&archive.bytes));
    let bundle = bundle.map_err(|error| ApiError::field("zip_archive", error.to_string()))?;
    let may = caller.is(Role::RulesetLibraryManagers);
    let mut taken = Taken::default();
    taken.seeds(&app, bundle.seeds, overwrite.seeds).await?;
    taken
        .libraries(&app, bundle.libraries, overwrite.libraries)
        .await?;
    if !may
        && taken
            .changes
            .iter()
            .any(|change| change.kind == Kind::RulesetLibrary)
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "The bundle has libraries, which you do not have permission to write.",
        ));
    }
    taken
        .rulesets(&app, bundle.rulesets, overwrite.rulesets)
        .await?;
    let mut transaction = app.store().begin().await?;
    for change in &mut taken.changes {
        change.make(&app, transaction.as_mut(), &caller).await?;
    }
    transaction.commit().await?;
    let Taken { names, summary, .. } = taken;
    revalidate(&app, |ruleset| {
        let mut imports = ruleset.verdict.imports.iter();
        ruleset.verdict.is_valid == Validity::InProgress
            || imports.any(|import| names.contains(import))
            || names.iter().any(|name| ruleset.config_yaml.contains(name))
    })
    .await?;
    Ok(Json(summary))
}

/// What is written anew where it is there already.
struct Overwrite {
    rulesets: bool,
    libraries: bool,
    seeds: bool,
}

/// What is taken from a bundle, before any of it counts.
#[derive(Default)]
struct Taken {
    changes: Vec<Change>,
    /// Of libraries and seed files, for the rulesets that need them.
    names: BTreeSet<String>,
    summary: ImportSummary,
}

/// Something to be stored.
struct Change {
    kind: Kind,
    document: Document,
    content: Option<Vec<u8>>,
    is_new: bool,
}

impl Change {
    async fn make(
        &mut self,
        app: &App,
        transaction: &mut dyn Transaction,
        caller: &Caller,
    ) -> Result<(), ApiError> {
        let (kind, document) = (self.kind, &mut self.document);
        let content = match self.content.take() {
            None => None,
            Some(bytes) => Some(files::kept(app, kind, &document.id, &bytes)?),
        };
        if self.is_new {
            edits::add(transaction, caller, kind, document, content).await?;
        } else {
            edits::rewrite(transaction, caller, kind, document).await?;
            if let Some(content) = content {
                documents::set_content(transaction, kind, &document.id, content).await?;
            }
        }
        Ok(())
    }
}

impl Taken {
    async fn seeds(
        &mut self,
        app: &App,
        seeds: Vec<BundledSeed>,
        overwrite: bool,
    ) -> Result<(), ApiError> {
        for seed in seeds {
            let name = files::name(Kind::Seed, &seed.name)?;
            let upload = Upload {
                filename: seed.filename,
                bytes: seed.bytes.into(),
            };
            block_in_place(|| files::check(Kind::Seed, &name, "zip_archive", &upload))?;
            let body = json!({"filename": upload.filename, "description": seed.description});
            let content = Some(upload.bytes.to_vec());
            let made = self
                .change(app, Kind::Seed, ("", &name), body, content, overwrite)
                .await?;
            made.count(&mut self.summary.seed_files);
            self.names.insert(name);
        }
        Ok(())
    }

    async fn libraries(
        &mut self,
        app: &App,
        libraries: Vec<BundledLibrary>,
        overwrite: bool,
    ) -> Result<(), ApiError> {
        for library in libraries {
            let (name, namespace) = libraries::named(&library.name, &library.namespace)?;
            let full_name = library_name(&namespace, &name);
            let body = libraries::written(app, &full_name, library.yaml).await?;
            let place = (namespace.as_str(), name.as_str());
            let kind = Kind::RulesetLibrary;
            let made = self.change(app, kind, place, body, None, overwrite).await?;
            made.count(&mut self.summary.libraries);
            self.names.insert(full_name);
        }
        Ok(())
    }

    async fn rulesets(
        &mut self,
        app: &App,
        rulesets: Vec<BundledRuleset>,
        overwrite: bool,
    ) -> Result<(), ApiError> {
        for ruleset in rulesets {
            let name = documents::name("name", &ruleset.name)?;
            // What it needs is not stored yet.
            let verdict = Verdict::in_progress(imports(app, &ruleset.yaml).await?);
            let text = Text {
                config_yaml: ruleset.yaml,
                verdict,
            };
            let place = (ruleset.mask_type.name(), name.as_str());
            let body = text.into_body();
            let made = self
                .change(app, Kind::Ruleset, place, body, None, overwrite)
                .await?;
            made.count(&mut self.summary.rulesets);
        }
        Ok(())
    }

    /// Notes what is to be stored under a variant and name.
    async fn change(
        &mut self,
        app: &App,
        kind: Kind,
        (variant, name): (&str, &str),
        body: Any,
        content: Option<Vec<u8>>,
        overwrite: bool,
    ) -> Result<Made, ApiError> {
        let same = |change: &Change| {
            let Document {
                variant: v,
                name: n,
                ..
            } = &change.document;
            change.kind == kind && v == variant && n == name
        };
        if self.changes.iter().any(same) {
            let problem = "The bundle has two things of one kind and name.";
            return Err(ApiError::field("zip_archive", problem));
        }
        let there = documents::named(app.store(), kind, variant, name).await?;
        let (document, made) = match there {
            Some(_) if !overwrite => return Ok(Made::Skipped),
            Some(there) => (Document { body, ..there }, Made::Updated),
            None => (Document::new(name, variant, body), Made::Created),
        };
        self.changes.push(Change {
            kind,
            document,
            content,
            is_new: made == Made::Created,
        });
        Ok(made)
    }
}

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Created,
    Updated,
    Skipped,
}

impl Made {
    fn count(self, counts: &mut Imported) {
        match self {
            Self::Created => counts.created += 1,
            Self::Updated => counts.updated += 1,
            Self::Skipped => counts.skipped += 1,
        }
    }
}
