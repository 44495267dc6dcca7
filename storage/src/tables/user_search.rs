//! Words by which users are found: those of the localpart and of the display name. Written when the account is made
//! and, by the user's actor, when the stream starts or the name changes; read by searches, which look again whether a
//! row still fits. Partition: the first two characters of the word, so that words that begin alike stand together.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct UserSearch;

impl Table for UserSearch {
    const DEF: &'static TableDef = &TableDef {
        name: "user_search",
        id: 40,
        family: Family::Meta,
        partition: &[text("start")],
        clustering: &[text("word"), text("user")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String, String);
    type Row = UserSearchRow;
}

/// A word of a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserSearchRow {}
