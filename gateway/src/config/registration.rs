//! `[registration]`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de};

/// Who may register, and what they agree to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// Anyone who reaches a client listener may register.
    pub open: bool,
    /// Says that `open` is meant for everybody, where a listener is open to other machines.
    pub open_to_everyone: bool,
    /// The secret of `/_synapse/admin/v1/register`; without it that is off.
    pub shared_secret: Option<String>,
    /// Tokens, one of which a new user must name; they open registration to those who have one.
    pub tokens: Vec<RegistrationToken>,
    /// Documents that a new user must agree to.
    pub terms: Vec<Policy>,
}

/// A registration token: `"text"`, or `{ token = "text", uses = 10 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationToken {
    /// The token.
    pub token: String,
    /// How many accounts it makes; `None` for any number.
    pub uses: Option<u64>,
}

/// A document, in a version and in languages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its id, such as `privacy_policy`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its text by language, such as `en`.
    pub languages: BTreeMap<String, PolicyText>,
}

/// A document in one language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// Its title.
    pub name: String,
    /// Where it is.
    pub url: String,
}

impl Registration {
    /// Whether anybody can register through the client-server API.
    pub fn is_possible(&self) -> bool {
        self.open || !self.tokens.is_empty()
    }
}

/// What a token may look like: the opaque identifier grammar.
///
/// <https://spec.matrix.org/v1.19/appendices/#opaque-identifiers>
fn is_opaque_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenTable {
    token: String,
    uses: Option<u64>,
}

impl<'de> Deserialize<'de> for RegistrationToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;

        impl<'de> de::Visitor<'de> for TextOrTable {
            type Value = TokenTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token or `{ token = \"…\", uses = 10 }`")
            }

            fn visit_str<E>(self, token: &str) -> Result<TokenTable, E> {
                Ok(TokenTable { token: token.to_owned(), uses: None })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<TokenTable, A::Error> {
                TokenTable::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }

        let TokenTable { token, uses } = deserializer.deserialize_any(TextOrTable)?;
        if is_opaque_id(&token) {
            return Ok(Self { token, uses });
        }
        Err(de::Error::custom("a registration token is 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -"))
    }
}
