//! Why a database could not be asked, or what it refused, in words that hold no cell value.

use datafusion::error::DataFusionError;

/// What went wrong between us and a database. Its text holds no cell value: whoever makes one sees to it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct DatabaseError {
    text: String,
    is_retryable: bool,
}

impl DatabaseError {
    /// An error that the same attempt would meet again.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_retryable: false,
        }
    }

    /// The same, where `is_retryable` says whether the same once more may go well: a deadlock, a lock that
    /// was not had in time, rows that changed meanwhile.
    pub fn retryable(self, is_retryable: bool) -> Self {
        Self {
            is_retryable,
            ..self
        }
    }

    /// Whether the same once more may go well.
    pub fn is_retryable(&self) -> bool {
        self.is_retryable
    }
}

impl From<DatabaseError> for DataFusionError {
    fn from(error: DatabaseError) -> Self {
        Self::External(Box::new(error))
    }
}
