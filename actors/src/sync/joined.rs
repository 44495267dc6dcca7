//! A joined room in a sync.

use std::collections::BTreeSet;

use playhouse_rules::pdu::Pdu;
use ruma::{OwnedUserId, events::room::member::MembershipState};

use super::{
    build::Pass,
    ephemeral,
    lazy::{self, Stay},
    response::{Events, JoinedRoom, Summary, Timeline},
    unread,
    window::{StateScope, StateWish, Window, WindowRequest, had_up_to},
};
use crate::{
    hub::feed::RoomStanding,
    room::{RoomError, RoomView},
    timeline::{
        page::Gap,
        state_at::{Members, changed_state},
        visibility::{Memberships, Sight},
    },
};

/// What a joined room contributes.
pub struct Contribution {
    /// The room, as the client gets it.
    pub room: JoinedRoom,
    /// Who joined or left in the window.
    pub moves: Moves,
}

/// Who came into sight and who may have gone out of it.
#[derive(Debug, Default)]
pub struct Moves {
    /// Users who joined, or everybody in a room that the user joined.
    pub joined: BTreeSet<OwnedUserId>,
    /// Users who left.
    pub left: BTreeSet<OwnedUserId>,
}

impl Moves {
    /// Those of changes of a room's state.
    pub fn of(changes: &[Pdu]) -> Self {
        let mut moves = Self::default();
        for pdu in changes {
            let user = pdu.state_key().and_then(|key| OwnedUserId::try_from(key).ok());
            let (Some(user), Some(membership)) = (user, pdu.membership()) else { continue };
            match membership {
                MembershipState::Join => drop(moves.joined.insert(user)),
                MembershipState::Leave | MembershipState::Ban => drop(moves.left.insert(user)),
                _ => {}
            }
        }
        moves
    }
}

/// Renders a joined room as of `since`; `None` is the beginning.
///
/// # Errors
/// When the room's rows cannot be read: the room is left out then.
pub async fn joined(
    pass: &Pass<'_>,
    view: &RoomView,
    standing: &RoomStanding,
    since: Option<i64>,
) -> Result<Contribution, RoomError> {
    let store = pass.node.store();
    let lower = had_up_to(store, view, since).await?;
    let newly_joined =
        since.is_some_and(|since| standing.pos > since) && !was_joined(pass, view, lower).await?;
    let fresh = since.is_none() || newly_joined;
    let lower = if fresh { Gap(0) } else { lower };
    let sight = Sight::of(store, view, &pass.request.user).await?;
    let request = pass.window_request(view, &sight);
    let window = request.read(lower, Gap(view.head_seq + 1)).await?;
    let scope = if fresh || pass.request.full_state { StateScope::Everything } else { StateScope::Changes };
    let changes = changes_in(&request, &window, fresh).await?;
    let summary = (fresh || pass.request.full_state || changes.iter().any(touches_summary))
        .then(|| summary_of(view, pass));
    let mut room = JoinedRoom { summary, ..JoinedRoom::default() };
    let stay = Stay { room_id: &view.room_id, member_event: standing.seq };
    let state = state_of(pass, &request, &window, scope, (stay, room.summary.as_ref())).await?;
    if pass.request.use_state_after {
        room.state_after = Some(state);
    } else {
        room.state = Some(state);
    }
    room.timeline = timeline_of(pass, view, &window, stay).await?;
    // What a client has of the room from before it left is not the part before this.
    room.timeline.limited |= newly_joined;
    room.ephemeral = ephemeral::of_room(pass, view, if fresh { None } else { since }).into();
    room.account_data = pass.room_account_data(&view.room_id, fresh).into();
    let counts = unread::counts(pass, view, standing).await?;
    room.unread_notifications = counts.main;
    room.unread_thread_notifications = counts.threads;
    Ok(Contribution { room, moves: moves_of(pass, view, &changes, fresh) })
}

async fn was_joined(pass: &Pass<'_>, view: &RoomView, lower: Gap) -> Result<bool, RoomError> {
    let memberships = Memberships::of(pass.node.store(), &view.room_id, &pass.request.user).await?;
    Ok(memberships.at(lower.0 - 1) == MembershipState::Join)
}

