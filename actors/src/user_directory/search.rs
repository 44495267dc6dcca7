//! From a term to users.

use std::cmp::Reverse;

use ruma::{OwnedUserId, UserId};
use serde::Serialize;

use super::{
    index::users_with,
    sight::Sight,
    words::{Wanted, of_name, of_user},
};
use crate::{
    Node,
    user::{UserError, profile},
};

/// The most users that one search answers.
const MOST_RESULTS: usize = 50;
/// Rows of the index that one search looks at.
const MOST_CANDIDATES: usize = 500;

/// What a search found.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// Users, those that fit best first.
    pub results: Vec<FoundUser>,
    /// Whether there are more than these.
    pub limited: bool,
}

/// A user that was found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FoundUser {
    /// The user's id.
    pub user_id: OwnedUserId,
    /// The display name, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The avatar, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// Finds users of this server whom `searcher` may know of.
///
/// # Errors
/// [`UserError::Unavailable`] when the store does not answer.
pub async fn search(node: &Node, searcher: &UserId, term: &str, limit: usize) -> Result<Found, UserError> {
    let Some(wanted) = Wanted::parse(term, node.server_name()) else { return Ok(Found::default()) };
    let limit = limit.min(MOST_RESULTS);
    let (candidates, more) = users_with(node.store(), wanted.rarest(), MOST_CANDIDATES).await?;
    let mut fitting = Vec::new();
    for user_id in candidates.into_iter().filter(|user_id| user_id != searcher) {
        fitting.extend(fit(node, &wanted, user_id).await?);
    }
    fitting.sort_by_key(|(exact, user)| {
        (Reverse(*exact), user.display_name.is_none() && user.avatar_url.is_none(), user.user_id.clone())
    });
    let mut sight = Sight::of(node, searcher).await?;
    let mut found = Found { results: Vec::new(), limited: more };
    for (_, user) in fitting {
        if !sight.reaches(&user.user_id).await? {
            continue;
        }
        if found.results.len() == limit {
            found.limited = true;
            break;
        }
        found.results.push(user);
    }
    Ok(found)
}

/// A candidate with all the wanted words, and how well it fits. A row of the index may be of a name from before.
async fn fit(
    node: &Node,
    wanted: &Wanted,
    user_id: OwnedUserId,
) -> Result<Option<(usize, FoundUser)>, UserError> {
    let profile = profile::fields(node.store(), &user_id).await?;
    let text = |field: &str| profile.get(field).and_then(|raw| serde_json::from_str(raw.get()).ok());
    let display_name: Option<String> = text("displayname");
    let mut words = of_user(&user_id);
    words.extend(of_name(display_name.as_deref()));
    let avatar_url = text("avatar_url");
    Ok(wanted.fit(&words).map(|exact| (exact, FoundUser { user_id, display_name, avatar_url })))
}
