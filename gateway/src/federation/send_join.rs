//! `PUT /_matrix/federation/{v1,v2}/send_join/{roomId}/{eventId}`

pub mod v1;
pub mod v2;
