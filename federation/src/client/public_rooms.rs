//! Asking for the public rooms of a server.

use ruma::{OwnedRoomId, ServerName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Client, RequestError, parsed};
use crate::egress::EgressError;

/// The most bytes of a page: 500 rooms with long topics.
const MOST_PAGE_BYTES: usize = 4 << 20;

/// A page of the public rooms of another server.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoteRooms {
    /// The rooms, each with what a directory must say of it.
    pub chunk: Vec<Box<RawValue>>,
    /// Where the next page starts, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_batch: Option<String>,
    /// Where the page before it starts, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_batch: Option<String>,
    /// About how many rooms there are, if the server says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_room_count_estimate: Option<u64>,
}

impl Client {
    /// A page of a server's public rooms. `wish` has the fields of the request's body.
    ///
    /// # Errors
    /// [`RequestError`]; a 403 means that the server tells nobody.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms>
    pub async fn public_rooms(
        &self,
        server: &ServerName,
        wish: &(impl Serialize + Sync),
    ) -> Result<RemoteRooms, RequestError> {
        let _place = self.queries.try_acquire().map_err(|_| EgressError::Busy)?;
        let body = self
            .post(server, "/_matrix/federation/v1/publicRooms", wish, self.patient(MOST_PAGE_BYTES))
            .await?;
        let mut rooms: RemoteRooms = parsed(&body)?;
        rooms.chunk.retain(|room| is_room(room));
        Ok(rooms)
    }
}

/// Whether an entry says what clients need of every room.
fn is_room(entry: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Room {
        #[serde(rename = "room_id")]
        _room_id: OwnedRoomId,
        #[serde(rename = "num_joined_members")]
        _members: u64,
        #[serde(rename = "world_readable")]
        _is_readable: bool,
        #[serde(rename = "guest_can_join")]
        _is_open_to_guests: bool,
    }
    serde_json::from_str::<Room>(entry.get()).is_ok()
}
