//! Proof of who sent a request: the `X-Matrix` scheme of the `Authorization` header.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#request-authentication>

mod parameters;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD_NO_PAD,
};
use ed25519_dalek::{Signature, VerifyingKey};
use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use playhouse_rules::EventSigner as _;
use ruma::{CanonicalJsonObject, CanonicalJsonValue, OwnedServerName, OwnedServerSigningKeyId, ServerName};

use crate::ServerKey;

pub use parameters::HeaderError;

/// The scheme.
const SCHEME: &str = "X-Matrix";

/// The most `Authorization` headers that are looked at: some servers send one for each of their keys.
const MOST_HEADERS: usize = 4;

/// Why the header of a request of ours cannot be made: its body is no canonical JSON.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct NotSignable(String);

/// With or without padding, as servers write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who says to have sent a request, before that is checked.
#[derive(Debug)]
pub struct Claim {
    origin: OwnedServerName,
    key_id: OwnedServerSigningKeyId,
    signature: Signature,
}

/// Why there is no usable claim.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// No header of the scheme.
    #[error("no X-Matrix authorization header")]
    Missing,
    /// The header cannot be read.
    #[error("the X-Matrix authorization header cannot be read: {0}")]
    Malformed(#[from] HeaderError),
    /// It was made for somebody else, or is ours and comes back.
    #[error("the request is meant for {0}")]
    OtherDestination(String),
    /// It says that we sent it.
    #[error("the request says to be from this server")]
    OurName,
}

/// Why a claim is not true.
#[derive(Debug, thiserror::Error)]
pub enum Forged {
    /// The body is no canonical JSON, so nobody can have signed it.
    #[error("the body is no canonical JSON: {0}")]
    Body(String),
    /// The signature is another's, or of another request.
    #[error("the signature does not fit the request")]
    Signature,
}

/// A request as it is signed: method, target with its query, and the body where there is one.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query as they were sent.
    pub target: &'a str,
    /// The body; empty for none.
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// What is signed.
    fn text(&self, origin: &ServerName, destination: &ServerName) -> Result<String, serde_json::Error> {
        let text = |text: &str| CanonicalJsonValue::String(text.to_owned());
        let mut object = CanonicalJsonObject::from([
            ("destination".to_owned(), text(destination.as_str())),
            ("method".to_owned(), text(self.method.as_str())),
            ("origin".to_owned(), text(origin.as_str())),
            ("uri".to_owned(), text(self.target)),
        ]);
        if !self.body.is_empty() {
            object.insert("content".to_owned(), serde_json::from_slice(self.body)?);
        }
        serde_json::to_string(&object)
    }
}

/// The header of a request of ours to `destination`.
///
/// # Errors
/// [`NotSignable`].
pub fn authorization(
    key: &ServerKey,
    destination: &ServerName,
    request: Signed<'_>,
) -> Result<HeaderValue, NotSignable> {
    let text =
        request.text(key.server_name(), destination).map_err(|error| NotSignable(error.to_string()))?;
    let signature = BASE64_STANDARD_NO_PAD.encode(key.sign(text.as_bytes()));
    // In this order and with every value in quotes, for older servers.
    let header = format!(
        r#"{SCHEME} origin="{}",destination="{destination}",key="{}",sig="{signature}""#,
        key.server_name(),
        key.key_id(),
    );
    HeaderValue::from_str(&header).map_err(|error| NotSignable(error.to_string()))
}

impl Claim {
    /// Reads the claim of a request to `us`. Costs nothing but the reading.
    ///
    /// # Errors
    /// [`ClaimError`]: a 401.
    pub fn read(headers: &HeaderMap, us: &ServerName) -> Result<Self, ClaimError> {
        let mut headers = headers.get_all(AUTHORIZATION).iter().take(MOST_HEADERS);
        let text = headers.find_map(of_scheme).ok_or(ClaimError::Missing)?;
        let mut found = parameters::read(text)?;
        let mut take = |name| found.remove(name).ok_or(HeaderError::Missing(name));
        let wrong = |name| move |_| HeaderError::Value(name);

        // Servers from before version 1.3 of the specification leave it out; it is in what they signed.
        if let Some(destination) = take("destination").ok().filter(|destination| destination != us.as_str()) {
            return Err(ClaimError::OtherDestination(destination));
        }
        let origin = OwnedServerName::try_from(take("origin")?).map_err(wrong("origin"))?;
        if origin == us {
            return Err(ClaimError::OurName);
        }
        let key_id = OwnedServerSigningKeyId::try_from(take("key")?).map_err(wrong("key"))?;
        let signature = BASE64.decode(take("sig")?).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        let signature = signature.ok_or(HeaderError::Value("sig"))?;
        Ok(Self { origin, key_id, signature })
    }

    /// Who says to have sent the request.
    pub fn origin(&self) -> &ServerName {
        &self.origin
    }

    /// The key that it says to be signed with.
    pub fn key_id(&self) -> &str {
        self.key_id.as_str()
    }

