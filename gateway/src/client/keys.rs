//! `/_matrix/client/v3/keys/…`: the keys that devices and users publish for encryption.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#key-management-api>

pub mod changes;
pub mod claim;
pub mod device_signing;
pub mod query;
pub mod signatures;
pub mod upload;

use std::collections::{BTreeMap, BTreeSet};

use ruma::OwnedServerName;
use serde::Serialize;

/// Why a server is among the failures.
#[derive(Debug, Clone, Copy, Serialize)]
struct Unreachable {
    errcode: &'static str,
    error: &'static str,
}

/// The servers that could not be asked, as clients are told of them.
type Failures = BTreeMap<OwnedServerName, Unreachable>;

fn failures(servers: BTreeSet<OwnedServerName>) -> Failures {
    let why = Unreachable { errcode: "M_UNKNOWN", error: "This server could not be asked" };
    servers.into_iter().map(|server| (server, why)).collect()
}
