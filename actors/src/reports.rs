//! Reports to those who run the server: of events, rooms and users.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#reporting-content>

use playhouse_storage::{
    StoreError,
    store::put,
    tables::{
        Account, Report, RoomHead,
        report::{ReportRow, ReportedRow},
    },
};
use ruma::{EventId, RoomId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Node, clock::day_of, metrics, reading, room::RoomError, timeline::Reader};

/// The longest reason, in characters.
pub const MOST_REASON_CHARS: usize = 1_000;

/// Why a report is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is no such event that the reporter may see, or no such room or user.
    #[error("{0}")]
    NotFound(&'static str),
    /// The reason passes [`MOST_REASON_CHARS`].
    #[error("a reason may have {MOST_REASON_CHARS} characters")]
    ReasonTooLong,
    /// The room cannot be read.
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl From<StoreError> for ReportError {
    fn from(error: StoreError) -> Self {
        Self::Room(error.into())
    }
}

/// Takes a report of an event in a room that the reporter has joined; durable on return.
///
/// # Errors
/// [`ReportError::NotFound`] alike for who is not in the room, for an event that is not there and for one that the
/// reporter may not see, so that nobody learns of what is hidden; [`ReportError::ReasonTooLong`].
pub async fn report_event(
    node: &Node,
    reporter: &Reader<'_>,
    (room, event): (&RoomId, &EventId),
    reason: Option<String>,
) -> Result<(), ReportError> {
    const NOT_FOUND: ReportError =
        ReportError::NotFound("The event was not found, or you are not joined to the room");
    check(reason.as_deref())?;
    node.rooms().view_for_member(room, reporter.user).await.map_err(|error| match error {
        RoomError::Forbidden(_) => NOT_FOUND,
        error => error.into(),
    })?;
    let shown = reading::event(node, reporter, room, event).await?.ok_or(NOT_FOUND)?;
    let sender = sender_of(&shown).ok_or(NOT_FOUND)?;
    let about = ReportedRow::Event { room: room.to_string(), event: event.to_string(), sender };
    keep(node, reporter.user, "event", ReportRow { about, reason }).await
}

/// Takes a report of a room, of which the reporter need not be a member; durable on return.
///
/// # Errors
/// [`ReportError::NotFound`], [`ReportError::ReasonTooLong`].
pub async fn report_room(
    node: &Node,
    reporter: &UserId,
    room: &RoomId,
    reason: String,
) -> Result<(), ReportError> {
    check(Some(&reason))?;
    if node.store().get::<RoomHead>((room.as_str(),), ()).await?.is_none() {
        return Err(ReportError::NotFound("The room was not found"));
    }
    let about = ReportedRow::Room { room: room.to_string() };
    keep(node, reporter, "room", ReportRow { about, reason: Some(reason) }).await
}

/// Takes a report of a user; durable on return.
///
/// # Errors
/// [`ReportError::NotFound`] for a user of this server who never was, [`ReportError::ReasonTooLong`].
pub async fn report_user(
    node: &Node,
    reporter: &UserId,
    user: &UserId,
    reason: String,
) -> Result<(), ReportError> {
    check(Some(&reason))?;
    let is_ours = user.server_name() == node.server_name();
    if is_ours && node.store().get::<Account>((user.as_str(),), ()).await?.is_none() {
        return Err(ReportError::NotFound("The user was not found"));
    }
    let about = ReportedRow::User { user: user.to_string() };
    keep(node, reporter, "user", ReportRow { about, reason: Some(reason) }).await
}

fn check(reason: Option<&str>) -> Result<(), ReportError> {
    let is_long = reason.is_some_and(|reason| reason.chars().count() > MOST_REASON_CHARS);
    if is_long { Err(ReportError::ReasonTooLong) } else { Ok(()) }
}

fn sender_of(event: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        sender: String,
    }
    serde_json::from_str(event.get()).ok().map(|Event { sender }| sender)
}

