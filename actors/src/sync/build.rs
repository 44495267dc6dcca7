//! One pass of a sync: which streams changed, what they bring, and the token after it.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use playhouse_rules::pdu::Pdu;
use playhouse_storage::{IntoKey as _, Order, Slice, tables::ToDevice};
use ruma::{OwnedRoomId, RoomId, api::client::filter::EventFormat, events::room::member::MembershipState};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    device_lists,
    filter::{passes_plain, prune},
    joined::{self, Moves},
    lazy::{Carried, LazyClient},
    left,
    request::SyncRequest,
    response::{InvitedRoom, KnockedRoom, RawEvents, SyncResponse},
    window::{Window, WindowRequest},
};
use crate::{
    Node,
    hub::{UserFeed, feed::RoomStanding},
    room::{RoomError, RoomView},
    timeline::{
        Reader,
        visibility::{Memberships, Sight},
    },
    token::{MAX_EXCEPTIONS, StreamKey, SyncToken},
    user::{UserError, data::UserData},
};

/// To-device messages in one response; the rest waits for the next.
const MOST_TO_DEVICE: usize = 100;

/// What a pass works with.
pub struct Pass<'a> {
    /// The node.
    pub node: &'a Node,
    /// What was asked.
    pub request: &'a SyncRequest,
    /// The user's own stream.
    pub data: &'a UserData,
    /// For whom events are rendered.
    pub reader: Reader<'a>,
    /// The user's feed.
    pub feed: &'a UserFeed,
    /// The client, if it loads members lazily.
    pub lazy: Option<&'a LazyClient>,
    /// The members that a lazy client gets.
    pub carried: Carried,
    /// Where the user's own stream stood at `since`.
    pub own_since: Option<i64>,
}

/// A built response.
pub struct Built {
    /// The response.
    pub response: SyncResponse,
    /// The token that it brings.
    pub next: SyncToken,
    /// The members that it brings to a lazy client.
    pub carried: Carried,
    /// Whether something was noted that some slot's commit in flight still hides: look again in a moment.
    pub behind: bool,
}

/// Builds a response.
///
/// # Errors
/// [`UserError::Unavailable`] when the store does not answer. A room that cannot be read is left out and counted, and
/// the token keeps it where it was.
pub async fn build(
    node: &Node,
    feed: &Arc<UserFeed>,
    request: &SyncRequest,
    lazy: Option<&LazyClient>,
) -> Result<Built, UserError> {
    // The base first: everything at or below it is visible in what is read from here on.
    let base = node.clocks().closed();
    let data = feed.data();
    let own_key = node.tokens().stream_key(request.user.as_str());
    let pass = Pass {
        node,
        request,
        data: &data,
        reader: Reader::new(node, &request.user, request.device_str()),
        feed,
        lazy,
        carried: Carried::default(),
        own_since: request.since.as_ref().map(|since| since.delivered(&own_key)),
    };
    let mut next = SyncToken { base, exceptions: still_beyond(request, base) };
    let mut response = SyncResponse::default();
    let moves = pass.add_rooms(&mut response, &mut next).await?;
    response.account_data = pass.global_account_data().into();
    let own_pos = pass.add_to_device(&mut response).await?;
    if own_pos != base && (own_pos > base || own_pos < data.pos) {
        next.exceptions.insert(own_key, own_pos);
    }
    if let Some(since) = &request.since {
        let lists = device_lists::between(node, feed, since.base, base, moves).await;
        response.device_lists = lists?;
    }
    pass.add_key_counts(&mut response);
    response.next_batch = node.tokens().encode(&next);
    let behind = node.users().context().device_changes.newest() > base;
    Ok(Built { response, next, carried: pass.carried, behind })
}

/// The streams of the client's token that stay beyond the new base, though nothing new is told of them.
fn still_beyond(request: &SyncRequest, base: i64) -> BTreeMap<StreamKey, i64> {
    let exceptions = request.since.iter().flat_map(|since| &since.exceptions);
    exceptions.filter(|(_, pos)| **pos > base).map(|(key, pos)| (*key, *pos)).collect()
}

