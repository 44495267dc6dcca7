//! From method and path to endpoint.

use std::{borrow::Cow, collections::HashMap};

use http::{HeaderValue, Method, header};
use percent_encoding::percent_decode_str;

use crate::{ApiError, config::Part, endpoint::Endpoint};

/// All routes, each in the part of the server that a listener may or may not serve.
#[derive(Debug, Default)]
pub struct Router {
    paths: matchit::Router<Path>,
    endpoints: Vec<Endpoint>,
}

/// The endpoints at one path.
#[derive(Debug, Default)]
struct Path {
    part: Option<Part>,
    methods: Vec<(Method, usize)>,
}

/// A route that fits.
#[derive(Debug)]
pub struct Found<'r> {
    /// The endpoint.
    pub endpoint: &'r Endpoint,
    /// The decoded variables of the path, in its order.
    pub path_args: Vec<String>,
}

/// Two endpoints that want the same path and method: a mistake in the route table.
#[derive(Debug, thiserror::Error)]
#[error("the route table has {method} {path} twice, or a path that clashes with another")]
pub struct Clash {
    method: Method,
    path: &'static str,
}

impl Router {
    /// A router over the route table.
    ///
    /// # Errors
    /// [`Clash`]: the table is wrong.
    pub fn new(table: Vec<(Part, Vec<Endpoint>)>) -> Result<Self, Clash> {
        let mut by_path: HashMap<&'static str, Path> = HashMap::new();
        let mut endpoints = Vec::new();
        for (part, part_endpoints) in table {
            for endpoint in part_endpoints {
                for &path in &endpoint.paths {
                    let entry = by_path.entry(path).or_default();
                    entry.part = Some(part);
                    entry.add(&endpoint.method, path, endpoints.len())?;
                }
                endpoints.push(endpoint);
            }
        }
        let mut paths = matchit::Router::new();
        for (path, entry) in by_path {
            paths.insert(path, entry).map_err(|_| Clash { method: Method::GET, path })?;
        }
        Ok(Self { paths, endpoints })
    }

    /// Every endpoint, for tests that walk them all.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The endpoint for a request, among the `parts` that its listener serves.
    ///
    /// # Errors
    /// 404 for a path that nobody has, 405 for a method that its path does not have; both `M_UNRECOGNIZED`.
    pub fn find(&self, method: &Method, path: &str, parts: &[Part]) -> Result<Found<'_>, ApiError> {
        let found = self.paths.at(path).map_err(|_| ApiError::unrecognized())?;
        if !found.value.part.is_some_and(|part| parts.contains(&part)) {
            return Err(ApiError::unrecognized());
        }
        let endpoint = found.value.get(method).ok_or_else(|| found.value.refuse_method())?;
        let path_args = found.params.iter().map(|(_, arg)| decoded(arg)).collect::<Result<_, _>>()?;
        Ok(Found { endpoint: &self.endpoints[endpoint], path_args })
    }
}

impl Path {
    fn add(&mut self, method: &Method, path: &'static str, endpoint: usize) -> Result<(), Clash> {
        if self.methods.iter().any(|(taken, _)| taken == method) {
            return Err(Clash { method: method.clone(), path });
        }
        self.methods.push((method.clone(), endpoint));
        Ok(())
    }

    /// `HEAD` goes where `GET` goes.
    fn get(&self, method: &Method) -> Option<usize> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        self.methods.iter().find(|(method, _)| method == wanted).map(|(_, endpoint)| *endpoint)
    }

    fn refuse_method(&self) -> ApiError {
        let methods: Vec<&str> = self.methods.iter().map(|(method, _)| method.as_str()).collect();
        let allow = HeaderValue::from_str(&methods.join(", "));
        ApiError::method_not_allowed()
            .header(header::ALLOW, allow.unwrap_or(HeaderValue::from_static("OPTIONS")))
    }
}

fn decoded(arg: &str) -> Result<String, ApiError> {
    let text = percent_decode_str(arg).decode_utf8().map(Cow::into_owned);
    text.map_err(|_| ApiError::invalid_param("The path is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{endpoint::custom, reply::RawJson};

    fn router() -> Router {
        let at = |method, path| custom(method, path, |_| async { Ok(RawJson(bytes::Bytes::new())) });
        let client = vec![
            at(Method::GET, "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/{state_key}"),
            at(Method::PUT, "/_matrix/client/v3/rooms/{room}/state/{event_type}"),
            at(Method::GET, "/_matrix/client/v3/rooms/{room_id}/members").also_at("/members/"),
        ];
        Router::new(vec![(Part::Client, client), (Part::Health, vec![at(Method::GET, "/health")])]).unwrap()
    }

    fn args(method: &Method, path: &str) -> Result<Vec<String>, u16> {
        let router = router();
        let found = router.find(method, path, &[Part::Client]);
        found.map(|found| found.path_args).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn variables_are_decoded_and_never_split_by_what_they_encode() {
        let path = "/_matrix/client/v3/rooms/%21a%3Ab.c/state/m.room.member/%40x%2Fy%3Ab.c";

        assert_eq!(args(&Method::GET, path).unwrap(), ["!a:b.c", "m.room.member", "@x/y:b.c"]);
    }

    #[test]
    fn an_unknown_path_is_404_and_a_wrong_method_405() {
        assert_eq!(args(&Method::GET, "/_matrix/client/v3/unknown"), Err(404));
        assert_eq!(args(&Method::POST, "/_matrix/client/v3/rooms/a/members"), Err(405));
        assert_eq!(args(&Method::GET, "/_matrix/client/v3/rooms/a/members/"), Err(404));
        assert_eq!(args(&Method::GET, "/members/"), Ok(vec![]));
    }

    #[test]
    fn head_is_answered_where_get_is() {
        assert!(args(&Method::HEAD, "/_matrix/client/v3/rooms/a/members").is_ok());
        assert_eq!(args(&Method::HEAD, "/_matrix/client/v3/rooms/a/state/t"), Err(405));
    }

    #[test]
    fn a_listener_has_no_routes_of_parts_that_it_does_not_serve() {
        let found = router().find(&Method::GET, "/health", &[Part::Client]).map(|_| ());

        assert_eq!(found.unwrap_err().status(), 404);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(args(&Method::GET, "/_matrix/client/v3/rooms/%ff/members"), Err(400));
    }
}
