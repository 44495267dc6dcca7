//! `GET /_matrix/client/*/rooms/{roomId}/members`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers>

use playhouse_actors::reading::Reading;
use ruma::{api::client::membership::get_member_events::v3::Request, events::room::member::MembershipState};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{place, reader};
use crate::{ApiError, Context, IntoReply, Json};

#[derive(Debug, Serialize)]
struct Answer {
    chunk: Vec<Box<RawValue>>,
}

/// Lists the member events of a room, now, at an earlier place, or as of when the caller left.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let wanted = Wanted::new(request.membership, request.not_membership)?;
    let reading = Reading::open(cx.node(), &request.room_id, cx.user_id()).await?;
    let at = match request.at.as_deref() {
        Some(token) => Some(place(&cx, &reading.view, "at", token).await?),
        None => None,
    };
    let snapshot = reading.snapshot(cx.node(), at).await?;
    let reader = reader(&cx);
    let members = snapshot.state.of_kind("m.room.member").map(|(_, pdu)| pdu);
    let members = members.filter(|pdu| pdu.membership().is_some_and(|membership| wanted.holds(membership)));
    Ok(Json(Answer { chunk: members.map(|pdu| snapshot.render(&reader, pdu)).collect() }))
}

/// Which memberships are wanted.
///
/// > When specified alongside `not_membership`, the two parameters create an 'or' condition.
#[derive(Debug)]
struct Wanted {
    is: Option<MembershipState>,
    is_not: Option<MembershipState>,
}

impl Wanted {
    fn new(is: Option<MembershipState>, is_not: Option<MembershipState>) -> Result<Self, ApiError> {
        let known = |membership: &MembershipState| {
            use MembershipState::{Ban, Invite, Join, Knock, Leave};
            matches!(membership, Ban | Invite | Join | Knock | Leave)
        };
        match is.iter().chain(&is_not).find(|membership| !known(membership)) {
            Some(unknown) => Err(ApiError::invalid_param(format!("{unknown} is no membership"))),
            None => Ok(Self { is, is_not }),
        }
    }

    fn holds(&self, membership: &MembershipState) -> bool {
        match (&self.is, &self.is_not) {
            (None, None) => true,
            (is, is_not) => {
                is.as_ref() == Some(membership) || is_not.as_ref().is_some_and(|not| not != membership)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(is: Option<&str>, is_not: Option<&str>) -> Vec<&'static str> {
        let wanted = Wanted::new(is.map(Into::into), is_not.map(Into::into)).unwrap();
        let all = ["join", "invite", "knock", "leave", "ban"];
        all.into_iter().filter(|membership| wanted.holds(&(*membership).into())).collect()
    }

    #[test]
    fn both_filters_together_are_an_or() {
        assert_eq!(wanted(None, None).len(), 5);
        assert_eq!(wanted(Some("join"), None), ["join"]);
        assert_eq!(wanted(None, Some("leave")), ["join", "invite", "knock", "ban"]);
        assert_eq!(wanted(Some("leave"), Some("leave")).len(), 5);
        assert_eq!(wanted(Some("join"), Some("leave")), ["join", "invite", "knock", "ban"]);
    }

    #[test]
    fn an_unknown_membership_is_refused() {
        assert!(Wanted::new(Some("dancing".into()), None).is_err());
        assert!(Wanted::new(None, Some("dancing".into())).is_err());
    }
}
