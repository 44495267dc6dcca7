//! `/_matrix/key/v2/…`: the keys of this server, and those of others for whoever asks this one as their notary.

pub mod query;
pub mod server;
