//! The 401 that asks for a stage.

use ruma::api::client::uiaa::AuthType;

use super::Flows;
use crate::ApiError;

/// Asks for the next stage; `error` says what was wrong with the attempt before.
pub fn ask(flows: &Flows, session: &str, completed: &[AuthType], error: Option<&ApiError>) -> ApiError {
    let mut body = flows.to_body();
    body.insert("session".to_owned(), session.into());
    if !completed.is_empty() {
        body.insert(
            "completed".to_owned(),
            completed.iter().map(AuthType::as_str).collect::<Vec<_>>().into(),
        );
    }
    if let Some((error, code)) = error.and_then(|error| Some((error, error.errcode()?))) {
        body.insert("errcode".to_owned(), code.as_str().into());
        body.insert("error".to_owned(), error.message().into());
    }
    ApiError::authentication_required(body)
}
