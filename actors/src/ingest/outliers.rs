//! Events that come without the state before them, as parts of auth chains and of states: judged by what they cite, and kept
//! in the table of outliers.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use playhouse_rules::{Pdu, room_version::RoomVersion};
use playhouse_storage::{
    Store, Write,
    store::put,
    tables::{Outlier, outlier::OutlierRow},
};
use ruma::{EventId, OwnedEventId, RoomId};

use super::{
    prepare::{Known, allowed_by_cited},
    state::stored_event,
};
use crate::{clock::SlotClocks, room::RoomError};

/// Reads and writes under way at once.
const AT_ONCE: usize = 16;
/// Events of a write.
const WRITTEN_TOGETHER: usize = 64;

/// Where outliers are kept.
#[derive(Clone, Copy)]
pub struct OutlierShelf<'a> {
    /// The store.
    pub store: &'a Store,
    /// Stamps writes.
    pub clocks: &'a Arc<SlotClocks>,
    /// The room.
    pub room_id: &'a RoomId,
    /// Its version.
    pub version: &'static RoomVersion,
}

impl OutlierShelf<'_> {
    /// Judges verified events by the events that they cite, and keeps them with the verdict. They may come in any order.
    /// Those that are of another room or cite what is neither among them nor known are left out: they cannot be judged.
    /// `create` is the room's create event, which events need not cite.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep(&self, events: Vec<Pdu>, create: Option<Pdu>) -> Result<Known, RoomError> {
        let judged = self.judged(events, create).await?;
        self.put(judged.values()).await?;
        Ok(judged.into_iter().map(|(id, (pdu, _))| (id, pdu)).collect())
    }

    /// The same, without keeping them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn judged(&self, events: Vec<Pdu>, create: Option<Pdu>) -> Result<Judged, RoomError> {
        let own = events.into_iter().filter(|pdu| pdu.room_id() == self.room_id);
        let fresh: Known = own.map(|pdu| (pdu.event_id().to_owned(), pdu)).collect();
        let known = self.cited_by(&fresh).await?;
        let version = self.version;
        let judged = tokio::task::spawn_blocking(move || judge(version, fresh, known, create.as_ref()));
        judged.await.map_err(|_| RoomError::retry())
    }

    /// Keeps judged events.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn put(&self, judged: impl Iterator<Item = &(Pdu, Option<String>)>) -> Result<(), RoomError> {
        let writes: Vec<Write> = judged.map(|(pdu, reason)| self.row(pdu, reason.clone())).collect();
        let chunks: Vec<Vec<Write>> = writes.chunks(WRITTEN_TOGETHER).map(<[Write]>::to_vec).collect();
        let chunks = stream::iter(chunks.into_iter().map(Ok));
        Ok(chunks.try_for_each_concurrent(AT_ONCE, |chunk| self.store.write(chunk)).await?)
    }

    /// The write that keeps an event, with the reason if it is rejected.
    pub fn row(&self, pdu: &Pdu, rejected: Option<String>) -> Write {
        let row = OutlierRow { room: self.room_id.to_string(), rejected, pdu: pdu.json().to_owned() };
        let stamp = self.clocks.stamp(self.room_id.as_str());
        put::<Outlier>((pdu.event_id().as_str(),), (), &row, stamp)
    }

    /// What `fresh` cites beyond itself, as far as it is known.
    async fn cited_by(&self, fresh: &Known) -> Result<Known, RoomError> {
        let cited: HashSet<&OwnedEventId> =
            fresh.values().flat_map(Pdu::auth_events).filter(|id| !fresh.contains_key(*id)).collect();
        self.known(cited.into_iter().map(AsRef::as_ref)).await
    }

    /// Those of these events that are known.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn known<'i>(&self, ids: impl Iterator<Item = &'i EventId>) -> Result<Known, RoomError> {
        let ids: Vec<OwnedEventId> = ids.map(ToOwned::to_owned).collect();
        let found = stream::iter(ids)
            .map(|id| async move { stored_event(self.store, self.version, &id).await })
            .buffer_unordered(AT_ONCE)
            .try_filter_map(async |event| Ok(event));
        let found: Vec<Pdu> = found.try_collect().await?;
        Ok(found.into_iter().map(|pdu| (pdu.event_id().to_owned(), pdu)).collect())
    }
}

/// Events with the reason why they are rejected, where they are.
pub type Judged = HashMap<OwnedEventId, (Pdu, Option<String>)>;

/// Judges each event after those that it cites.
fn judge(version: &'static RoomVersion, fresh: Known, mut known: Known, create: Option<&Pdu>) -> Judged {
    let mut judged = Judged::new();
    for id in cited_first(&fresh) {
        let pdu = &fresh[&id];
        if !pdu.auth_events().iter().all(|cited| known.contains_key(cited)) {
            continue;
        }
        let reason = allowed_by_cited(version, pdu, create, &known).err();
        let pdu = pdu.clone().with_rejected(reason.is_some());
        known.insert(id.clone(), pdu.clone());
        judged.insert(id, (pdu, reason));
    }
    judged
}

/// The events in an order in which each comes after those that it cites. (A cycle cannot be made: an event is named by the
/// hash of what it cites. Where it were one, its events come in some order, and are left out.)
fn cited_first(events: &Known) -> Vec<OwnedEventId> {
    let mut order = Vec::with_capacity(events.len());
    let mut seen: HashSet<&OwnedEventId> = HashSet::with_capacity(events.len());
    for start in events.keys() {
        let mut path = vec![(start, false)];
        while let Some((id, is_done)) = path.pop() {
            if is_done {
                order.push(id.clone());
            } else if seen.insert(id) {
                path.push((id, true));
                let cited = events[id].auth_events().iter();
                path.extend(
                    cited
                        .filter(|id| !seen.contains(id))
                        .filter_map(|id| Some((events.get_key_value(id)?.0, false))),
                );
            }
        }
    }
    order
}
