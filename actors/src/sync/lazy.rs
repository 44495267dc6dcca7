//! Lazy loading: which member events a response carries, where the client does not want them all.
//!
//! > By doing this, servers will attempt to only send membership events which are relevant to the client. […] the server
//! > MAY assume that clients will remember membership events they have already been sent, and choose to skip sending
//! > membership events for members whose membership has not changed.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members>

mod memory;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use playhouse_rules::pdu::Pdu;
use ruma::{OwnedUserId, RoomId, UserId, api::client::filter::LazyLoadOptions};

use super::{
    request::SyncRequest,
    response::Summary,
    window::{StateScope, Window},
};
use crate::{hub::UserFeed, token::SyncToken};
pub use memory::SentMembers;
use memory::{Sent, Told};

/// The type of member events.
const MEMBER: &str = "m.room.member";

/// A client that loads members lazily, and what it has of them.
pub struct LazyClient {
    /// `None` where it wants members again and again, or has no device to be remembered by.
    memory: Option<Memory>,
}

struct Memory {
    feed: Arc<UserFeed>,
    device: String,
    /// What it had when it asked.
    told: Arc<Told>,
}

/// The member events that one response carries, in the order in which the client takes them in.
#[derive(Debug, Default)]
pub struct Carried(Mutex<Vec<Sent>>);

impl Carried {
    /// How many there are so far.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Forgets those beyond the first `count`: their room is left out.
    pub fn truncate(&self, count: usize) {
        self.0.lock().truncate(count);
    }
}

/// Where a member is one. What a client has of a room goes when its user leaves, so a later stay is another place.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Stay<'a> {
    /// The room.
    pub room_id: &'a RoomId,
    /// The log row of the reader's own member event.
    pub member_event: i64,
}

impl LazyClient {
    /// The client that asks, if it asks for lazy loading. To be looked at once for each request, before all else.
    pub fn of(request: &SyncRequest, feed: &Arc<UserFeed>) -> Option<Self> {
        let options = request.filter.room.state.lazy_load_options;
        let LazyLoadOptions::Enabled { include_redundant_members } = options else { return None };
        let device = request.device_str().filter(|_| !include_redundant_members);
        let memory = device.map(|device| Memory {
            feed: Arc::clone(feed),
            device: device.to_owned(),
            told: feed.sent_members().told(device, request.since.as_ref()),
        });
        Some(Self { memory })
    }

    /// Takes out of the state of a room what the client has, and notes the rest as carried. Whoever gets a whole state
    /// gets it whole.
    pub fn leaves_out_sent(
        &self,
        stay: Stay<'_>,
        scope: StateScope,
        state: &mut Vec<Pdu>,
        carried: &Carried,
    ) {
        let Some(memory) = &self.memory else { return };
        state.retain(|pdu| {
            let sent = memory.sent(stay, pdu);
            scope == StateScope::Everything || sent.is_none_or(|sent| !memory.told.has(sent))
        });
        self.carries(stay, state.iter(), carried);
    }

    /// Notes the member events among these as carried.
    pub fn carries<'p>(&self, stay: Stay<'_>, pdus: impl Iterator<Item = &'p Pdu>, carried: &Carried) {
        let Some(memory) = &self.memory else { return };
        carried.0.lock().extend(pdus.filter_map(|pdu| memory.sent(stay, pdu)));
    }

    /// Remembers what a response to the request carries, until the client shows that it arrived.
    pub fn is_answered(&self, request: &SyncRequest, next: SyncToken, carried: Carried) {
        if let Some(Memory { feed, device, .. }) = &self.memory {
            let members = carried.0.into_inner();
            feed.sent_members().answered(device, request.since.as_ref(), next, members, request.full_state);
        }
    }
}

impl Memory {
    fn sent(&self, stay: Stay<'_>, pdu: &Pdu) -> Option<Sent> {
        let member = pdu.state_key().filter(|_| pdu.kind_str() == MEMBER)?;
        Some(self.feed.sent_members().name(stay, member, pdu.event_id().as_str()))
    }
}

/// The users whose member events a lazy client needs to show a window.
pub fn needed(
    reader: &UserId,
    window: &Window,
    scope: StateScope,
    summary: Option<&Summary>,
    at_end: bool,
) -> BTreeSet<OwnedUserId> {
    let timeline = || window.timeline.iter().map(|event| &event.pdu);
    let mut needed: BTreeSet<OwnedUserId> = timeline().map(|pdu| pdu.sender().to_owned()).collect();
    if scope == StateScope::Everything {
        needed.insert(reader.to_owned());
    }
    if at_end {
        // Such a client takes no state from the timeline.
        let members = timeline().filter(|pdu| pdu.kind_str() == MEMBER);
        needed.extend(members.filter_map(|pdu| OwnedUserId::try_from(pdu.state_key()?).ok()));
    }
    needed.extend(summary.and_then(|summary| summary.heroes.clone()).unwrap_or_default());
    needed
}
