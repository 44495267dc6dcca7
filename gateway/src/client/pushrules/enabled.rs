//! `/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled`

pub mod get;
pub mod put;
