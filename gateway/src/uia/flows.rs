//! Which stages lead to the goal.

use std::collections::BTreeMap;

use ruma::api::client::uiaa::AuthType;
use serde_json::{Map, Value, json};

use crate::config::{Policy, Registration};

/// The flows that an endpoint offers, and what clients must know for their stages.
#[derive(Debug, Clone)]
pub struct Flows {
    flows: Vec<Vec<AuthType>>,
    params: Map<String, Value>,
}

/// Policy documents as `params` shows them.
#[derive(Debug)]
pub struct Policies<'a>(pub &'a [Policy]);

impl Flows {
    /// The user's password.
    pub fn password() -> Self {
        Self { flows: vec![vec![AuthType::Password]], params: Map::new() }
    }

    /// What registration demands: a token unless it is open, agreement to the terms if there are any, and a dummy
    /// where that leaves nothing.
    pub fn registration(config: &Registration) -> Self {
        let mut stages = Vec::new();
        let mut params = Map::new();
        if !config.open {
            stages.push(AuthType::RegistrationToken);
        }
        if !config.terms.is_empty() {
            stages.push(AuthType::Terms);
            params.insert(AuthType::Terms.to_string(), Policies(&config.terms).to_params());
        }
        if stages.is_empty() {
            stages.push(AuthType::Dummy);
        }
        Self { flows: vec![stages], params }
    }

    /// Whether `stage` is the next of a flow that begins with what is completed.
    pub fn offer(&self, completed: &[AuthType], stage: &str) -> bool {
        let next =
            |flow: &Vec<AuthType>| flow.starts_with(completed).then(|| flow.get(completed.len()).cloned());
        self.flows.iter().filter_map(next).flatten().any(|next| next.as_str() == stage)
    }

    /// Whether a flow is complete.
    pub fn are_completed_by(&self, completed: &[AuthType]) -> bool {
        self.flows.iter().any(|flow| flow == completed)
    }

    /// `flows` and `params` of a 401.
    pub fn to_body(&self) -> Map<String, Value> {
        let stages =
            |flow: &Vec<AuthType>| json!({ "stages": flow.iter().map(AuthType::as_str).collect::<Vec<_>>() });
        let mut body = Map::new();
        body.insert("flows".to_owned(), self.flows.iter().map(stages).collect());
        body.insert("params".to_owned(), Value::Object(self.params.clone()));
        body
    }
}

impl Policies<'_> {
    fn to_params(&self) -> Value {
        let policy = |policy: &Policy| {
            let text = |(language, text): (&String, &crate::config::PolicyText)| {
                (language.clone(), json!({ "name": text.name, "url": text.url }))
            };
            let mut value: Map<String, Value> = policy.languages.iter().map(text).collect();
            value.insert("version".to_owned(), policy.version.clone().into());
            (policy.id.clone(), value)
        };
        json!({ "policies": self.0.iter().map(policy).collect::<BTreeMap<_, _>>() })
    }

    /// The documents by id and version, as an account remembers its consent.
    pub fn agreed(&self) -> Vec<String> {
        self.0.iter().map(|policy| format!("{}@{}", policy.id, policy.version)).collect()
    }
}
