//! How far a run is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a run is: `queued`, `validating`, `running`, then one of the final ones; `cancelling` on the way to
/// `cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Queued,
    Validating,
    Running,
    Cancelling,
    Finished,
    FinishedWithWarnings,
    Failed,
    Cancelled,
}

impl Status {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Queued,
        Self::Validating,
        Self::Running,
        Self::Cancelling,
        Self::Finished,
        Self::FinishedWithWarnings,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As the store and clients write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Validating => "validating",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Finished => "finished",
            Self::FinishedWithWarnings => "finished_with_warnings",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing comes after it.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Validating | Self::Running | Self::Cancelling => false,
            Self::Finished | Self::FinishedWithWarnings | Self::Failed | Self::Cancelled => true,
        }
    }

    /// Whether somebody works on the run, or did when it was last seen.
    pub(crate) fn is_at_work(self) -> bool {
        match self {
            Self::Validating | Self::Running | Self::Cancelling => true,
            Self::Queued
            | Self::Finished
            | Self::FinishedWithWarnings
            | Self::Failed
            | Self::Cancelled => false,
        }
    }

    /// The nearest one that clients of the second generation know.
    pub(crate) fn of_second_generation(self) -> Self {
        match self {
            Self::Validating => Self::Running,
            Self::FinishedWithWarnings => Self::Finished,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for status in Status::ALL {
            assert_eq!(Status::named(status.name()), Some(status));
            assert_eq!(
                serde_json::to_value(status).unwrap(),
                serde_json::json!(status.name())
            );
            let old = status.of_second_generation();
            assert_eq!(old.is_final(), status.is_final(), "{status:?}");
        }
        assert_eq!(Status::named("done"), None);
    }
}