    /// Checks the claim with the key of that name.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn check(&self, key: &VerifyingKey, us: &ServerName, request: Signed<'_>) -> Result<(), Forged> {
        let text = request.text(self.origin(), us).map_err(|error| Forged::Body(error.to_string()))?;
        key.verify_strict(text.as_bytes(), &self.signature).map_err(|_| Forged::Signature)
    }
}

/// What follows the scheme, where the header is of it.
fn of_scheme(header: &HeaderValue) -> Option<&str> {
    let (scheme, rest) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;
    use ruma::server_name;

    use super::*;
    use crate::server_key::testing::key_of;

    const BODY: &[u8] = br#"{"b": 1, "a": ["x"]}"#;

    fn put<'a>(target: &'a str, body: &'a [u8]) -> Signed<'a> {
        Signed { method: &Method::PUT, target, body }
    }

    /// As long as one, and of nothing.
    fn signature() -> String {
        BASE64_STANDARD_NO_PAD.encode([0; 64])
    }

    fn headers(value: &HeaderValue) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.clone())])
    }

    #[test]
    fn what_one_server_signs_the_other_believes_and_nothing_else() {
        let (us, them) = (server_name!("us.example"), server_name!("them.example:8448"));
        let (key, verifying) = key_of(them);
        let header = authorization(&key, us, put("/a?b=c", BODY)).unwrap();

        let claim = Claim::read(&headers(&header), us).unwrap();

        assert_eq!((claim.origin(), claim.key_id()), (them, key.key_id()));
        // The same content, written otherwise.
        assert!(claim.check(&verifying, us, put("/a?b=c", br#"{"a":["x"],"b":1}"#)).is_ok());
        for wrong in [put("/a?b=d", BODY), put("/a?b=c", b""), put("/a?b=c", br#"{"b":2,"a":["x"]}"#)] {
            assert!(matches!(claim.check(&verifying, us, wrong), Err(Forged::Signature)), "{wrong:?}");
        }
        let get = Signed { method: &Method::GET, ..put("/a?b=c", BODY) };
        assert!(matches!(claim.check(&verifying, us, get), Err(Forged::Signature)));
        let other = SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert!(matches!(claim.check(&other, us, put("/a?b=c", BODY)), Err(Forged::Signature)));
        assert!(matches!(claim.check(&verifying, us, put("/a?b=c", b"{\"a\":1.5}")), Err(Forged::Body(_))));
    }

    #[test]
    fn a_request_to_another_server_or_from_ourselves_is_refused_unread() {
        let (us, them) = (server_name!("us.example"), server_name!("them.example"));
        let (key, _) = key_of(them);
        let meant_for_others = authorization(&key, server_name!("other.example"), put("/", b"")).unwrap();
        let (own, _) = key_of(us);
        let reflected = authorization(&own, us, put("/", b"")).unwrap();

        let read = |header: &HeaderValue| Claim::read(&headers(header), us).unwrap_err();

        assert!(matches!(read(&meant_for_others), ClaimError::OtherDestination(_)));
        assert!(matches!(read(&reflected), ClaimError::OurName));
        assert!(matches!(Claim::read(&HeaderMap::new(), us), Err(ClaimError::Missing)));
        assert!(matches!(read(&HeaderValue::from_static("Bearer abc")), ClaimError::Missing));
        for malformed in [
            "X-Matrix ",
            "X-Matrix origin=a.example",
            "X-Matrix origin=\"a b\",key=\"ed25519:1\",sig=\"SIG\"",
            "X-Matrix origin=\"a.example\",origin=\"b.example\",key=\"ed25519:1\",sig=\"SIG\"",
            "X-Matrix origin=\"a.example\",key=\"1\",sig=\"SIG\"",
            "X-Matrix origin=\"a.example\",key=\"ed25519:1\",sig=\"YQ\"",
        ] {
            let header = HeaderValue::from_str(&malformed.replace("SIG", &signature())).unwrap();
            assert!(matches!(read(&header), ClaimError::Malformed(_)), "{malformed}");
        }
    }

    #[test]
    fn older_ways_to_write_the_header_are_read() {
        let us = server_name!("us.example");
        for header in [
            "X-Matrix origin=them.example,key=\"ed25519:1\",sig=\"SIG\"",
            "x-matrix ORIGIN=\"them.example\" , Key=\"ed25519:1\",destination=\"us.example\",sig=\"SIG\",new=\"a\"",
            "X-Matrix origin=them.example,key=ed25519:1,sig=SIG,destination=us.example",
        ] {
            let value = HeaderValue::from_str(&header.replace("SIG", &signature())).unwrap();
            let claim = Claim::read(&headers(&value), us);
            assert_eq!(claim.unwrap().origin(), "them.example", "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_of_a_stranger_does_harm(text in "[ -~]{0,120}", scheme in "(X-Matrix )?") {
            let header = HeaderValue::from_str(&format!("{scheme}{text}")).unwrap();
            let _ = Claim::read(&headers(&header), server_name!("us.example"));
        }
    }
}
