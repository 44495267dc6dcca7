//! Users whose changed profile is still being told to their rooms. Written by the user's actor before the change itself;
//! deleted once every room was told; read when the server starts, which goes on with what was cut off. Partition: the
//! user's slot.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct ProfileSpread;

impl Table for ProfileSpread {
    const DEF: &'static TableDef = &TableDef {
        name: "profile_spread",
        id: 54,
        family: Family::User,
        partition: &[int("slot")],
        clustering: &[text("user")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = (String,);
    type Row = ProfileSpreadRow;
}

/// A spread that is under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileSpreadRow {
    /// The stamp of the newest change that it tells of. The row is deleted with it, so that a later change stays.
    pub stamp: i64,
}
