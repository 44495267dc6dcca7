//! Asking other servers for what lies in a gap.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events>

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use playhouse_federation::{Federation, client::Unverified};
use playhouse_rules::{Pdu, PduStanding};
use playhouse_storage::{
    Write,
    tables::{HistoryEvent, history::HistoryRow, history_gap::HistoryGapRow},
};
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedServerName, RoomId, events::room::history_visibility::HistoryVisibility,
};
use tokio::time::{Duration, Instant, timeout_at};

use super::{
    rows::GapRows,
    walk::{Walk, visibility_set_by},
};
use crate::{
    Node,
    ingest::{
        gaps::Gaps,
        outliers::{Judged, OutlierShelf},
    },
    room::RoomError,
    timeline::{find, visibility::versions},
};

/// The most events asked for at once.
const MOST_EVENTS: usize = 100;
/// The most servers asked, one after the other, before there is no more for now.
const MOST_SERVERS: usize = 5;
/// The most events that servers are asked to go back from.
const MOST_OPEN: usize = 20;
/// The most auth chains asked for, for events that cite what is not here.
const MOST_AUTH_CHAINS: usize = 5;
/// How long the reader waits for all of them together.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rows of a write.
const WRITTEN_TOGETHER: usize = 64;

/// Rooms whose gaps are being filled: one request at a time in each.
#[derive(Debug, Default)]
pub(crate) struct Filling(Mutex<HashMap<OwnedRoomId, Arc<tokio::sync::Mutex<()>>>>);

impl Filling {
    fn turn_of(&self, room_id: &RoomId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock();
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(room_id.to_owned()).or_default())
    }
}

impl GapRows<'_> {
    /// How far the gap is filled, after more of it was asked for if `known` events of it are not enough.
    ///
    /// # Errors
    /// The store does not answer. That no server tells more is none.
    pub async fn filled_beyond(&self, node: &Node, known: i64) -> Result<HistoryGapRow, RoomError> {
        let turn = node.filling().turn_of(&self.view.room_id);
        let _turn = turn.lock().await;
        let head = match self.head().await? {
            Some(head) => head,
            None => self.untouched().await?,
        };
        let Some(federation) = node.federation().filter(|_| head.count <= known && !head.open.is_empty())
        else {
            return Ok(head);
        };
        let deadline = Instant::now() + PATIENCE;
        for server in self.servers(node) {
            let fill = Fill { node, federation, server: &server, rows: *self };
            match timeout_at(deadline, fill.more(&head)).await {
                Ok(Ok(Some(more))) => return Ok(more),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => break,
            }
        }
        Ok(head)
    }

    /// A gap that nobody has looked into: what lies in it is what its row follows.
    async fn untouched(&self) -> Result<HistoryGapRow, RoomError> {
        let rows = crate::room::load::read_events(
            self.store,
            self.view.version,
            &self.view.room_id,
            self.before,
            self.before,
        );
        let Some(row) = rows.await?.pop() else { return Err(RoomError::UnknownRoom) };
        let open = row.pdu.prev_events().iter().map(ToString::to_string).collect();
        Ok(HistoryGapRow { count: 0, open, unknown_from: None })
    }

    /// The servers with the most members first.
    fn servers(&self, node: &Node) -> Vec<OwnedServerName> {
        let servers = self.view.state.joined_servers_by_size().into_iter();
        let others = servers.filter(|server| *server != node.server_name());
        others.take(MOST_SERVERS).map(ToOwned::to_owned).collect()
    }
}

/// A question to one server.
struct Fill<'a> {
    node: &'a Node,
    federation: &'a Arc<Federation>,
    server: &'a OwnedServerName,
    rows: GapRows<'a>,
}

