//! Forms with files in them: `multipart/form-data`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;

use crate::error::ApiError;
use crate::extract::{flag, media_type};

/// Parts of a form at most.
const MAX_PARTS: usize = 32;
/// The longest text of a part, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A form. Of parts with the same name the last one counts.
#[derive(Debug, Default)]
pub(crate) struct Form {
    texts: BTreeMap<String, String>,
    files: BTreeMap<String, Upload>,
}

/// A file of a form.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Its name, without folders.
    pub(crate) filename: String,
    pub(crate) bytes: Bytes,
}

impl Form {
    /// The text of a part, if there is one that is not blank.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.texts.get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    }

    /// Whether a part says `true`; it says `false` where there is none.
    ///
    /// # Errors
    /// For any other word.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        flag(name, self.text(name), false)
    }

    /// The file of a part.
    ///
    /// # Errors
    /// When there is none, or an empty one.
    pub(crate) fn file(&self, name: &str) -> Result<&Upload, ApiError> {
        match self.files.get(name) {
            Some(file) if file.bytes.is_empty() => {
                Err(ApiError::field(name, "The submitted file is empty."))
            }
            Some(file) => Ok(file),
            None if self.texts.contains_key(name) => {
                Err(ApiError::field(name, "The submitted data was not a file."))
            }
            None => Err(ApiError::field(name, "No file was submitted.")),
        }
    }

    async fn take(&mut self, part: Field<'_>) -> Result<(), ApiError> {
        let name = part.name().unwrap_or_default().to_owned();
        let Some(filename) = part.file_name() else {
            let bytes = part.bytes().await.map_err(|error| refused(&error))?;
            let text = std::str::from_utf8(&bytes).ok();
            let text = text.filter(|text| text.len() <= MAX_TEXT_BYTES);
            let text = text.ok_or_else(|| ApiError::field(&name, "Not a valid string."))?;
            self.texts.insert(name, text.to_owned());
            return Ok(());
        };
        let filename = filename.rsplit(['/', '\\']).next().unwrap_or_default();
        let upload = Upload {
            filename: filename.to_owned(),
            bytes: part.bytes().await.map_err(|error| refused(&error))?,
        };
        self.files.insert(name, upload);
        Ok(())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !media_type(request.headers()).eq_ignore_ascii_case("multipart/form-data") {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type in request.",
            ));
        }
        let parts = Multipart::from_request(request, state).await;
        let mut parts =
            parts.map_err(|error| ApiError::new(error.status(), "Multipart form parse error."))?;
        let mut form = Self::default();
        for number in 0.. {
            let part = parts.next_field().await.map_err(|error| refused(&error))?;
            let Some(part) = part else { break };
            if number == MAX_PARTS {
                return Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    format!("a form has at most {MAX_PARTS} parts"),
                ));
            }
            form.take(part).await?;
        }
        Ok(form)
    }
}

fn refused(error: &MultipartError) -> ApiError {
    let detail = match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "the form is too large",
        _ => "Multipart form parse error.",
    };
    ApiError::new(error.status(), detail)
}
