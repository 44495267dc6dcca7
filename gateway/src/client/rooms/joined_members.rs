//! `GET /_matrix/client/*/rooms/{roomId}/joined_members`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members>

use std::collections::BTreeMap;

use playhouse_actors::room::RoomView;
use playhouse_rules::Pdu;
use ruma::{
    OwnedUserId, api::client::membership::joined_members::v3::Request, events::room::member::MembershipState,
};
use serde::{Deserialize, Serialize};

use crate::{ApiError, Context, IntoReply, Json};

#[derive(Debug, Serialize)]
struct Answer {
    joined: BTreeMap<OwnedUserId, Member>,
}

/// Both fields are there even if empty: clients tell members without a name by it.
#[derive(Debug, Default, Serialize)]
struct Member {
    display_name: Option<String>,
    avatar_url: Option<String>,
}

/// Lists who is in a room, with their profiles, for those who are in it themselves.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let view = cx.node().rooms().view_for_member(&request.room_id, cx.user_id()).await?;
    let members = view.state.members_with(MembershipState::Join);
    let joined = members.map(|(user, pdu)| (user.to_owned(), member(&view, pdu))).collect();
    Ok(Json(Answer { joined }))
}

fn member(view: &RoomView, pdu: &Pdu) -> Member {
    #[derive(Deserialize)]
    struct Content {
        displayname: Option<String>,
        avatar_url: Option<String>,
    }
    if view.redactions.contains_key(pdu.event_id()) {
        return Member::default();
    }
    let content = pdu.content_as::<Content>();
    content.map_or_else(
        |_| Member::default(),
        |content| Member { display_name: content.displayname, avatar_url: content.avatar_url },
    )
}
