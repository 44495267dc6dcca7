//! Asking for profiles and aliases.

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, OwnedServerName, RoomAliasId, ServerName, UserId};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{Client, RequestError, Signature, escaped, parsed};
use crate::egress::EgressError;

/// The most bytes of a profile: as large as the specification lets one be, and what wraps it.
const MOST_PROFILE_BYTES: usize = 80 << 10;
/// The most bytes of what an alias leads to.
const MOST_DIRECTORY_BYTES: usize = 256 << 10;

/// The fields of a profile on another server, unchecked.
pub type RemoteProfile = BTreeMap<String, Box<RawValue>>;

/// What an alias leads to.
#[derive(Debug, Clone, Deserialize)]
pub struct FoundRoom {
    /// The room.
    pub room_id: OwnedRoomId,
    /// Servers in it, through which it can be joined.
    pub servers: Vec<OwnedServerName>,
}

impl Client {
    /// The profile of a user of another server, or one field of it.
    ///
    /// # Errors
    /// [`RequestError`]; a 404 means that there is no such user.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile>
    pub async fn profile(&self, user: &UserId, field: Option<&str>) -> Result<RemoteProfile, RequestError> {
        let mut target = format!("/_matrix/federation/v1/query/profile?user_id={}", escaped(user.as_str()));
        if let Some(field) = field {
            target = format!("{target}&field={}", escaped(field));
        }
        self.query(user.server_name(), &target, MOST_PROFILE_BYTES).await
    }

    /// The room that an alias of another server leads to.
    ///
    /// # Errors
    /// [`RequestError`]; a 404 means that it leads nowhere.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory>
    pub async fn room_of_alias(&self, alias: &RoomAliasId) -> Result<FoundRoom, RequestError> {
        let alias_value = escaped(alias.as_str());
        let target = format!("/_matrix/federation/v1/query/directory?room_alias={alias_value}");
        self.query(alias.server_name(), &target, MOST_DIRECTORY_BYTES).await
    }

    /// Asks a question of one of our clients.
    async fn query<T: DeserializeOwned>(
        &self,
        server: &ServerName,
        target: &str,
        most_bytes: usize,
    ) -> Result<T, RequestError> {
        let _place = self.queries.try_acquire().map_err(|_| EgressError::Busy)?;
        let body = self.get(server, target, Signature::Ours, most_bytes).await?;
        parsed(&body)
    }
}
