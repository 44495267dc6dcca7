//! Joining a room through another server, and taking it in.

use std::{collections::HashMap, sync::Arc};

use playhouse_federation::{
    Federation,
    client::{Joined, Step},
};
use playhouse_rules::{Pdu, auth::check_against_state, room_version::RoomVersion, state::RoomState};
use playhouse_storage::{IntoKey as _, Key, tables::EventLocation};
use ruma::{OwnedEventId, OwnedServerName, RoomId, RoomVersionId, ServerName, UserId};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    template::Place,
    through::{Failures, of_request, servers, unusable},
};
use crate::{
    Node,
    ingest::{
        Source,
        outliers::{Judged, OutlierShelf},
    },
    joining::MembershipError,
    room::{RoomError, RoomView, import::ImportRoom},
};

/// Joins through each server in turn. `view` is what is known of the room.
///
/// # Errors
/// [`MembershipError`]: what the servers say.
pub(in crate::joining) async fn join(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    named: &[OwnedServerName],
    view: Option<&RoomView>,
    content: Map<String, Value>,
) -> Result<OwnedEventId, MembershipError> {
    let federation = node.federation().ok_or(MembershipError::UnknownRoom)?;
    let mut failures = Failures::default();
    for server in servers(node, room_id, user, named, view).await? {
        let attempt = Attempt { node, federation, server: &server, room_id, user };
        match attempt.join(content.clone()).await {
            Err(error @ (MembershipError::Refused { .. } | MembershipError::NotReached { .. })) => {
                failures.note(&server, error);
            }
            outcome => return outcome,
        }
    }
    Err(failures.into_error())
}

struct Attempt<'a> {
    node: &'a Node,
    federation: &'a Arc<Federation>,
    server: &'a ServerName,
    room_id: &'a RoomId,
    user: &'a UserId,
}

/// A room as another server tells it, judged.
struct Told {
    state: Vec<Pdu>,
    outliers: Judged,
}

impl Attempt<'_> {
    async fn join(&self, content: Map<String, Value>) -> Result<OwnedEventId, MembershipError> {
        let refused = |error| of_request(self.server, error);
        let client = self.federation.client();
        let versions: Vec<&RoomVersionId> = RoomVersion::SUPPORTED.iter().map(RoomVersion::id).collect();
        let template = client.make(self.server, Step::Join, self.room_id, self.user, &versions).await;
        let place = Place::read(&template.map_err(refused)?).map_err(|why| unusable(self.server, why))?;
        let join = place.member_event(self.node, self.room_id, self.user, Step::Join, content)?;
        let sent = client.send_join(self.server, self.room_id, join.event_id(), join.json()).await;
        let mut joined = sent.map_err(refused)?;
        let join = self.signed_too(join, &mut joined, place.version).await?;
        match self.take_in(&join, joined, place.version).await {
            // Somebody else came in meanwhile: now the event goes where every other goes.
            Err(MembershipError::Room(RoomError::BadState(_))) => self.ingest(join).await,
            outcome => outcome,
        }
    }

    /// The join with the signature of the server that vouches for it.
    async fn signed_too(
        &self,
        join: Pdu,
        joined: &mut Joined,
        version: &'static RoomVersion,
    ) -> Result<Pdu, MembershipError> {
        let Some(signed) = joined.event.take() else { return Ok(join) };
        let verified = self.federation.verify(version, signed).await;
        let signed = verified.map_err(|error| unusable(self.server, error))?;
        if signed.event_id() != join.event_id() {
            return Err(unusable(self.server, "it answered with another event than the join"));
        }
        Ok(signed)
    }

    async fn take_in(
        &self,
        join: &Pdu,
        joined: Joined,
        version: &'static RoomVersion,
    ) -> Result<OwnedEventId, MembershipError> {
        let (store, clocks) = (self.node.store(), self.node.clocks());
        let shelf = OutlierShelf { store, clocks, room_id: self.room_id, version };
        let told = self.told(&shelf, joined, version).await?;
        let mut state = RoomState::new(version);
        for pdu in &told.state {
            state.insert(pdu.clone());
        }
        check_against_state(version, join, &state)
            .map_err(|error| unusable(self.server, format!("its state does not let the user in: {error}")))?;
        shelf.put(told.outliers.values()).await?;
        let logged = self.logged(&told.state).await?;
        let import = ImportRoom { state: told.state, join: join.clone(), logged };
        Ok(self.node.rooms().handle(self.room_id).import(version, import).await?)
    }

    /// Verifies and judges what the server says the room is.
    async fn told(
        &self,
        shelf: &OutlierShelf<'_>,
        joined: Joined,
        version: &'static RoomVersion,
    ) -> Result<Told, MembershipError> {
        let state = self.verified(version, joined.state).await;
        let chain = self.verified(version, joined.auth_chain).await;
        let create = state.iter().find(|pdu| pdu.is_state_of("m.room.create", ""));
        let create =
            create.filter(|create| create.room_id() == self.room_id && is_of_version(create, version));
        let create =
            create.ok_or_else(|| unusable(self.server, "its state has no right create event"))?.clone();
        let all = state.iter().chain(&chain).cloned();
        let mut judged = shelf.judged(all.collect(), Some(create)).await?;
        let stands = |pdu: Pdu| {
            judged.remove(pdu.event_id()).filter(|(pdu, reason)| pdu.is_state() && reason.is_none())
        };
        let state = state.into_iter().filter_map(stands).map(|(pdu, _)| pdu).collect();
        Ok(Told { state, outliers: judged })
    }

    async fn verified(
        &self,
        version: &'static RoomVersion,
        events: Vec<Box<serde_json::value::RawValue>>,
    ) -> Vec<Pdu> {
        let verified = self.federation.verify_all(version, events).await;
        let log =
            |error: &_| tracing::debug!(server = %self.server, %error, "an event of the room cannot be used");
        verified.into_iter().filter_map(|event| event.inspect_err(log).ok()).collect()
    }

    /// Which of these events have a row in the room's log already.
    async fn logged(&self, state: &[Pdu]) -> Result<HashMap<OwnedEventId, i64>, MembershipError> {
        let keys: Vec<(Key, Key)> =
            state.iter().map(|pdu| ((pdu.event_id().as_str(),).to_key(), ().to_key())).collect();
        let rows = self.node.store().multi_get::<EventLocation>(&keys).await?;
        let places =
            state.iter().zip(rows).filter_map(|(pdu, row)| Some((pdu.event_id().to_owned(), row?.seq)));
        Ok(places.collect())
    }

    async fn ingest(&self, join: Pdu) -> Result<OwnedEventId, MembershipError> {
        let event_id = join.event_id().to_owned();
        let taken =
            self.node.ingest().receive(self.room_id, join, Source::Pushed(self.server.to_owned())).await;
        taken.map_err(|error| unusable(self.server, error))?;
        Ok(event_id)
    }
}

fn is_of_version(create: &Pdu, version: &RoomVersion) -> bool {
    #[derive(Deserialize)]
    struct Content {
        room_version: Option<RoomVersionId>,
    }
    let content = create.content_as::<Content>();
    content.is_ok_and(|content| content.room_version.unwrap_or(RoomVersionId::V1) == *version.id())
}
