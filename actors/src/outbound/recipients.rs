//! Which servers an event goes to.

use std::collections::BTreeSet;

use playhouse_rules::{
    Pdu,
    state::{RoomState, ServerAcl},
};
use ruma::{ServerName, UserId};

use crate::room::StateDelta;

/// The servers that an event goes to: those with members after it, and those of users whose membership it ends. Never this
/// one, the sender's, and those that the room shut out before: whom an event shuts out, hears of it. `state` is the one after
/// the event.
pub fn of<'a>(
    us: &ServerName,
    state: &'a RoomState,
    pdu: &Pdu,
    changes: &'a [StateDelta],
) -> BTreeSet<&'a ServerName> {
    each(us, state, pdu, changes).collect()
}

/// The same one by one; some may come twice.
fn each<'a>(
    us: &ServerName,
    state: &'a RoomState,
    pdu: &Pdu,
    changes: &'a [StateDelta],
) -> impl Iterator<Item = &'a ServerName> {
    let all = state.joined_servers().chain(changes.iter().filter_map(ended));
    let others = all.filter(move |server| *server != us && *server != pdu.sender().server_name());
    let access = access_before(state, changes);
    others.filter(move |server| access.allows(server))
}

/// Whom the room lets in before the event.
fn access_before(state: &RoomState, changes: &[StateDelta]) -> ServerAcl {
    let change =
        changes.iter().find(|change| change.kind == "m.room.server_acl" && change.state_key.is_empty());
    change.map_or_else(|| state.server_acl().clone(), |change| ServerAcl::read(change.old.as_ref()))
}

/// Whether an event goes to anybody.
pub fn any(us: &ServerName, state: &RoomState, pdu: &Pdu, changes: &[StateDelta]) -> bool {
    each(us, state, pdu, changes).next().is_some()
}

/// The server of a user who had a membership: it hears of what becomes of it.
fn ended(change: &StateDelta) -> Option<&ServerName> {
    let user = <&UserId>::try_from(change.state_key.as_str()).ok()?;
    (change.kind == "m.room.member" && change.old.is_some()).then(|| user.server_name())
}
