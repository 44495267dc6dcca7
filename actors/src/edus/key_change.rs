//! Changes of devices and keys of users of other servers.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#device-management>

use std::collections::BTreeSet;

use playhouse_storage::StoreError;
use ruma::{OwnedUserId, ServerName};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Node, room::RoomError, user::keys::remote::note_change};

/// The users of `origin` whose keys a transaction tells of, each once.
#[derive(Default)]
pub(super) struct ChangedUsers(BTreeSet<OwnedUserId>);

impl ChangedUsers {
    /// Takes the content of an `m.device_list_update` or an `m.signing_key_update`.
    pub fn note(&mut self, origin: &ServerName, content: &RawValue) {
        #[derive(Deserialize)]
        struct Content {
            user_id: OwnedUserId,
        }
        let content: Option<Content> = serde_json::from_str(content.get()).ok();
        self.0.extend(content.map(|content| content.user_id).filter(|user| user.server_name() == origin));
    }

    /// Tells who shares a room with them.
    ///
    /// # Errors
    /// It cannot be kept now.
    pub async fn tell(self, node: &Node) -> Result<(), RoomError> {
        for user in self.0 {
            note_change(node, &user).await.map_err(|error: StoreError| RoomError::from(error))?;
        }
        Ok(())
    }
}
