//! Which servers this one talks to.

use ruma::ServerName;

/// The operator's choice of servers, in both directions.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    allowed: Option<Vec<Pattern>>,
    denied: Vec<Pattern>,
}

/// A server's name, every port of it, or with `*.` everything below a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    host: String,
    port: Option<u16>,
    below: bool,
}

impl Peers {
    /// All but `denied`; with `allowed`, of those only the ones named there.
    pub fn new(allowed: Option<Vec<Pattern>>, denied: Vec<Pattern>) -> Self {
        Self { allowed, denied }
    }

    /// Whether we talk to `server`. What is both allowed and denied is denied.
    pub fn admit(&self, server: &ServerName) -> bool {
        let named = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.names(server));
        !named(&self.denied) && self.allowed.as_deref().is_none_or(named)
    }
}

impl Pattern {
    fn names(&self, server: &ServerName) -> bool {
        if self.port.is_some() && self.port != server.port() {
            return false;
        }
        let host = server.host().to_ascii_lowercase();
        if self.below {
            return host.strip_suffix(&*self.host).is_some_and(|rest| rest.ends_with('.'));
        }
        host == self.host
    }
}

impl std::str::FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        let server = <&ServerName>::try_from(name).map_err(|_| {
            format!(
                "`{text}` is no server; write \"example.org\", \"example.org:8448\" or \"*.example.org\" for all below"
            )
        })?;
        Ok(Self { host: server.host().to_ascii_lowercase(), port: server.port(), below })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(allowed: Option<&[&str]>, denied: &[&str]) -> Peers {
        let parsed = |patterns: &[&str]| patterns.iter().map(|text| text.parse().unwrap()).collect();
        Peers::new(allowed.map(parsed), parsed(denied))
    }

    fn admits(peers: &Peers, server: &str) -> bool {
        peers.admit(server.try_into().unwrap())
    }

    #[test]
    fn everybody_is_admitted_but_the_denied_whatever_the_case_and_port() {
        let peers = peers(None, &["bad.example", "*.worse.example", "[::1]:8448"]);

        for server in ["good.example", "notbad.example", "bad.example.org", "worse.example", "[::1]"] {
            assert!(admits(&peers, server), "{server}");
        }
        for server in
            ["bad.example", "BAD.example:443", "a.worse.example", "a.b.WORSE.example:1", "[::1]:8448"]
        {
            assert!(!admits(&peers, server), "{server}");
        }
    }

    #[test]
    fn with_an_allow_list_only_its_servers_are_admitted_and_denial_wins() {
        let peers = peers(Some(&["*.friends.example", "one.example:8448"]), &["false.friends.example"]);

        assert!(admits(&peers, "true.friends.example") && admits(&peers, "one.example:8448"));
        for server in ["false.friends.example", "one.example", "one.example:1", "other.example"] {
            assert!(!admits(&peers, server), "{server}");
        }
    }

    #[test]
    fn a_pattern_that_names_no_server_is_refused() {
        for text in ["", "*", "a*b", "*.", "http://a", "a b"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
