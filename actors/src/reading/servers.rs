//! Which servers are in a room.

use ruma::{OwnedServerName, RoomId};

use crate::{Node, room::RoomError};

/// The servers that are in a room of this server, this one first; this one alone for a room that cannot be read.
///
/// # Errors
/// When the store does not answer.
pub async fn servers_in(node: &Node, room_id: &RoomId) -> Result<Vec<OwnedServerName>, RoomError> {
    let us = node.server_name();
    let others = match node.rooms().view(room_id).await {
        Ok(view) => {
            view.state.joined_servers().filter(|server| *server != us).map(ToOwned::to_owned).collect()
        }
        Err(RoomError::UnknownRoom | RoomError::Corrupt(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(std::iter::once(us.to_owned()).chain(others).collect())
}
