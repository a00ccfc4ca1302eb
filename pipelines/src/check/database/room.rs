//! Whether there is room for what a run writes beside what is there.

use visard_connectors::DatabaseTable;
use visard_connectors::database::Room;

use super::copy::{CopyPlan, CopyTo};
use super::plan::{Answered, Planner};
use crate::language::{Diagnostic, Span, codes};
use crate::run::bytes;

impl Planner<'_> {
    /// The room that masking `table` takes beside it. Too little of it is reported.
    pub(super) async fn room_of_table(
        &mut self,
        table: &dyn DatabaseTable,
        (step, rewrite): (usize, bool),
        span: Span,
    ) -> Answered<Room> {
        let room = table.room(rewrite).await?;
        self.little_room(&room, &table.facts().shown(), step, span);
        Ok(room)
    }

    /// The same of a copy.
    pub(super) async fn room_of_copy(
        &mut self,
        plan: &CopyPlan,
        step: usize,
        span: Span,
    ) -> Answered<Room> {
        let (times, free) = match &plan.to {
            CopyTo::Files(store, ..) => (1, store.free_room()),
            CopyTo::Table(database, _) => match database.free_room().await? {
                Some(free) => (1, Some(free)),
                // A server stages rows before they come into the table.
                None => (2, None),
            },
            CopyTo::Queries => (0, None),
        };
        let room = Room {
            needed: plan.bytes().saturating_mul(times),
            // Files are compressed, and masks make values shorter.
            least: 0,
            free,
        };
        self.little_room(&room, &plan.shown(), step, span);
        Ok(room)
    }

    fn little_room(&mut self, room: &Room, shown: &str, step: usize, span: Span) {
        let Some(free) = room.free else { return };
        // What an earlier attempt wrote goes first. A dry run writes nothing.
        if self.asked.dry_run || self.asked.begun.contains_key(&step) {
            return;
        }
        // Earlier tasks may leave less that is to be written again.
        let problem = if free < room.least && step == 0 {
            let least = bytes(room.least);
            let message = format!(
                "`{shown}` takes at least {least} of room beside it, and {} are free",
                bytes(free)
            );
            Diagnostic::new(&codes::NO_ROOM, message)
        } else if free < room.needed {
            let needed = bytes(room.needed);
            let message = format!(
                "`{shown}` takes about {needed} of room, and {} are free",
                bytes(free)
            );
            Diagnostic::new(&codes::LITTLE_ROOM, message)
        } else {
            return;
        };
        self.diagnostics.push(problem.at(span, ""));
    }
}
