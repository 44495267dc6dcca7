//! User-interactive authentication: stages that a client completes before a request is carried out.
//!
//! A session belongs to the request that began it: same caller, method, path and body but for `auth` (of a
//! registration the body may change). It is bounded in time and, with all others, in number. A wrong attempt is a 401 with the session again.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api>

mod answer;
mod flows;
mod session;
mod stage;

use std::net::IpAddr;

use ruma::{OwnedUserId, UserId, api::client::uiaa::AuthData};

use crate::{ApiError, Context, Gateway, context::RequestInfo};

pub use flows::{Flows, Policies};
pub use session::Uia;
use session::{Completed, Fingerprint};

/// A request that wants to be confirmed.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    gateway: &'a Gateway,
    fingerprint: Fingerprint,
    address: IpAddr,
    /// Whose password counts; `None` where anybody's does, who is then the one that asks.
    user: Option<&'a UserId>,
}

/// What a client proved.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// Whose password it knew.
    pub user: Option<OwnedUserId>,
    /// The registration token that it had.
    pub registration_token: Option<String>,
    session: String,
}

impl<'a> Attempt<'a> {
    /// An attempt of `user`, or of somebody who has no token.
    ///
    /// # Errors
    /// The body is no JSON.
    pub fn new(
        gateway: &'a Gateway,
        request: &RequestInfo,
        user: Option<&'a UserId>,
    ) -> Result<Self, ApiError> {
        let fingerprint = Fingerprint::of(request, user)?;
        Ok(Self { gateway, fingerprint, address: request.address, user })
    }

    /// An attempt to register. Clients learn the flows from an empty request before they ask for a name, and go on in
    /// its session. Nothing that its stages prove depends on the name, so that the body may change.
    ///
    /// # Errors
    /// None that a client can cause.
    pub fn to_register(gateway: &'a Gateway, request: &RequestInfo) -> Result<Self, ApiError> {
        let fingerprint = Fingerprint::of_any_body(request)?;
        Ok(Self { gateway, fingerprint, address: request.address, user: None })
    }

    /// Returns once a flow is complete.
    ///
    /// # Errors
    /// The 401 that asks for the next stage; 403 for a session of another request, or of another user.
    pub async fn complete(self, flows: &Flows, auth: Option<&AuthData>) -> Result<Proof, ApiError> {
        let Some(auth) = auth else { return Err(self.ask(flows, &self.begin(), None)) };
        let id = match auth.session() {
            None => self.begin(),
            Some(id) => id.to_owned(),
        };
        let Some(mut completed) = self.gateway.uia.resume(&id, self.fingerprint)? else {
            let over = ApiError::forbidden("This session is over; here is a new one");
            return Err(self.ask(flows, &self.begin(), Some(&over)));
        };
        if let Some(stage) = auth.auth_type().filter(|stage| !completed.stages.contains(stage)) {
            match self.attempt(flows, &completed, stage.as_str(), auth).await {
                Ok(proof) => completed = self.gateway.uia.completed(&id, stage, proof),
                Err(stage::Failure::Again(error)) => return Err(self.ask(flows, &id, Some(&error))),
                Err(stage::Failure::Refused(error)) => return Err(error),
            }
        }
        if flows.are_completed_by(&completed.stages) {
            return Ok(completed.proof(id));
        }
        Err(self.ask(flows, &id, None))
    }

    fn begin(&self) -> String {
        self.gateway.uia.begin(self.fingerprint)
    }

    fn ask(&self, flows: &Flows, session: &str, error: Option<&ApiError>) -> ApiError {
        let completed = self.gateway.uia.resume(session, self.fingerprint).ok().flatten();
        answer::ask(flows, session, &completed.unwrap_or_default().stages, error)
    }

    async fn attempt(
        &self,
        flows: &Flows,
        completed: &Completed,
        stage: &str,
        auth: &AuthData,
    ) -> Result<Proof, stage::Failure> {
        if !flows.offer(&completed.stages, stage) {
            return Err(stage::Failure::Again(ApiError::unrecognized_stage()));
        }
        stage::check(self, auth).await
    }
}

impl Proof {
    /// Ends the session, where one confirmation must not serve twice.
    pub fn spend(&self, gateway: &Gateway) {
        gateway.uia.end(&self.session);
    }
}

/// Confirms by password that a request of a logged-in user comes from that user.
///
/// # Errors
/// As [`Attempt::complete`].
pub async fn confirm(cx: &Context, auth: Option<&AuthData>) -> Result<Proof, ApiError> {
    let attempt = Attempt::new(cx.gateway(), &cx.request, Some(cx.user_id()))?;
    attempt.complete(&Flows::password(), auth).await
}

#[cfg(test)]
mod tests;
