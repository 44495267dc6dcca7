//! Sessions: what was completed so far, and for which request.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ruma::{UserId, api::client::uiaa::AuthType};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Proof;
use crate::{ApiError, context::RequestInfo};

/// How long a session lives.
const LIFE: Duration = Duration::from_mins(30);

/// The most sessions at once; beyond, the oldest ends early.
const MAX_SESSIONS: usize = 10_000;

/// The request that a session belongs to: caller, method, path and body but for `auth`; of a registration method and
/// path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a request.
    ///
    /// # Errors
    /// The body is no JSON object.
    pub fn of(request: &RequestInfo, user: Option<&UserId>) -> Result<Self, ApiError> {
        let body: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
        let mut body: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| ApiError::not_json("The body is not JSON"))?;
        body.remove("auth");
        Self::digest(&(user, request.method.as_str(), &*request.path, body))
    }

    /// The fingerprint of a request of nobody, whatever its body says.
    ///
    /// # Errors
    /// None that a client can cause.
    pub fn of_any_body(request: &RequestInfo) -> Result<Self, ApiError> {
        Self::digest(&(request.method.as_str(), &*request.path))
    }

    fn digest(request: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self(Sha256::digest(serde_json::to_vec(request).map_err(ApiError::internal)?).into()))
    }
}

/// What a client completed in a session.
#[derive(Debug, Clone, Default)]
pub struct Completed {
    /// The stages, in order.
    pub stages: Vec<AuthType>,
    proof: Proof,
}

impl Completed {
    /// What all of it proves.
    pub fn proof(self, session: String) -> Proof {
        Proof { session, ..self.proof }
    }
}

/// The sessions of a process.
#[derive(Debug, Default)]
pub struct Uia(Mutex<Sessions>);

#[derive(Debug, Default)]
struct Sessions {
    by_id: HashMap<String, Session>,
    /// All ids, oldest first; those that ended are still there.
    by_age: VecDeque<(Instant, String)>,
}

#[derive(Debug)]
struct Session {
    fingerprint: Fingerprint,
    completed: Completed,
}

impl Uia {
    /// A new session for a request.
    pub fn begin(&self, fingerprint: Fingerprint) -> String {
        self.begin_at(fingerprint, Instant::now())
    }

    /// What was completed in a session; `None` when there is no such session (any more).
    ///
    /// # Errors
    /// 403: the session belongs to another request.
    pub fn resume(&self, id: &str, fingerprint: Fingerprint) -> Result<Option<Completed>, ApiError> {
        self.resume_at(id, fingerprint, Instant::now())
    }

    /// Adds a stage and what it proves.
    pub fn completed(&self, id: &str, stage: AuthType, proof: Proof) -> Completed {
        let mut sessions = self.0.lock();
        let Some(session) = sessions.by_id.get_mut(id) else { return Completed::default() };
        session.completed.add(stage, proof);
        session.completed.clone()
    }

    /// Ends a session.
    pub fn end(&self, id: &str) {
        self.0.lock().by_id.remove(id);
    }

    /// Forgets the sessions whose time is over.
    pub fn forget_expired(&self) {
        self.0.lock().forget_expired(Instant::now());
    }

    fn begin_at(&self, fingerprint: Fingerprint, now: Instant) -> String {
        let id = hex::encode(rand::random::<[u8; 16]>());
        let mut sessions = self.0.lock();
        sessions.forget_expired(now);
        while sessions.by_age.len() >= MAX_SESSIONS {
            sessions.forget_oldest();
        }
        sessions.by_id.insert(id.clone(), Session { fingerprint, completed: Completed::default() });
        sessions.by_age.push_back((now, id.clone()));
        id
    }

    fn resume_at(
        &self,
        id: &str,
        fingerprint: Fingerprint,
        now: Instant,
    ) -> Result<Option<Completed>, ApiError> {
        let mut sessions = self.0.lock();
        sessions.forget_expired(now);
        match sessions.by_id.get(id) {
            None => Ok(None),
            Some(session) if session.fingerprint == fingerprint => Ok(Some(session.completed.clone())),
            Some(_) => Err(ApiError::forbidden("This session was begun for another request")),
        }
    }
}

impl Completed {
    fn add(&mut self, stage: AuthType, proof: Proof) {
        if self.stages.contains(&stage) {
            return;
        }
        self.stages.push(stage);
        self.proof.user = proof.user.or(self.proof.user.take());
        self.proof.registration_token = proof.registration_token.or(self.proof.registration_token.take());
    }
}

impl Sessions {
    fn forget_expired(&mut self, now: Instant) {
        while self.by_age.front().is_some_and(|(began, _)| now.duration_since(*began) >= LIFE) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.by_age.pop_front() {
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Fingerprint = Fingerprint([1; 32]);

    #[test]
    fn a_session_ends_after_its_life() {
        let (uia, now) = (Uia::default(), Instant::now());
        let id = uia.begin_at(ONE, now);

        assert!(uia.resume_at(&id, ONE, now + LIFE / 2).unwrap().is_some());
        assert!(uia.resume_at(&id, ONE, now + LIFE).unwrap().is_none());
    }

    #[test]
    fn a_session_of_another_request_is_refused() {
        let uia = Uia::default();
        let id = uia.begin(ONE);

        assert_eq!(uia.resume(&id, Fingerprint([2; 32])).unwrap_err().status(), 403);
    }

    #[test]
    fn sessions_are_bounded_in_number() {
        let (uia, now) = (Uia::default(), Instant::now());
        let first = uia.begin_at(ONE, now);
        let last = (0..MAX_SESSIONS).map(|_| uia.begin_at(ONE, now)).last().unwrap();

        assert_eq!(uia.0.lock().by_id.len(), MAX_SESSIONS);
        assert!(uia.resume_at(&first, ONE, now).unwrap().is_none());
        assert!(uia.resume_at(&last, ONE, now).unwrap().is_some());
    }

    #[test]
    fn stages_are_collected_once_and_in_order() {
        let uia = Uia::default();
        let id = uia.begin(ONE);
        uia.completed(&id, AuthType::RegistrationToken, Proof::default());
        uia.completed(&id, AuthType::Terms, Proof::default());
        uia.completed(&id, AuthType::Terms, Proof::default());

        let stages = uia.resume(&id, ONE).unwrap().unwrap().stages;
        assert_eq!(stages, [AuthType::RegistrationToken, AuthType::Terms]);
    }
}