async fn keep(
    node: &Node,
    reporter: &UserId,
    about: &'static str,
    row: ReportRow,
) -> Result<(), ReportError> {
    let pos = node.clocks().stamp(reporter.as_str());
    node.store().write(vec![put::<Report>((day_of(pos),), (pos, reporter.as_str()), &row, pos)]).await?;
    metrics::reports(about).increment(1);
    tracing::info!(%reporter, about, "a report was taken");
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::{event_id, room_id, user_id};

    use super::*;
    use crate::{clock::ms_to_pos, testing::Theatre};

    async fn kept(theatre: &Theatre) -> Vec<(String, ReportRow)> {
        let today = day_of(ms_to_pos(theatre.node.clocks().now_ms()));
        let mut rows = Vec::new();
        // Midnight may have passed meanwhile.
        for day in [today - 1, today] {
            rows.extend(theatre.node.store().all::<Report>((day,), ()).await.unwrap());
        }
        rows.into_iter().map(|((_, reporter), row)| (reporter, row)).collect()
    }

    #[tokio::test]
    async fn reports_are_kept_in_the_order_in_which_they_came() {
        let theatre = Theatre::open().await;
        let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
        let room = alice.opens_a_room().await;
        bob.joins(&room).await.unwrap();
        let event = alice.says(&room, "spam").await;

        let node = &theatre.node;
        report_event(node, &bob.reader(), (&room, &event), None).await.unwrap();
        report_room(node, &bob.id, &room, "odd".into()).await.unwrap();
        report_user(node, &bob.id, &alice.id, String::new()).await.unwrap();

        let (room, event, sender) = (room.to_string(), event.to_string(), alice.id.to_string());
        let expected = [
            (ReportedRow::Event { room: room.clone(), event, sender: sender.clone() }, None),
            (ReportedRow::Room { room }, Some("odd")),
            (ReportedRow::User { user: sender }, Some("")),
        ];
        let expected = expected.map(|(about, reason)| {
            (bob.id.to_string(), ReportRow { about, reason: reason.map(ToOwned::to_owned) })
        });
        assert_eq!(kept(&theatre).await, expected);
    }

    #[tokio::test]
    async fn what_the_reporter_cannot_see_is_like_nothing() {
        let theatre = Theatre::open().await;
        let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
        let room = alice.opens_a_private_room().await;
        let event = alice.says(&room, "secret").await;
        let (node, nowhere) = (&theatre.node, room_id!("!nowhere:test"));

        for (room, event) in [(&*room, &*event), (&*room, event_id!("$none")), (nowhere, &*event)] {
            let refused = report_event(node, &bob.reader(), (room, event), None).await;
            assert!(matches!(refused, Err(ReportError::NotFound(_))), "{refused:?}");
        }
        let refused = report_event(node, &alice.reader(), (&room, event_id!("$none")), None).await;
        assert!(matches!(refused, Err(ReportError::NotFound(_))));
        let refused = report_room(node, &bob.id, nowhere, String::new()).await;
        assert!(matches!(refused, Err(ReportError::NotFound(_))));
        let refused = report_user(node, &bob.id, user_id!("@nobody:test"), String::new()).await;
        assert!(matches!(refused, Err(ReportError::NotFound(_))));
        assert!(kept(&theatre).await.is_empty());
        report_room(node, &bob.id, &room, String::new()).await.unwrap();
    }

    #[tokio::test]
    async fn a_reason_is_bounded() {
        let theatre = Theatre::open().await;
        let alice = theatre.person("alice").await;
        let reason = |chars| "ä".repeat(chars);

        report_user(&theatre.node, &alice.id, &alice.id, reason(MOST_REASON_CHARS)).await.unwrap();
        let refused = report_user(&theatre.node, &alice.id, &alice.id, reason(MOST_REASON_CHARS + 1)).await;
        assert!(matches!(refused, Err(ReportError::ReasonTooLong)));
    }
}
