//! The room versions that another server says to know.

use ruma::RoomVersionId;
use serde::Deserialize;

use crate::{ApiError, client::loose::Loose};

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    ver: Vec<RoomVersionId>,
}

/// The versions of a request's query; 1 where it does not say.
///
/// # Errors
/// 400 for a query that cannot be read.
pub(super) fn known_versions<R>(request: &Loose<R>) -> Result<Vec<RoomVersionId>, ApiError> {
    let Query { ver } = request.query()?;
    Ok(if ver.is_empty() { vec![RoomVersionId::V1] } else { ver })
}
