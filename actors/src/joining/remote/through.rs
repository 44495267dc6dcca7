//! Which servers to try, and what their refusals mean.

use std::collections::BTreeSet;

use playhouse_federation::client::RequestError;
use playhouse_storage::tables::UserRoom;
use ruma::{OwnedServerName, OwnedUserId, RoomId, ServerName, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Node, joining::MembershipError, room::RoomView};

/// The most servers tried for one change.
const MOST_SERVERS: usize = 20;

/// The servers through which a room may be entered or left: those that the client names, then those that invited or described
/// the room. Where the client names no other, also those with the most members in it.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn servers(
    node: &Node,
    room_id: &RoomId,
    user: &UserId,
    named: &[OwnedServerName],
    view: Option<&RoomView>,
) -> Result<Vec<OwnedServerName>, MembershipError> {
    let row = node.store().get::<UserRoom>((user.as_str(),), (room_id.as_str(),)).await?;
    let senders = row.map(|row| senders(&row.sender, row.stripped.as_deref())).unwrap_or_default();
    let names_another = named.iter().any(|server| server != node.server_name());
    let view = view.filter(|_| !names_another);
    let members = view.into_iter().flat_map(|view| view.state.joined_servers_by_size());
    let known = senders.iter().map(|user| user.server_name());
    let all = named.iter().map(AsRef::as_ref).chain(known).chain(members);
    let mut seen: BTreeSet<&ServerName> = BTreeSet::from([node.server_name()]);
    Ok(all.filter(|server| seen.insert(server)).take(MOST_SERVERS).map(ToOwned::to_owned).collect())
}

/// Who sent a member event and the events that describe the room with it.
fn senders(sender: &str, stripped: Option<&RawValue>) -> Vec<OwnedUserId> {
    #[derive(Deserialize)]
    struct Stripped {
        sender: OwnedUserId,
    }
    let described: Vec<Stripped> =
        stripped.and_then(|stripped| serde_json::from_str(stripped.get()).ok()).unwrap_or_default();
    let sender = OwnedUserId::try_from(sender).ok();
    sender.into_iter().chain(described.into_iter().map(|event| event.sender)).collect()
}

/// What came of trying one server after the other.
#[derive(Debug, Default)]
pub(super) struct Failures {
    refused: Option<MembershipError>,
    failed: Option<MembershipError>,
}

impl Failures {
    /// Notes what one server answered. The first refusal counts; that a server is not there only where none refuses.
    pub fn note(&mut self, server: &ServerName, error: MembershipError) {
        tracing::debug!(%server, %error, "no way into or out of the room through this server");
        let slot = match error {
            MembershipError::Refused { .. } => &mut self.refused,
            _ => &mut self.failed,
        };
        slot.get_or_insert(error);
    }

    /// What the client is told.
    pub fn into_error(self) -> MembershipError {
        self.refused.or(self.failed).unwrap_or(MembershipError::NoServer)
    }
}

/// What an answer means for the client.
pub(super) fn of_request(server: &ServerName, error: RequestError) -> MembershipError {
    match error {
        RequestError::Refused { status, errcode } if status.is_client_error() => {
            MembershipError::Refused { server: server.to_owned(), errcode }
        }
        error => MembershipError::NotReached { server: server.to_owned(), reason: error.to_string() },
    }
}

/// An answer that cannot be used.
pub(super) fn unusable(server: &ServerName, reason: impl ToString) -> MembershipError {
    MembershipError::NotReached { server: server.to_owned(), reason: reason.to_string() }
}
