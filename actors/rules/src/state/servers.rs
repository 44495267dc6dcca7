//! The servers that have members in a room, kept as members come and go: a message must not cost a walk over all members.

use imbl::OrdMap;
use ruma::{OwnedServerName, ServerName, UserId, events::room::member::MembershipState};

use super::RoomState;
use crate::Pdu;

/// Servers with joined members, and how many each has.
#[derive(Debug, Clone, Default)]
pub(super) struct JoinedServers(OrdMap<OwnedServerName, usize>);

impl JoinedServers {
    pub(super) fn change(&mut self, old: Option<&Pdu>, new: Option<&Pdu>) {
        let (old, new) = (old.and_then(joined), new.and_then(joined));
        if old == new {
            return;
        }
        if let Some(server) = old {
            match self.0.get_mut(server) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.0.remove(server)),
            }
        }
        if let Some(server) = new {
            *self.0.entry(server.to_owned()).or_default() += 1;
        }
    }
}

/// The server of a user who is joined by this member event.
fn joined(member: &Pdu) -> Option<&ServerName> {
    let user = <&UserId>::try_from(member.state_key()?).ok()?;
    (member.membership() == Some(&MembershipState::Join)).then(|| user.server_name())
}

impl RoomState {
    /// The servers that have joined members, in the order of their names.
    pub fn joined_servers(&self) -> impl Iterator<Item = &ServerName> {
        self.servers.0.keys().map(AsRef::as_ref)
    }

    /// Whether a server has a joined member.
    pub fn is_server_joined(&self, server: &ServerName) -> bool {
        self.servers.0.contains_key(server)
    }
}
