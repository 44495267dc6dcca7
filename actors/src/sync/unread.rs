//! Notification counts of a room, by the user's push rules.
//!
//! What was counted is remembered with the user's feed, so that a sync costs the new events and no more.
//!
//! | File | Holds |
//! |---|---|
//! | `tally` | what is unread, as events come and receipts move (pure) |
//! | `marks` | up to where the user has read |
//! | `scan` | events held against the user's push rules |
//! | `quiet` | rows of the log that notify nobody |
//! | `memory` | what was counted before |
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications>

mod marks;
mod memory;
mod quiet;
mod scan;
mod tally;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use playhouse_rules::pdu::Pdu;
use ruma::{UserId, events::room::member::MembershipState};

use super::{build::Pass, response::UnreadCounts};
use crate::{
    hub::feed::RoomStanding,
    room::{RoomError, RoomView},
    timeline::visibility::versions,
};
use marks::Marks;
pub use memory::UnreadMemory;
pub use quiet::QuietRows;
use scan::Scan;
use tally::{Basis, Tally};

/// The most events that are looked at to count what is unread; no count passes it.
pub const MOST_COUNTED: i64 = 1_000;

/// The counts of a room.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Of the main timeline; of all of the room unless the client asks for threads apart.
    pub main: UnreadCounts,
    /// Of each thread, if the client asks for them apart.
    pub threads: BTreeMap<String, UnreadCounts>,
}

/// Counts what notifies the user since the newest receipt, or since the join.
///
/// # Errors
/// When the store does not answer.
pub async fn counts(pass: &Pass<'_>, view: &RoomView, standing: &RoomStanding) -> Result<Counts, RoomError> {
    let Some(rules) = &pass.data.compiled_push_rules else { return Ok(Counts::default()) };
    let basis =
        Basis { rules: rules.hash(), ignored: Arc::clone(&pass.data.ignored), member_event: standing.seq };
    let user: &UserId = &pass.request.user;
    let scan = Scan { store: pass.node.store(), view, rules, data: pass.data, user };
    let memory = pass.feed.unread();
    let known = memory.get(&view.room_id).filter(|tally| tally.basis == basis);
    let tally = if let Some(tally) = known {
        brought_up(&scan, tally).await?
    } else {
        let joined = joined_since(pass, view, standing).await?;
        Arc::new(counted_anew(&scan, basis, joined).await?)
    };
    memory.put(&view.room_id, &tally);
    Ok(tally.counts(pass.request.filter.room.timeline.unread_thread_notifications))
}

/// What was counted before, with the events and receipts that came since.
async fn brought_up(scan: &Scan<'_>, known: Arc<Tally>) -> Result<Arc<Tally>, RoomError> {
    let view = scan.view;
    // Another device's sync may have seen a newer room.
    let receipts = known.pos < view.pos && marks::moved_since(view, scan.user, known.pos);
    if !receipts && known.head_seq >= view.head_seq {
        return Ok(known);
    }
    let marks = receipts.then(|| Marks::of(view, scan.user));
    let mut tally = Tally::clone(&known);
    if let Some(marks) = &marks
        && !tally.read(|thread| marks.of_thread(thread))
    {
        return Ok(Arc::new(counted_anew(scan, tally.basis, tally.joined_seq).await?));
    }
    let first = (tally.head_seq + 1).max(view.head_seq + 1 - MOST_COUNTED);
    for found in scan.events(first).await? {
        // Receipts that did not move lie before what is new.
        if marks.as_ref().is_none_or(|marks| found.seq > marks.of_thread(found.thread.as_deref())) {
            tally.note(found);
        }
    }
    tally.reached(view);
    Ok(Arc::new(tally))
}

/// Counts from the receipts on.
async fn counted_anew(scan: &Scan<'_>, basis: Basis, joined_seq: i64) -> Result<Tally, RoomError> {
    let marks = Marks::of(scan.view, scan.user);
    let mut tally = Tally::new(basis, joined_seq);
    let first = marks.first_unread(joined_seq, scan.view).max(scan.view.head_seq + 1 - MOST_COUNTED);
    for found in scan.events(first).await? {
        if found.seq > marks.of_thread(found.thread.as_deref()) {
            tally.note(found);
        }
    }
    tally.reached(scan.view);
    Ok(tally)
}

/// The log row of the event by which the user joined, however often the profile changed since.
async fn joined_since(pass: &Pass<'_>, view: &RoomView, standing: &RoomStanding) -> Result<i64, RoomError> {
    if was_elsewhere_before(pass, view, standing) {
        return Ok(standing.seq);
    }
    let user = pass.request.user.as_str();
    let memberships = versions(pass.node.store(), &view.room_id, "m.room.member", user).await?;
    let joins = memberships.iter().rev().take_while(|(_, membership)| membership == "join");
    Ok(joins.last().map_or(view.head_seq, |(seq, _)| *seq))
}

/// Whether memory knows that the user's member event is the join itself.
fn was_elsewhere_before(pass: &Pass<'_>, view: &RoomView, standing: &RoomStanding) -> bool {
    if let Some(previous) = &standing.previous {
        return *previous != MembershipState::Join;
    }
    let index = usize::try_from(standing.seq - view.tail_start());
    let event = index.ok().and_then(|index| view.tail.get(index));
    let change = event.and_then(|event| event.membership_change_of(&pass.request.user));
    let joined = |pdu: &Pdu| pdu.membership() == Some(&MembershipState::Join);
    change.is_some_and(|change| !change.old.as_ref().is_some_and(joined))
}
