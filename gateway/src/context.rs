//! What a handler knows besides its request: who asks, from where, and the server behind it.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::Method;
use playhouse_actors::{Node, accounts::Session};
use playhouse_federation::Federation;
use ruma::{
    DeviceId, OwnedServerName, UserId,
    api::{
        auth_scheme::{
            AccessToken, AccessTokenOptional, AppserviceTokenOptional, AuthScheme, NoAccessToken,
            NoAuthentication,
        },
        federation::authentication::ServerSignatures,
    },
};
use serde_json::value::RawValue;

use crate::{
    ApiError, Gateway,
    config::Config,
    gateway::Stage,
    limits::{Class, Whose},
};

/// A request on its way through the pipeline.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// Its id, in every log line about it and in the response's `x-request-id`.
    pub id: Arc<str>,
    /// Where it comes from; behind a trusted proxy, what the proxy says.
    pub address: IpAddr,
    /// The method.
    pub method: Method,
    /// The path as it was sent.
    pub path: Arc<str>,
    /// The path's template, such as `/_matrix/client/v3/login`.
    pub template: &'static str,
    /// The body, checked to be a JSON object unless the endpoint takes raw bytes; empty where there is none.
    pub body: Bytes,
}

impl RequestInfo {
    /// The body as the client wrote it; an empty object where there is none.
    ///
    /// # Errors
    /// `M_NOT_JSON`, for endpoints that take raw bytes.
    pub fn raw_json(&self) -> Result<Box<RawValue>, ApiError> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|_| ApiError::not_json("The body is not JSON"))
    }
}

/// The surroundings of one request. `C` is who asks, as the endpoint's authentication demands: [`Session`], perhaps
/// one ([`Option`]), or [`Anyone`].
#[derive(Debug)]
pub struct Context<C = Arc<Session>> {
    /// Who asks.
    pub caller: C,
    /// The request.
    pub request: RequestInfo,
    pub(crate) gateway: Arc<Gateway>,
}

/// The caller of an endpoint of the server-server API: the server that has proven to have sent the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(pub OwnedServerName);

/// The caller of an endpoint that asks nobody for a token.
#[derive(Debug, Clone, Copy)]
pub struct Anyone;

impl<C> Context<C> {
    /// The actors.
    pub fn node(&self) -> &Node {
        &self.gateway.node
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.gateway.config
    }

    /// Returns once the process drains: whoever waits for news answers with what there is.
    pub async fn draining(&self) {
        self.gateway.reached(Stage::Draining).await;
    }

    /// The other servers.
    ///
    /// # Errors
    /// 403 where this server has no dealings with them.
    pub fn federation(&self) -> Result<&Federation, ApiError> {
        self.node().federation().map(|federation| &**federation).ok_or_else(ApiError::no_federation)
    }

    /// Takes a token of the rate limit for `class` of the address that asks, where a request costs more than its endpoint
    /// mostly does.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED`.
    pub fn limit_address(&self, class: Class) -> Result<(), ApiError> {
        self.gateway.limits.take(class, Whose::Address(self.request.address))
    }

    /// What the gateway itself keeps: limits, sessions of user-interactive authentication.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }
}

impl Context {
    /// The caller's user id.
    pub fn user_id(&self) -> &UserId {
        &self.caller.user_id
    }

    /// The caller's device.
    pub fn device_id(&self) -> &DeviceId {
        &self.caller.device_id
    }

    /// Takes a token of the caller's rate limit for `class`, where an endpoint's own class does not say it all.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED`.
    pub fn limit(&self, class: Class) -> Result<(), ApiError> {
        self.gateway.limits.take(class, Whose::User(self.user_id()))
    }

    /// Refuses a suspended caller, where that depends on what is asked and not on the endpoint alone.
    ///
    /// # Errors
    /// `M_USER_SUSPENDED`.
    pub fn must_not_be_suspended(&self) -> Result<(), ApiError> {
        if self.caller.is_suspended() { Err(ApiError::user_suspended()) } else { Ok(()) }
    }

    /// Refuses a path that names another user than the caller.
    ///
    /// # Errors
    /// `M_FORBIDDEN`.
    pub fn must_be(&self, user: &UserId) -> Result<(), ApiError> {
        if user == self.user_id() {
            return Ok(());
        }
        Err(ApiError::forbidden("You may do this for yourself only"))
    }
}

/// Whether an endpoint wants an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// It asks for none and looks at none.
    None,
    /// A token is looked up when there is one.
    Optional,
    /// Without a good token it is a 401.
    Required,
    /// Another server must have signed the request.
    Server,
}

/// What the pipeline has found out about who asks.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Whose token came with the request.
    pub session: Option<Arc<Session>>,
    /// The server that has signed it.
    pub origin: Option<OwnedServerName>,
}

/// Who a ruma authentication scheme lets in.
pub trait Caller: Sized + Send {
    /// What the pipeline has to find out.
    const AUTHENTICATION: Authentication;

    /// The caller from what the pipeline found.
    fn from_credentials(credentials: Credentials) -> Result<Self, ApiError>;
}

impl Caller for Anyone {
    const AUTHENTICATION: Authentication = Authentication::None;

    fn from_credentials(_: Credentials) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

impl Caller for Option<Arc<Session>> {
    const AUTHENTICATION: Authentication = Authentication::Optional;

    fn from_credentials(credentials: Credentials) -> Result<Self, ApiError> {
        Ok(credentials.session)
    }
}

impl Caller for Arc<Session> {
    const AUTHENTICATION: Authentication = Authentication::Required;

    fn from_credentials(credentials: Credentials) -> Result<Self, ApiError> {
        credentials.session.ok_or_else(ApiError::missing_token)
    }
}

impl Caller for Origin {
    const AUTHENTICATION: Authentication = Authentication::Server;

    fn from_credentials(credentials: Credentials) -> Result<Self, ApiError> {
        let unsigned = || ApiError::unauthorized("The request is not signed");
        credentials.origin.map(Self).ok_or_else(unsigned)
    }
}

/// The caller that a ruma authentication scheme stands for.
pub trait Scheme: AuthScheme {
    /// Who may ask.
    type Caller: Caller;
}

impl Scheme for NoAuthentication {
    type Caller = Anyone;
}

impl Scheme for NoAccessToken {
    type Caller = Anyone;
}

impl Scheme for AppserviceTokenOptional {
    type Caller = Anyone;
}

impl Scheme for AccessTokenOptional {
    type Caller = Option<Arc<Session>>;
}

impl Scheme for ServerSignatures {
    type Caller = Origin;
}

impl Scheme for AccessToken {
    type Caller = Arc<Session>;
}
