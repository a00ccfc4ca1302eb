//! Lists, whole or by pages: `limit` and `offset` ask for a page.

use axum::Json;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;

/// The largest page.
const MAX_LIMIT: u64 = 1000;
/// A page where only `offset` is given.
const DEFAULT_LIMIT: u64 = 100;

/// The part of a list that is asked for, as a query has it.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items at most. With it, or with `offset`, the answer is a page.
    #[param(value_type = Option<u64>)]
    pub(crate) limit: Option<String>,
    /// Items to leave out at the beginning.
    #[param(value_type = Option<u64>)]
    pub(crate) offset: Option<String>,
}

/// A list, whole or a page of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Listed<T> {
    /// All items.
    Whole(Vec<T>),
    /// Those that were asked for.
    Page(PageOf<T>),
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageOf<T> {
    /// Items in all.
    count: u64,
    /// Where the items after these are.
    next: Option<String>,
    /// Where the items before these are.
    previous: Option<String>,
    results: Vec<T>,
}

/// The part of a list that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

impl PageQuery {
    /// The page that is asked for, if one is.
    ///
    /// # Errors
    /// For what is no number.
    pub(crate) fn asked(&self) -> Result<Option<Page>, ApiError> {
        let number = |name: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(ApiError::field(name, "A valid integer is required.")),
            },
        };
        let (limit, offset) = (
            number("limit", &self.limit)?,
            number("offset", &self.offset)?,
        );
        if limit.is_none() && offset.is_none() {
            return Ok(None);
        }
        let limit = match limit {
            None | Some(0) => DEFAULT_LIMIT,
            Some(limit) => limit.min(MAX_LIMIT),
        };
        Ok(Some(Page {
            limit,
            offset: offset.unwrap_or(0).min(i64::MAX as u64),
        }))
    }

    /// All `items`, or the page of them that is asked for.
    ///
    /// # Errors
    /// For what is no number.
    pub(crate) fn of<T>(&self, at: &Origin, items: Vec<T>) -> Result<Json<Listed<T>>, ApiError> {
        Ok(Json(match self.asked()? {
            None => Listed::Whole(items),
            Some(page) => Listed::Page(page.cut(at, items)),
        }))
    }

    /// As [`PageQuery::asked`], for lists that always come by pages.
    ///
    /// # Errors
    /// For what is no number.
    pub(crate) fn always(&self) -> Result<Page, ApiError> {
        Ok(self.asked()?.unwrap_or(Page {
            limit: DEFAULT_LIMIT,
            offset: 0,
        }))
    }
}

impl Page {
    /// The page of all `items` that this is.
    pub(crate) fn cut<T>(&self, at: &Origin, items: Vec<T>) -> PageOf<T> {
        let count = items.len() as u64;
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let items = items.into_iter().skip(place(self.offset));
        self.with(at, count, items.take(place(self.limit)).collect())
    }

    /// `results`, which are those of this page, among `count` in all: with absolute addresses of the pages
    /// before and after. `at` is where the request went.
    pub(crate) fn with<T>(&self, at: &Origin, count: u64, results: Vec<T>) -> PageOf<T> {
        let link = |offset: u64| at.with(&[("limit", self.limit), ("offset", offset)]);
        let after = self.offset.saturating_add(self.limit);
        PageOf {
            count,
            next: (after < count).then(|| link(after)),
            previous: (self.offset > 0).then(|| link(self.offset.saturating_sub(self.limit))),
            results,
        }
    }
}

/// Where a request went, as the client sees it.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    scheme: &'static str,
    host: String,
    uri: Uri,
}

impl Origin {
    /// The address of another path of this server.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.host)
    }

    /// The same address, with other values for some parameters.
    fn with(&self, parameters: &[(&str, u64)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let old = form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        for (key, value) in old.filter(|(key, _)| !parameters.iter().any(|(name, _)| name == key)) {
            query.append_pair(&key, &value);
        }
        for (name, value) in parameters {
            query.append_pair(name, &value.to_string());
        }
        let path = self.uri.path();
        format!("{}://{}{path}?{}", self.scheme, self.host, query.finish())
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let header = |name: &str| {
            let value = parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let written = parts.extensions.get::<crate::paths::Written>();
        let scheme = match written.is_some_and(|written| written.tls)
            || header("x-forwarded-proto").as_deref() == Some("https")
        {
            true => "https",
            false => "http",
        };
        Ok(Self {
            scheme,
            host: header("host").unwrap_or_else(|| "localhost".to_owned()),
            uri: parts.uri.clone(),
        })
    }
}
