//! `/_matrix/federation/v1/openid/…`

pub mod userinfo;
