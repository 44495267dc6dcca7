//! Users whose account ended with the wish to be erased: who joins a room later gets redacted copies of their events.
//! Written when the account ends; all of them are read when the server starts. Partition: the user's slot.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct ErasedUser;

impl Table for ErasedUser {
    const DEF: &'static TableDef = &TableDef {
        name: "erased_user",
        id: 55,
        family: Family::User,
        partition: &[int("slot")],
        clustering: &[text("user")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = (String,);
    type Row = ErasedUserRow;
}

/// An erased user; the key says it all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ErasedUserRow {}
