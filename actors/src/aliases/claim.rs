//! The unique row of an alias, and its inverse by room.
//!
//! **Invariant:** the alias's own row is the truth. The inverse is written before it and deleted after it, so that it
//! may name an alias too many and never lacks one; readers hold each against the truth.

use bytes::Bytes;
use playhouse_storage::{
    Claim, Expect, IntoKey as _, Key, Outcome, StoreError, Table as _, Write,
    store::{decode, delete, put},
    tables::{Alias, RoomAlias, alias::AliasRow, room_alias::RoomAliasRow},
};
use ruma::{OwnedRoomAliasId, RoomAliasId, RoomId, UserId};

use super::AliasError;
use crate::{Node, room::RoomError};

/// Claims an alias for a room; durable on return.
///
/// # Errors
/// [`AliasError::Taken`]; [`RoomError::Unavailable`] when it may or may not be claimed.
pub(crate) async fn claim(
    node: &Node,
    alias: &RoomAliasId,
    room_id: &RoomId,
    creator: &UserId,
) -> Result<(), AliasError> {
    write_inverse(node, alias, room_id).await?;
    let row = AliasRow { room: room_id.to_string(), creator: creator.to_string() };
    match node.store().insert_if_absent::<Alias>((alias.as_str(),), (), &row, Vec::new()).await? {
        Outcome::Applied => {
            // A removal of the same alias from the same room may have taken the inverse along in between.
            let inverse = node.store().get::<RoomAlias>((room_id.as_str(),), (alias.as_str(),)).await?;
            if inverse.is_none() {
                write_inverse(node, alias, room_id).await?;
            }
            Ok(())
        }
        Outcome::Refused => {
            if super::resolve(node, alias).await?.is_none_or(|other| other != room_id) {
                node.store().write(vec![forget_inverse(node, alias, room_id)]).await?;
            }
            Err(AliasError::Taken)
        }
        Outcome::Unknown => match stored(node, alias).await? {
            Some((stands, _)) if stands.room == row.room && stands.creator == row.creator => Ok(()),
            Some(_) => Err(AliasError::Taken),
            None => Err(RoomError::retry().into()),
        },
    }
}

/// The row of an alias, and its bytes as they are stored.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn stored(
    node: &Node,
    alias: &RoomAliasId,
) -> Result<Option<(AliasRow, Bytes)>, StoreError> {
    let backend = node.store().backend();
    let row = backend.get(Alias::DEF, &(alias.as_str(),).to_key(), &Key::new()).await?;
    row.map(|row| Ok((decode::<Alias>(&row.value)?, row.value))).transpose()
}

/// Deletes an alias whose row is `stored`; durable on return.
///
/// # Errors
/// [`AliasError::Unknown`] if the row is gone or another; [`RoomError::Unavailable`] when it may still be there.
pub(crate) async fn release(
    node: &Node,
    alias: &RoomAliasId,
    room_id: &RoomId,
    stored: Bytes,
) -> Result<(), AliasError> {
    let claim = Claim {
        table: Alias::DEF,
        partition: (alias.as_str(),).to_key(),
        conditions: vec![(Key::new(), Expect::Value(stored))],
        writes: vec![(Key::new(), None)],
        projections: vec![forget_inverse(node, alias, room_id)],
    };
    match node.store().backend().claim(claim).await? {
        Outcome::Applied => Ok(()),
        Outcome::Refused => Err(AliasError::Unknown),
        Outcome::Unknown if self::stored(node, alias).await?.is_none() => Ok(()),
        Outcome::Unknown => Err(RoomError::retry().into()),
    }
}

async fn write_inverse(node: &Node, alias: &RoomAliasId, room_id: &RoomId) -> Result<(), StoreError> {
    let stamp = node.clocks().stamp(room_id.as_str());
    let write = put::<RoomAlias>((room_id.as_str(),), (alias.as_str(),), &RoomAliasRow {}, stamp);
    node.store().write(vec![write]).await
}

fn forget_inverse(node: &Node, alias: &RoomAliasId, room_id: &RoomId) -> Write {
    let stamp = node.clocks().stamp(room_id.as_str());
    delete::<RoomAlias>((room_id.as_str(),), (alias.as_str(),), stamp)
}

/// The aliases of this server that lead to a room.
///
/// # Errors
/// When the store does not answer.
pub async fn of_room(node: &Node, room_id: &RoomId) -> Result<Vec<OwnedRoomAliasId>, StoreError> {
    let inverse = node.store().all::<RoomAlias>((room_id.as_str(),), ()).await?;
    let keys: Vec<(Key, Key)> = inverse.iter().map(|((alias,), _)| ((alias,).to_key(), Key::new())).collect();
    let rows = node.store().multi_get::<Alias>(&keys).await?;
    let leading = inverse
        .into_iter()
        .zip(rows)
        .filter(|(_, row)| row.as_ref().is_some_and(|row| row.room == room_id.as_str()));
    Ok(leading.filter_map(|(((alias,), _), _)| alias.try_into().ok()).collect())
}
