//! What is in a user's backups.

use std::ops::Bound;

use playhouse_storage::{
    IntoKey as _, Order, Slice, Store,
    tables::{
        BackupSession,
        backup_session::{SHARDS, shard_of},
    },
};
use ruma::{RoomId, UserId};
use serde_json::value::RawValue;

use super::versions::{self, BackupInfo};
use crate::user::UserError;

/// Rows of one read.
const PAGE_ROWS: usize = 1_000;

/// The backups of a user.
#[derive(Debug, Clone, Copy)]
pub struct Backups<'a> {
    /// The store.
    pub store: &'a Store,
    /// Whose backups.
    pub user: &'a UserId,
}

impl Backups<'_> {
    /// The current backup.
    ///
    /// # Errors
    /// [`UserError::NotFound`], [`UserError::Unavailable`].
    pub async fn current(&self) -> Result<BackupInfo, UserError> {
        let (_, current) = versions::newest(self.store, self.user).await?;
        let none = || UserError::NotFound("No current backup version".into());
        current.map(|(number, row)| BackupInfo::new(number, row)).ok_or_else(none)
    }

    /// One backup.
    ///
    /// # Errors
    /// [`UserError::NotFound`], [`UserError::Unavailable`].
    pub async fn version(&self, version: &str) -> Result<BackupInfo, UserError> {
        let (number, row) = versions::existing(self.store, self.user, version).await?;
        Ok(BackupInfo::new(number, row))
    }

    /// The key of one session.
    ///
    /// # Errors
    /// [`UserError::NotFound`], [`UserError::Unavailable`].
    pub async fn session(
        &self,
        version: &str,
        room: &RoomId,
        session: &str,
    ) -> Result<Box<RawValue>, UserError> {
        let (number, _) = versions::existing(self.store, self.user, version).await?;
        let owner = (self.user.as_str(), number, shard_of(room.as_str()));
        let row = self.store.get::<BackupSession>(owner, (room.as_str(), session)).await?;
        row.map(|row| row.data).ok_or_else(|| UserError::NotFound("Key not found.".into()))
    }

    /// The keys of one room, as JSON: `{"sessions": {…}}`.
    ///
    /// # Errors
    /// [`UserError::NotFound`], [`UserError::Unavailable`].
    pub async fn room(&self, version: &str, room: &RoomId) -> Result<Vec<u8>, UserError> {
        let (number, _) = versions::existing(self.store, self.user, version).await?;
        let mut json = br#"{"sessions":{"#.to_vec();
        let mut first = true;
        self.walk((number, shard_of(room.as_str())), Some(room), |_, session, data| {
            entry(&mut json, &mut first, session);
            json.extend_from_slice(data.get().as_bytes());
        })
        .await?;
        json.extend_from_slice(b"}}");
        Ok(json)
    }

    /// All keys, as JSON: `{"rooms": {"!id": {"sessions": {…}}}}`.
    ///
    /// # Errors
    /// [`UserError::NotFound`], [`UserError::Unavailable`].
    pub async fn everything(&self, version: &str) -> Result<Vec<u8>, UserError> {
        let (number, _) = versions::existing(self.store, self.user, version).await?;
        let mut json = br#"{"rooms":{"#.to_vec();
        let mut open: Option<String> = None;
        let (mut first_room, mut first_session) = (true, true);
        for shard in 0..SHARDS {
            self.walk((number, shard), None, |room, session, data| {
                if open.as_deref() != Some(room) {
                    if open.replace(room.to_owned()).is_some() {
                        json.extend_from_slice(b"}}");
                    }
                    entry(&mut json, &mut first_room, room);
                    json.extend_from_slice(br#"{"sessions":{"#);
                    first_session = true;
                }
                entry(&mut json, &mut first_session, session);
                json.extend_from_slice(data.get().as_bytes());
            })
            .await?;
        }
        json.extend_from_slice(if open.is_some() { b"}}}}" } else { b"}}" });
        Ok(json)
    }

    /// Shows each key of a shard, sorted by room and session; page by page, so that a large backup is not in memory twice.
    async fn walk(
        &self,
        (number, shard): (i64, i64),
        room: Option<&RoomId>,
        mut show: impl FnMut(&str, &str, &RawValue),
    ) -> Result<(), UserError> {
        let edge = room.map_or(Bound::Unbounded, |room| Bound::Included((room.as_str(),).to_key()));
        let owner = (self.user.as_str(), number, shard);
        let mut from = edge.clone();
        loop {
            let slice = Slice { from, to: edge.clone(), order: Order::Forward, limit: PAGE_ROWS };
            let (rows, more) = self.store.slice::<BackupSession>(owner, slice).await?;
            for ((room, session), row) in &rows {
                show(room, session, &row.data);
            }
            match rows.into_iter().next_back() {
                Some((last, _)) if more => from = Bound::Excluded((last.0, last.1).to_key()),
                _ => return Ok(()),
            }
        }
    }
}

/// Begins an entry of a JSON object.
fn entry(json: &mut Vec<u8>, first: &mut bool, key: &str) {
    if !std::mem::take(first) {
        json.push(b',');
    }
    json.extend_from_slice(serde_json::Value::from(key).to_string().as_bytes());
    json.push(b':');
}
