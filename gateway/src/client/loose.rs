//! Requests that are read more loosely, or answered with other codes, than ruma's types would have it.

use std::marker::PhantomData;

use ruma::{
    api::{IncomingRequest, Metadata, error::DeserializationError},
    exports::serde_html_form,
};
use serde::{
    Deserialize,
    de::{
        DeserializeOwned,
        value::{self, SeqDeserializer},
    },
};

use crate::{ApiError, context::RequestInfo};

/// The method, the path and the authentication of ruma's request `R`; all else is left to the endpoint.
#[derive(Debug)]
pub struct Loose<R> {
    path_args: Vec<String>,
    query: String,
    request: PhantomData<fn() -> R>,
}

impl<R> Loose<R> {
    /// The variables of the path, in its order.
    ///
    /// # Errors
    /// `M_INVALID_PARAM`.
    pub fn path<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ApiError> {
        let args = self.path_args.iter().map(String::as_str);
        let args = SeqDeserializer::<_, value::Error>::new(args);
        T::deserialize(args).map_err(|error| ApiError::invalid_param(error.to_string()))
    }

    /// The query.
    ///
    /// # Errors
    /// `M_INVALID_PARAM`.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_html_form::from_str(&self.query).map_err(|error| ApiError::invalid_param(error.to_string()))
    }
}

impl RequestInfo {
    /// The body; nothing counts as an empty object.
    ///
    /// # Errors
    /// `M_BAD_JSON`.
    pub fn body_as<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| ApiError::bad_json(error.to_string()))
    }
}

impl<R: Metadata> Metadata for Loose<R> {
    const METHOD: http::Method = R::METHOD;
    const RATE_LIMITED: bool = R::RATE_LIMITED;
    type Authentication = R::Authentication;
    type PathBuilder = R::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = R::PATH_BUILDER;
}

impl<R: IncomingRequest> IncomingRequest for Loose<R> {
    type EndpointError = R::EndpointError;
    type OutgoingResponse = R::OutgoingResponse;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(Self {
            path_args: path_args.iter().map(|arg| (*arg).to_owned()).collect(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            request: PhantomData,
        })
    }
}
