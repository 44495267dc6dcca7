//! The id of a request: the proxy's or the client's where it is sane, else one of ours.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

/// The header, in requests and in responses.
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over.
const MAX_BYTES: usize = 64;

/// The id of the request with these headers.
pub fn of(headers: &HeaderMap) -> Arc<str> {
    let given = headers.get(&X_REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_sane(id));
    given.map_or_else(|| format!("{:016x}", rand::random::<u64>()).into(), Into::into)
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_BYTES).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn given(id: &'static str) -> Arc<str> {
        of(&HeaderMap::from_iter([(X_REQUEST_ID.clone(), HeaderValue::from_static(id))]))
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        assert_eq!(&*given("7f-a.b:c_1"), "7f-a.b:c_1");
        for id in ["", "a b", "{\"log\":\"injection\"}"] {
            assert_ne!(&*given(id), id);
        }
        assert_eq!(of(&HeaderMap::new()).len(), 16);
    }
}
