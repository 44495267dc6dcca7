//! Requests of `v1` that ruma has no type for any more: those of `v2` at another path.

/// Declares `Request`, which is that of `v2` at `path`. What it holds the handler reads itself.
macro_rules! request_at {
    ($v2:path, $path:literal) => {
        /// The request, which ruma has no type for any more: that of `v2` at another path.
        #[derive(Debug)]
        pub struct Request;

        impl ruma::api::Metadata for Request {
            const METHOD: http::Method = <$v2 as ruma::api::Metadata>::METHOD;
            const RATE_LIMITED: bool = <$v2 as ruma::api::Metadata>::RATE_LIMITED;
            type Authentication = ruma::api::federation::authentication::ServerSignatures;
            type PathBuilder = ruma::api::path_builder::SinglePath;
            const PATH_BUILDER: Self::PathBuilder = ruma::api::path_builder::SinglePath::new($path);
        }

        impl ruma::api::IncomingRequest for Request {
            type EndpointError = ruma::api::error::Error;
            type OutgoingResponse = <$v2 as ruma::api::IncomingRequest>::OutgoingResponse;

            fn try_from_http_request_inner(
                _: http::Request<&[u8]>,
                _: &[&str],
            ) -> Result<Self, ruma::api::error::DeserializationError> {
                Ok(Self)
            }
        }
    };
}

pub(super) use request_at;
