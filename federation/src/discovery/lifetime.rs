//! How long a `/.well-known/matrix/server` holds: what its headers say, within bounds.

use std::time::Duration;

use http::{HeaderMap, header};

/// Without headers.
const DEFAULT: Duration = Duration::from_hours(24);
/// At least: a server that forbids caching is not asked for every request.
pub(super) const SHORTEST: Duration = Duration::from_mins(5);
/// At most.
pub(super) const LONGEST: Duration = Duration::from_hours(48);

/// The lifetime by `Cache-Control`. `Expires`, which Matrix servers do not send without it, counts as no header.
pub(super) fn of(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut lifetime = DEFAULT;
    for directive in directives.flat_map(|value| value.split(',')) {
        let directive = directive.trim().to_ascii_lowercase();
        if directive == "no-store" || directive == "no-cache" {
            return SHORTEST;
        }
        if let Some(seconds) =
            directive.strip_prefix("max-age=").and_then(|text| text.trim_matches('"').parse().ok())
        {
            lifetime = Duration::from_secs(seconds);
        }
    }
    lifetime.clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_header(value: &str) -> Duration {
        of(&HeaderMap::from_iter([(header::CACHE_CONTROL, value.parse().unwrap())]))
    }

    #[test]
    fn a_lifetime_is_what_the_header_says_within_bounds() {
        assert_eq!(of(&HeaderMap::new()), DEFAULT);
        assert_eq!(of_header("public, max-age=3600"), Duration::from_hours(1));
        assert_eq!(of_header("Max-Age=7200"), Duration::from_hours(2));
        assert_eq!(of_header("max-age=3600, no-cache"), SHORTEST);
        assert_eq!(of_header("max-age=0"), SHORTEST);
        assert_eq!(of_header("max-age=99999999"), LONGEST);
        assert_eq!(of_header("max-age=nonsense"), DEFAULT);
    }

    proptest! {
        #[test]
        fn no_header_leads_out_of_the_bounds(value in "[ -~]{0,60}") {
            let lifetime = of_header(&value);
            prop_assert!((SHORTEST..=LONGEST).contains(&lifetime), "{lifetime:?}");
        }
    }
}
