//! `/_matrix/client/v3/directory/list/…`

pub mod room;