/// The state of a window, rendered; member events as lazily as the filter says.
pub(super) async fn state_of(
    pass: &Pass<'_>,
    request: &WindowRequest<'_>,
    window: &Window,
    scope: StateScope,
    (stay, summary): (Stay<'_>, Option<&Summary>),
) -> Result<Events, RoomError> {
    let at_end = pass.request.use_state_after;
    let state = if let Some(client) = pass.lazy {
        let needed = lazy::needed(&pass.request.user, window, scope, summary, at_end);
        let wish = StateWish { scope, at_end, members: Members::Only(&needed) };
        let mut state = request.state(window, wish).await?;
        client.leaves_out_sent(stay, scope, &mut state, &pass.carried);
        state
    } else {
        request.state(window, StateWish { scope, at_end, members: Members::All }).await?
    };
    let rendered = state.iter().map(|pdu| {
        let redacted = request.view.redactions.contains_key(pdu.event_id());
        pass.as_asked(pdu, redacted, pass.reader.state_event(pdu, request.view, false))
    });
    Ok(rendered.collect::<Vec<_>>().into())
}

/// The timeline of a window, rendered.
pub(super) async fn timeline_of(
    pass: &Pass<'_>,
    view: &RoomView,
    window: &Window,
    stay: Stay<'_>,
) -> Result<Timeline, RoomError> {
    let store = pass.node.store();
    // A client that gets state apart takes none from the timeline.
    if let Some(client) = pass.lazy.filter(|_| !pass.request.use_state_after) {
        client.carries(stay, window.timeline.iter().map(|event| &event.pdu), &pass.carried);
    }
    let redactions = crate::timeline::find::redactions(store, view, window.timeline.iter()).await?;
    let memberships = pass.memberships(view, window).await?;
    let mut events = Vec::with_capacity(window.timeline.len());
    for event in &window.timeline {
        let membership = memberships.as_ref().map_or(MembershipState::Join, |known| known.at(event.seq));
        let redaction = redactions.get(event.pdu.event_id());
        let rendered = pass.reader.event(view.version, event, redaction, Some(&membership), false);
        let redacted = redaction.is_some() || pass.reader.is_kept_from(&event.pdu, &membership);
        events.push(pass.as_asked(&event.pdu, redacted, rendered));
    }
    Ok(Timeline { events, limited: window.limited, prev_batch: Some(window.start.encode()) })
}

/// What changed of the state in a window; nothing where all of it is told anyway.
async fn changes_in(
    request: &WindowRequest<'_>,
    window: &Window,
    fresh: bool,
) -> Result<Vec<Pdu>, RoomError> {
    if fresh || window.lower >= window.upper {
        return Ok(Vec::new());
    }
    let span = (window.lower.0 - 1, window.upper.0 - 1);
    changed_state(request.store, request.view, span, Members::All).await
}

/// Who joined and left in a window; everybody where the user newly joined.
fn moves_of(pass: &Pass<'_>, view: &RoomView, changes: &[Pdu], fresh: bool) -> Moves {
    if pass.request.since.is_none() {
        return Moves::default();
    }
    if fresh {
        let joined = view.state.joined_members().map(ToOwned::to_owned).collect();
        return Moves { joined, ..Moves::default() };
    }
    Moves::of(changes)
}

/// Whether the counts or the heroes of a room may differ after a change. Invites are counted, and heroes are due as
/// soon as the room has no name.
fn touches_summary(change: &Pdu) -> bool {
    matches!(change.kind_str(), "m.room.member" | "m.room.name" | "m.room.canonical_alias")
}

/// Member counts, and heroes for a room without a name.
fn summary_of(view: &RoomView, pass: &Pass<'_>) -> Summary {
    let nameless = view.state.name().is_none_or(str::is_empty) && view.state.canonical_alias().is_none();
    let heroes = nameless.then(|| {
        let heroes = view.state.heroes(&pass.request.user);
        heroes.into_iter().map(ToOwned::to_owned).collect()
    });
    Summary { heroes, joined: view.state.joined_count() as u64, invited: view.state.invited_count() as u64 }
}
