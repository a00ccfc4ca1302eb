//! What a connection lets us do: tried out, for the connections test.

use std::io::Write;

use super::Store;
use super::error::StoreError;
use super::object::Object;
use super::path::temp_name;
use super::place::{Manner, blocking};

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `list`, `read`, `write`, `multipart` or `delete`.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a [`Check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Works,
    /// It does not, and why.
    Missing(String),
    /// It was left out, and why.
    NotTried(String),
}

impl Outcome {
    fn of<T>(result: &Result<T, StoreError>) -> Self {
        match result {
            Ok(_) => Self::Works,
            Err(error) => Self::Missing(error.to_string()),
        }
    }

    fn not_tried(reason: &str) -> Self {
        Self::NotTried(reason.to_owned())
    }
}

/// Tries what a source (`list`, `read`) and a target (`list`, `write`, `multipart`, `delete`) needs,
/// in that order. Writes go to a name of our own, which is removed again.
pub async fn probe(store: &Store, as_source: bool, as_target: bool) -> Vec<Check> {
    let hasty = store
        .reopen(Manner {
            hasty: true,
            anonymous: false,
        })
        .await;
    let store = hasty.as_ref().unwrap_or(store);
    let listed = store.place().first().await;
    let read = match (&listed, as_source) {
        (_, false) => Outcome::not_tried("it is not a source"),
        (Ok(Some(object)), true) => Outcome::of(&read(store, object.clone()).await),
        (Ok(None), true) => Outcome::not_tried("there is no object with a byte to read"),
        (Err(_), true) => Outcome::not_tried("nothing can be listed"),
    };
    let (written, multipart, deleted) = if as_target {
        let name = temp_name();
        let written = write(store, name.clone()).await;
        let deleted = match &written {
            Ok(()) => match store.delete(&name).await {
                Ok(()) => Outcome::Works,
                Err(error) => Outcome::Missing(format!("{error}; `{name}` is left behind")),
            },
            Err(_) => Outcome::not_tried("nothing can be written"),
        };
        let multipart = match store.place().try_multipart(&temp_name()).await {
            Some(tried) => Outcome::of(&tried),
            None => Outcome::not_tried("a folder needs none"),
        };
        (Outcome::of(&written), multipart, deleted)
    } else {
        let left_out = Outcome::not_tried("it is not a target");
        (left_out.clone(), left_out.clone(), left_out)
    };
    [
        ("list", Outcome::of(&listed)),
        ("read", read),
        ("write", written),
        ("multipart", multipart),
        ("delete", deleted),
    ]
    .map(|(name, outcome)| Check { name, outcome })
    .into()
}

/// Reads one byte of `object`.
pub(super) async fn read(store: &Store, object: Object) -> Result<(), StoreError> {
    let reading = store.clone();
    blocking(store.place().label(), move || {
        reading.reader(&object)?.read(0..1).map(|_| ())
    })
    .await
}

async fn write(store: &Store, name: String) -> Result<(), StoreError> {
    let (writing, label) = (store.clone(), store.place().label().clone());
    let staged = blocking(store.place().label(), move || {
        let mut output = writing.create(&name, 0)?;
        output
            .write_all(b"visard")
            .map_err(|error| label.io(&name, error))?;
        output.stage()
    });
    staged.await?.commit().await
}
