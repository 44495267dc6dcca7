//! News that must not be lost: it waits in the store until the destination has taken it.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

use playhouse_storage::{
    IntoKey as _, Order, Slice, Write,
    store::put,
    tables::{OutboundEdu, outbound_edu::OutboundEduRow},
};
use ruma::{OwnedServerName, ServerName};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Outbound, batch::edu, destination::Destination};
use crate::{clock::slot_of, room::RoomError};

/// Rows of a write.
const WRITTEN_TOGETHER: usize = 64;

impl Outbound {
    /// Has the same news delivered to several servers, as [`Self::send_durable`] does.
    ///
    /// # Errors
    /// It cannot be kept for all of them: it may be given again.
    pub(super) async fn send_durable_to_all(
        &self,
        servers: &BTreeSet<OwnedServerName>,
        kind: &str,
        content: &impl Serialize,
    ) -> Result<(), RoomError> {
        let Some(edu) = edu(kind, content) else { return Ok(()) };
        let servers: Vec<&OwnedServerName> = servers.iter().collect();
        for some in servers.chunks(WRITTEN_TOGETHER) {
            let writes = some.iter().map(|server| self.write_of(server, edu.clone())).collect();
            self.store.write(writes).await?;
            some.iter().for_each(|server| self.note_durable(server));
        }
        Ok(())
    }

    fn write_of(&self, server: &ServerName, edu: Box<RawValue>) -> Write {
        let stamp = self.clocks.stamp(server.as_str());
        let slot = slot_of(server.as_str()) as i64;
        put::<OutboundEdu>((slot,), (server.as_str(), stamp), &OutboundEduRow { edu }, stamp)
    }

    /// Has news delivered to a server, in the order in which it comes here; durable on return.
    ///
    /// # Errors
    /// It cannot be kept: it may be given again.
    pub(crate) async fn send_durable(
        &self,
        server: &ServerName,
        kind: &str,
        content: &impl Serialize,
    ) -> Result<(), RoomError> {
        let Some(edu) = edu(kind, content) else { return Ok(()) };
        self.store.write(vec![self.write_of(server, edu)]).await?;
        self.note_durable(server);
        Ok(())
    }

    /// Notes that there is news in the store for a server.
    pub(super) fn note_durable(&self, server: &ServerName) {
        let destination: Arc<Destination> = self.destination(server);
        destination.backlog().has_durable = true;
        self.wake(&destination);
    }

    /// Looks whether there still is. Noted as none before it is looked for, so that what comes meanwhile is not overlooked.
    pub(super) async fn look_for_durable(&self, destination: &Destination) -> Result<(), RoomError> {
        destination.backlog().has_durable = false;
        let prefix = (destination.server.as_str(),).to_key();
        let slice = Slice {
            from: Bound::Included(prefix.clone()),
            to: Bound::Included(prefix),
            order: Order::Forward,
            limit: 1,
        };
        let slot = slot_of(destination.server.as_str()) as i64;
        let found = self.store.slice::<OutboundEdu>((slot,), slice).await;
        if found.as_ref().map_or(true, |(rows, _)| !rows.is_empty()) {
            destination.backlog().has_durable = true;
        }
        found.map(drop).map_err(RoomError::from)
    }
}
