//! What a remote server's refusal means, in a few words and without URLs.

use std::error::Error;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};

use super::error::StoreErrorKind;

/// No credentials could be had. Travels through `object_store` from our credential provider.
#[derive(Debug, thiserror::Error)]
#[error("no credentials: {0}")]
pub(super) struct NoCredentials(pub(super) String);

/// Kind and text of an error of `object_store`. Only the last cause is shown: the ones above it
/// repeat it, and carry the request's URL.
pub(super) fn explain(error: &object_store::Error) -> (StoreErrorKind, String) {
    let mut causes = Vec::new();
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    let last = causes.last().map(ToString::to_string).unwrap_or_default();
    if causes.iter().any(|cause| cause.is::<NoCredentials>()) {
        return (StoreErrorKind::Denied, last);
    }
    let of_http = causes
        .iter()
        .find_map(|cause| Some((*cause, cause.downcast_ref::<HttpError>()?)));
    if let Some((cause, http)) = of_http {
        let kind = match http.kind() {
            HttpErrorKind::Decode => StoreErrorKind::Other,
            _ => StoreErrorKind::Unreachable,
        };
        return (
            kind,
            format!("the server cannot be reached: {}", with_causes(cause)),
        );
    }
    let answer = Answer::parse(&last);
    let kind = answer.kind().unwrap_or(match error {
        object_store::Error::NotFound { .. } => StoreErrorKind::NotFound,
        object_store::Error::InvalidPath { .. }
        | object_store::Error::NotSupported { .. }
        | object_store::Error::NotImplemented { .. }
        | object_store::Error::UnknownConfigurationKey { .. } => StoreErrorKind::Invalid,
        _ => StoreErrorKind::Other,
    });
    (kind, answer.to_string())
}

/// Kind and text of an answer that was asked for without `object_store`.
#[cfg(feature = "azure")]
pub(super) fn explain_status(status: impl fmt::Display, body: &str) -> (StoreErrorKind, String) {
    let answer = Answer::parse(&format!("status code: {status}: {body}"));
    (
        answer.kind().unwrap_or(StoreErrorKind::Other),
        answer.to_string(),
    )
}

/// The texts of `error` and its causes.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some repeat their cause.
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    without_queries(&texts.join(": "))
}

/// What a server said: status, and code and message of the XML body all three clouds send.
struct Answer {
    status: Option<String>,
    code: Option<String>,
    text: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let status = text
            .split_once("status code: ")
            .map(|(_, rest)| rest.split(':').next().unwrap_or(rest).trim().to_owned());
        let text_of = |tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>"))?;
            let (inner, _) = rest.split_once(&format!("</{tag}>"))?;
            Some(inner.lines().next().unwrap_or_default().trim().to_owned())
        };
        let code = text_of("Code");
        let shown = match (text_of("Message"), &status, &code) {
            (Some(message), _, _) => message,
            (None, None, None) => without_queries(text),
            (None, _, _) => String::new(),
        };
        Self {
            status,
            code,
            text: shown,
        }
    }

    /// Where the code or the status says more than the error's variant.
    fn kind(&self) -> Option<StoreErrorKind> {
        Some(match self.code.as_deref().unwrap_or_default() {
            "ExpiredToken" | "PublicAccessNotPermitted" | "NoAuthenticationInformation" => {
                StoreErrorKind::Denied
            }
            "InvalidObjectState"
            | "BlobArchived"
            | "PermanentRedirect"
            | "AuthorizationHeaderMalformed" => StoreErrorKind::Invalid,
            "QuotaExceeded" | "EntityTooLarge" | "RequestBodyTooLarge" => StoreErrorKind::Full,
            _ => match self.status.as_deref()?.get(..3)? {
                "401" | "403" => StoreErrorKind::Denied,
                "404" => StoreErrorKind::NotFound,
                "409" => StoreErrorKind::Conflict,
                "304" | "412" | "416" => StoreErrorKind::Changed,
                "507" => StoreErrorKind::Full,
                "408" | "429" | "500" | "502" | "503" | "504" => StoreErrorKind::Unreachable,
                _ => return None,
            },
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_ref().map(|code| format!("`{code}`"));
        let parts = [self.status.clone(), code, Some(self.text.clone())];
        let parts: Vec<_> = parts
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        f.write_str(&parts.join(", "))
    }
}

/// `text` with the query of every URL cut off, where signatures are.
pub(super) fn without_queries(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once('?') {
        Some((url, _)) if url.contains("://") => format!("{url}?***"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::error::Label;

    fn status(text: &'static str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.into(),
        }
    }

    #[test]
    fn answers() {
        use StoreErrorKind as Kind;
        for (text, kind, shown) in [
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml?><Error><Code>\
                 InvalidObjectState</Code><Message>The object is in cold storage</Message></Error>",
                Kind::Invalid,
                "403 Forbidden, `InvalidObjectState`, The object is in cold storage",
            ),
            (
                "Server returned non-2xx status code: 503 Service Unavailable: ",
                Kind::Unreachable,
                "503 Service Unavailable",
            ),
            (
                "Server returned non-2xx status code: 416 Range Not Satisfiable: x",
                Kind::Changed,
                "416 Range Not Satisfiable",
            ),
            (
                "cannot get https://a.net/b?sig=s3cret now",
                Kind::Other,
                "cannot get https://a.net/b?*** now",
            ),
            (
                "Server returned non-2xx status code: 404 Not Found: <Error><Code>NoSuchBucket</Code>",
                Kind::NotFound,
                "404 Not Found, `NoSuchBucket`",
            ),
        ] {
            let error = Label::new("crm", "s3://b").remote("a b.csv", &status(text));
            assert_eq!(error.kind(), kind, "{text}");
            let whole = format!("connection `crm` (s3://b), object `a b.csv`: {shown}");
            assert_eq!(error.to_string(), whole);
        }
    }
}
