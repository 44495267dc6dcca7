//! `/_matrix/client/v3/user/{userId}/openid/…`

pub mod request_token;
