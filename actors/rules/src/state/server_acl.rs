//! Which servers a room lets take part.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#mroomserver_acl>

use std::net::{Ipv4Addr, Ipv6Addr};

use ruma::ServerName;
use serde::Deserialize;
use serde_json::Value;

use crate::{Pdu, glob::Glob};

/// The access list of a room.
#[derive(Debug, Clone, Default)]
pub struct ServerAcl(Option<Lists>);

#[derive(Debug, Clone)]
struct Lists {
    allow: Vec<Glob>,
    deny: Vec<Glob>,
    allow_ip_literals: bool,
}

impl ServerAcl {
    /// What the event says; without one everybody is let in. What is no list counts as an empty one: nobody is in an `allow`
    /// that cannot be read.
    pub fn read(event: Option<&Pdu>) -> Self {
        #[derive(Deserialize, Default)]
        struct Content {
            #[serde(default)]
            allow: Value,
            #[serde(default)]
            deny: Value,
            #[serde(default)]
            allow_ip_literals: Value,
        }
        Self(event.map(|pdu| {
            let content: Content = pdu.content_as().unwrap_or_default();
            let allow_ip_literals = content.allow_ip_literals.as_bool().unwrap_or(true);
            Lists { allow: globs(&content.allow), deny: globs(&content.deny), allow_ip_literals }
        }))
    }

    /// Whether a server may take part. Ports do not count, and neither does case.
    pub fn allows(&self, server: &ServerName) -> bool {
        let Some(Lists { allow, deny, allow_ip_literals }) = &self.0 else { return true };
        let host = server.host().to_lowercase();
        let matches = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(&host));
        (*allow_ip_literals || !is_ip_literal(&host)) && !matches(deny) && matches(allow)
    }
}

fn globs(list: &Value) -> Vec<Glob> {
    let patterns = list.as_array().map(Vec::as_slice).unwrap_or_default();
    patterns.iter().filter_map(Value::as_str).filter_map(Glob::new).collect()
}

fn is_ip_literal(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.parse::<Ipv4Addr>().is_ok() || v6.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
}
