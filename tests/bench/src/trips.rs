//! What the server asked of its CQL cluster, as its metrics say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::{Div, Sub};

/// Requests to the cluster and statements in them, so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trips {
    /// Round trips.
    pub requests: f64,
    /// Statements; a batch has several.
    pub statements: f64,
}

impl Trips {
    /// Reads `/metrics` at this address; `None` where no cluster is spoken of.
    pub fn at(address: &str) -> Option<Self> {
        let text = get(address).ok()?;
        let sum = |name: &str| {
            let lines = text.lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).reduce(|a, b| a + b)
        };
        let requests = sum("playhouse_store_requests_total{")?;
        Some(Self { requests, statements: sum("playhouse_store_statements_total{").unwrap_or_default() })
    }
}

impl Sub for Trips {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { requests: self.requests - earlier.requests, statements: self.statements - earlier.statements }
    }
}

impl Div<f64> for Trips {
    type Output = Self;

    fn div(self, count: f64) -> Self {
        Self { requests: self.requests / count, statements: self.statements / count }
    }
}

fn get(address: &str) -> std::io::Result<String> {
    let mut server = TcpStream::connect(address)?;
    server.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    server.read_to_string(&mut text)?;
    Ok(text)
}