impl Fill<'_> {
    /// Keeps what the server tells beyond `head`; `None` if it tells nothing.
    async fn more(&self, head: &HistoryGapRow) -> Result<Option<HistoryGapRow>, RoomError> {
        let open: BTreeSet<OwnedEventId> =
            head.open.iter().filter_map(|id| OwnedEventId::try_from(id.as_str()).ok()).collect();
        let from: Vec<OwnedEventId> = open.iter().take(MOST_OPEN).cloned().collect();
        let client = self.federation.client();
        let told = client.backfill(self.server, &self.rows.view.room_id, &from, MOST_EVENTS).await;
        let told = told.inspect_err(|error| tracing::debug!(server = %self.server, %error, "no history"));
        let Ok(told) = told else { return Ok(None) };
        let mut judged = self.judged(told).await?;
        let here = self.here(&judged, &open).await?;
        let told = judged.iter().map(|(id, (pdu, _))| (id.clone(), pdu.clone())).collect();
        let mut walk = Walk { open: open.into_iter().filter(|id| !here.contains(id)).collect(), told };
        let mut walked = Vec::new();
        while let Some(pdu) = walk.next(|id| here.contains(id)) {
            walked.push(pdu);
        }
        if walked.is_empty() && !walk.open.is_empty() {
            return Ok(None);
        }
        walked.retain(|pdu| judged.remove(pdu.event_id()).is_some_and(|(_, reason)| reason.is_none()));
        let open = walk.open.iter().map(ToString::to_string).collect();
        self.keep(head, walked, open).await.map(Some)
    }

    /// The events of which everything is right, each with the reason if it is rejected by what it cites.
    async fn judged(&self, told: Unverified) -> Result<Judged, RoomError> {
        let view = self.rows.view;
        let (store, clocks, room_id) = (self.node.store(), self.node.clocks(), &*view.room_id);
        let shelf = OutlierShelf { store, clocks, room_id, version: view.version };
        let verified = self.federation.verify_all(view.version, told).await;
        let log =
            |error: &_| tracing::debug!(server = %self.server, %error, "an event of history cannot be used");
        let events: Vec<Pdu> = verified.into_iter().filter_map(|event| event.inspect_err(log).ok()).collect();
        let create = view.state.create().cloned();
        let mut judged = shelf.judged(events.clone(), create.clone()).await?;
        let gaps = Gaps { federation: self.federation, from: self.server, shelf };
        for _ in 0..MOST_AUTH_CHAINS {
            let lacking = events.iter().find(|pdu| !judged.contains_key(pdu.event_id()));
            let Some(lacking) = lacking.filter(|pdu| pdu.room_id() == room_id) else { break };
            gaps.auth_events(view, lacking).await.map_err(|_| RoomError::retry())?;
            let before = judged.len();
            judged = shelf.judged(events.clone(), create.clone()).await?;
            if judged.len() == before {
                break;
            }
        }
        Ok(judged)
    }

    /// Those of all events that these name which are in the room's timeline, or in another gap, already.
    async fn here(
        &self,
        judged: &Judged,
        open: &BTreeSet<OwnedEventId>,
    ) -> Result<HashSet<OwnedEventId>, RoomError> {
        let named = judged.values().flat_map(|(pdu, _)| pdu.prev_events()).chain(open);
        let named: HashSet<&OwnedEventId> = named.collect();
        let mut here = HashSet::new();
        for id in named {
            let logged = find::event(self.rows.store, self.rows.view, id).await?;
            let is_logged = logged.is_some_and(|event| event.standing != PduStanding::Outlier);
            if is_logged || self.is_in_a_gap(id).await? {
                here.insert(id.clone());
            }
        }
        Ok(here)
    }

    async fn is_in_a_gap(&self, event_id: &OwnedEventId) -> Result<bool, RoomError> {
        Ok(self.rows.store.get::<HistoryEvent>((event_id.as_str(),), ()).await?.is_some())
    }

    /// Keeps the events behind those that are there, and then that they are.
    async fn keep(
        &self,
        head: &HistoryGapRow,
        walked: Vec<Pdu>,
        open: Vec<String>,
    ) -> Result<HistoryGapRow, RoomError> {
        let stamp = self.node.clocks().stamp(self.rows.view.room_id.as_str());
        let mut visibility = match (head.count, head.unknown_from) {
            (0, _) => Some(self.visibility_after_the_gap().await?),
            (_, Some(_)) => None,
            (count, None) => self.visibility_at(count - 1).await?,
        };
        let (mut number, mut unknown_from) = (head.count, head.unknown_from);
        let mut rows: Vec<HistoryRow> = Vec::new();
        let mut settled: Vec<Write> = Vec::new();
        for pdu in walked {
            let set = visibility_set_by(&pdu);
            // Before the first event that sets it everybody who comes later may see all.
            let is_first = pdu.is_state_of("m.room.create", "");
            let found = set.clone().or_else(|| is_first.then_some(HistoryVisibility::Shared));
            if let (Some(found), Some(from)) = (&found, unknown_from) {
                settled.extend(self.settled(from..head.count, found, stamp).await?);
                let new = rows.iter_mut().skip(usize::try_from(from - head.count).unwrap_or_default());
                new.for_each(|row| row.visibility = Some(found.as_str().to_owned()));
                (visibility, unknown_from) = (Some(found.clone()), None);
            }
            rows.push(HistoryRow {
                event_id: pdu.event_id().to_string(),
                visibility: visibility.as_ref().map(|visibility| visibility.as_str().to_owned()),
                pdu: pdu.json().to_owned(),
            });
            number += 1;
            if set.is_some() {
                // What stood before it shows with the next older one.
                (visibility, unknown_from) = (None, Some(number));
            }
        }
        let mut writes: Vec<Write> = settled;
        for (number, row) in (head.count..).zip(&rows) {
            writes.extend(self.rows.writes_of(number, row, stamp));
        }
        for chunk in writes.chunks(WRITTEN_TOGETHER) {
            self.rows.store.write(chunk.to_vec()).await?;
        }
        let head = HistoryGapRow { count: number, open, unknown_from };
        self.rows.store.write(vec![self.rows.write_of_head(&head, stamp)]).await?;
        Ok(head)
    }

    /// The rows of which it shows only now under which visibility they were sent.
    async fn settled(
        &self,
        numbers: std::ops::Range<i64>,
        visibility: &HistoryVisibility,
        stamp: i64,
    ) -> Result<Vec<Write>, RoomError> {
        let rows = self.rows.rows(numbers.clone()).await?;
        let rows = numbers.zip(rows).map(|(number, row)| {
            let row = HistoryRow { visibility: Some(visibility.as_str().to_owned()), ..row };
            self.rows.writes_of(number, &row, stamp)
        });
        Ok(rows.flatten().collect())
    }

    /// What stood when the room's log goes on after the gap.
    async fn visibility_after_the_gap(&self) -> Result<HistoryVisibility, RoomError> {
        let GapRows { store, view, before } = self.rows;
        let all = versions(store, &view.room_id, "m.room.history_visibility", "").await?;
        let standing = all.into_iter().rev().find(|(since, _)| *since <= before);
        Ok(standing.map_or(HistoryVisibility::Shared, |(_, word)| HistoryVisibility::from(word)))
    }

    /// What an event that is there was sent under.
    async fn visibility_at(&self, number: i64) -> Result<Option<HistoryVisibility>, RoomError> {
        let row = self.rows.rows(number..number + 1).await?.pop();
        Ok(row.and_then(|row| row.visibility).map(HistoryVisibility::from))
    }
}