impl Pass<'_> {
    async fn add_rooms(&self, response: &mut SyncResponse, next: &mut SyncToken) -> Result<Moves, UserError> {
        let mut moves = Moves::default();
        for (room_id, standing) in self.candidates() {
            if !self.wants_room(&room_id) {
                continue;
            }
            let key = self.node.tokens().stream_key(room_id.as_str());
            let since = self.request.since.as_ref().map(|since| since.delivered(&key));
            let full = next.exceptions.len() >= MAX_EXCEPTIONS;
            if full && standing.last_pos > next.base {
                // No room left in the token: this one waits until the base has passed it.
                continue;
            }
            let carried = self.carried.count();
            match self.add_room(response, &room_id, &standing, since).await {
                Ok((delivered, room_moves)) => {
                    moves.joined.extend(room_moves.joined);
                    moves.left.extend(room_moves.left);
                    if delivered > next.base {
                        next.exceptions.insert(key, delivered);
                    }
                }
                Err(RoomError::Unavailable { retry_after }) => {
                    return Err(UserError::Unavailable { retry_after });
                }
                Err(error) => {
                    tracing::warn!(%error, "a room is left out of a sync");
                    self.carried.truncate(carried);
                    self.node.metrics().sync_rooms_left_out.increment(1);
                    if let Some(since) = since.filter(|_| !full) {
                        next.exceptions.insert(key, since);
                    }
                }
            }
        }
        Ok(moves)
    }

    /// Rooms that may hold something new: all of them at first, else those with activity, or with account data.
    fn candidates(&self) -> Vec<(OwnedRoomId, RoomStanding)> {
        let Some(since) = self.request.since.as_ref().filter(|_| !self.request.full_state) else {
            return self.feed.rooms();
        };
        let oldest = since.exceptions.values().copied().min().unwrap_or(since.base).min(since.base);
        let mut rooms = self.feed.changed_rooms(|_| oldest);
        rooms.retain(|(room_id, standing)| {
            since.exceptions.is_empty()
                || standing.last_pos > since.delivered(&self.node.tokens().stream_key(room_id.as_str()))
        });
        for room_id in self.rooms_with_new_account_data() {
            if !rooms.iter().any(|(present, _)| *present == room_id)
                && let Some(standing) = self.feed.standing(&room_id)
            {
                rooms.push((room_id, standing));
            }
        }
        rooms
    }

    fn rooms_with_new_account_data(&self) -> Vec<OwnedRoomId> {
        let own_since = self.own_since.unwrap_or(0);
        if self.data.pos <= own_since {
            return Vec::new();
        }
        let new =
            self.data.account_data.iter().filter(|((room, _), row)| !room.is_empty() && row.pos > own_since);
        new.filter_map(|((room, _), _)| OwnedRoomId::try_from(room.as_str()).ok()).collect()
    }

    fn wants_room(&self, room_id: &RoomId) -> bool {
        let filter = &self.request.filter.room;
        filter.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|room| room == room_id))
            && !filter.not_rooms.iter().any(|room| room == room_id)
    }

    /// Adds one room; answers up to where it was delivered, and who moved.
    async fn add_room(
        &self,
        response: &mut SyncResponse,
        room_id: &RoomId,
        standing: &RoomStanding,
        since: Option<i64>,
    ) -> Result<(i64, Moves), RoomError> {
        let changed = since.is_none_or(|since| standing.pos > since);
        match standing.membership {
            MembershipState::Join => {
                let view = self.node.rooms().view(room_id).await?;
                let joined::Contribution { room, moves } =
                    joined::joined(self, &view, standing, since).await?;
                if since.is_none() || self.request.full_state || !room.is_empty() {
                    response.rooms.join.insert(room_id.to_owned(), room);
                }
                return Ok((view.pos, moves));
            }
            MembershipState::Invite if changed && self.takes_invite(standing) => {
                let invite_state = stripped(standing);
                response.rooms.invite.insert(room_id.to_owned(), InvitedRoom { invite_state });
            }
            MembershipState::Knock if changed => {
                let knock_state = stripped(standing);
                response.rooms.knock.insert(room_id.to_owned(), KnockedRoom { knock_state });
            }
            MembershipState::Leave | MembershipState::Ban if changed && self.wants_left(standing, since) => {
                let view = self.node.rooms().view(room_id).await?;
                let room = left::left(self, &view, standing, since).await?;
                let mut moves = Moves::default();
                if since.is_some() && standing.previous != Some(MembershipState::Invite) {
                    moves.left.extend(view.state.joined_members().map(ToOwned::to_owned));
                }
                response.rooms.leave.insert(room_id.to_owned(), room);
                return Ok((standing.last_pos, moves));
            }
            _ => {}
        }
        Ok((standing.last_pos, Moves::default()))
    }

    /// > Invite events for this user already in the database […] MUST NOT be served over client synchronisation
    /// > endpoints.
    ///
    /// <https://spec.matrix.org/v1.19/client-server-api/#invite-permission>
    fn takes_invite(&self, standing: &RoomStanding) -> bool {
        let inviter = <&ruma::UserId>::try_from(standing.sender.as_str());
        !self.data.blocks_invites && !inviter.is_ok_and(|inviter| self.data.ignores(inviter))
    }

    fn wants_left(&self, standing: &RoomStanding, since: Option<i64>) -> bool {
        // Who was put out is told even in a first sync, as by Synapse: nobody else tells.
        let was_put_out = standing.sender != self.request.user.as_str();
        let wants_all = self.request.filter.room.include_leave || was_put_out;
        // Whoever leaves and forgets at once still hears of the leave.
        since.is_some() || (wants_all && !standing.forgotten)
    }

    /// What a room's window is read with.
    pub fn window_request<'p>(&'p self, view: &'p RoomView, sight: &'p Sight) -> WindowRequest<'p> {
        WindowRequest {
            store: self.node.store(),
            view,
            sight,
            filter: &self.request.filter.room,
            data: self.data,
        }
    }

    /// The user's account data for a room, as far as it is new.
    pub fn room_account_data(&self, room_id: &RoomId, everything: bool) -> Vec<Box<RawValue>> {
        use super::filter::EventFilter as _;
        let filter = &self.request.filter.room.account_data;
        if !filter.passes_room(room_id) {
            return Vec::new();
        }
        self.account_data(room_id.as_str(), everything, |kind| filter.passes_kind(kind))
    }

    fn global_account_data(&self) -> Vec<Box<RawValue>> {
        let filter = &self.request.filter.account_data;
        self.account_data("", false, |kind| passes_plain(filter, kind, Some(&self.request.user)))
    }

    fn account_data(&self, room: &str, everything: bool, wants: impl Fn(&str) -> bool) -> Vec<Box<RawValue>> {
        #[derive(Serialize)]
        struct Event<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            content: &'a RawValue,
        }
        let since = self.own_since.filter(|_| !everything && !self.request.full_state).unwrap_or(0);
        let from = (room.to_owned(), String::new());
        let of_room = self.data.account_data.range(from..).take_while(|((of, _), _)| of == room);
        of_room
            .filter(|((_, kind), row)| row.pos > since && wants(kind))
            .filter_map(|((_, kind), row)| to_raw_value(&Event { kind, content: &row.content }).ok())
            .collect()
    }

    /// Adds waiting to-device messages; answers up to where the user's own stream was delivered.
    async fn add_to_device(&self, response: &mut SyncResponse) -> Result<i64, UserError> {
        let since = self.own_since.unwrap_or(0);
        let Some(device) = self.request.device_str() else { return Ok(self.data.pos) };
        if self.data.to_device.get(device).is_none_or(|newest| *newest <= since) {
            return Ok(self.data.pos);
        }
        let slice = Slice {
            from: Bound::Excluded((since,).to_key()),
            to: Bound::Included((self.data.pos,).to_key()),
            order: Order::Forward,
            limit: MOST_TO_DEVICE,
        };
        let owner = (self.request.user.as_str(), device);
        let (rows, more) = self.node.store().slice::<ToDevice>(owner, slice).await?;
        let last = rows.last().map(|((pos,), _)| *pos);
        response.to_device = rows.into_iter().filter_map(|(_, row)| row.message).collect::<Vec<_>>().into();
        Ok(last.filter(|_| more).unwrap_or(self.data.pos))
    }

    fn add_key_counts(&self, response: &mut SyncResponse) {
        let counts = self.request.device_str().and_then(|device| self.data.keys.get(device));
        if let Some(counts) = counts {
            response.device_one_time_keys_count.clone_from(&counts.one_time);
            response.device_unused_fallback_key_types.clone_from(&counts.unused_fallback);
        }
        // Told even at zero, or clients never upload more.
        response.device_one_time_keys_count.entry("signed_curve25519".into()).or_default();
    }

    /// An event in the format and with the fields that the filter asks for. What is redacted is never shown as it was
    /// signed.
    pub fn as_asked(&self, pdu: &Pdu, redacted: bool, rendered: Box<RawValue>) -> Box<RawValue> {
        let filter = &self.request.filter;
        if filter.event_format == EventFormat::Federation && !redacted {
            return prune(pdu.json().to_owned(), filter.event_fields.as_deref());
        }
        prune(rendered, filter.event_fields.as_deref())
    }

    /// The user's memberships, where a window reaches back before the present one.
    pub async fn memberships(
        &self,
        view: &RoomView,
        window: &Window,
    ) -> Result<Option<Memberships>, RoomError> {
        let joined_since =
            self.feed.standing(&view.room_id).filter(|s| s.membership == MembershipState::Join);
        let first = window.timeline.first().map_or(i64::MAX, |event| event.seq);
        if joined_since.is_some_and(|standing| standing.seq <= first) {
            return Ok(None);
        }
        Ok(Some(Memberships::of(self.node.store(), &view.room_id, &self.request.user).await?))
    }
}

fn stripped(standing: &RoomStanding) -> RawEvents {
    let empty = || Arc::from(RawValue::from_string("[]".to_owned()).expect("an empty array"));
    RawEvents { events: standing.stripped.clone().unwrap_or_else(empty) }
}
