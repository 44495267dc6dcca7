//! `/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`

pub mod get;
pub mod put;
