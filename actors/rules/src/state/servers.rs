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

    /// The same, those with the most joined members first.
    pub fn joined_servers_by_size(&self) -> Vec<&ServerName> {
        let mut servers: Vec<(&OwnedServerName, &usize)> = self.servers.0.iter().collect();
        servers.sort_by_key(|(_, members)| std::cmp::Reverse(**members));
        servers.into_iter().map(|(server, _)| server.as_ref()).collect()
    }

    /// Whether a server has a joined member.
    pub fn is_server_joined(&self, server: &ServerName) -> bool {
        self.servers.0.contains_key(server)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestRoom;

    #[test]
    fn servers_come_and_go_with_their_last_members_and_the_largest_is_first() {
        let mut room = TestRoom::new("11");
        let home = room.state.joined_servers().next().unwrap().to_owned();
        let mut sets = |user: &str, membership: &str| {
            let member = room.propose(user, "m.room.member", Some(user), json!({ "membership": membership }));
            room.state.insert(member);
            let servers = room.state.joined_servers_by_size().into_iter();
            servers.filter(|server| **server != *home).map(ToString::to_string).collect::<Vec<_>>()
        };

        assert_eq!(sets("@a:small", "join"), ["small"]);
        assert_eq!(sets("@a:large", "join"), ["large", "small"]);
        assert_eq!(sets("@b:large", "join"), ["large", "small"]);
        assert_eq!(sets("@a:large", "leave"), ["large", "small"]);
        assert_eq!(sets("@b:small", "join"), ["small", "large"]);
        assert_eq!(sets("@b:large", "ban"), ["small"]);
    }
}
