//! Sync v2: from a token to what is new, or a wait until something is.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#syncing>
//!
//! | File | Holds |
//! |---|---|
//! | `request`, `response` | what is asked and how the answer looks |
//! | `build` | one pass: which streams changed, and the token after it |
//! | `joined`, `left` | one room |
//! | `lazy` | which member events a lazy client gets, and which it has |
//! | `window` | the part of a room's log that a response covers: timeline and the state before it |
//! | `ephemeral` | receipts and typing |
//! | `device_lists` | whose keys changed, who is out of sight |
//! | `unread` | notification counts |
//! | `filter` | which events a filter lets through |

pub mod build;
pub mod device_lists;
pub mod ephemeral;
pub mod filter;
pub mod joined;
pub mod lazy;
pub mod left;
pub mod request;
pub mod response;
pub mod unread;
pub mod window;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{Node, metrics::Counted, user::UserError};
use lazy::LazyClient;
pub use request::SyncRequest;
pub use response::SyncResponse;

/// The longest that a client may ask to wait.
pub const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How long a woken sync waits for the slots to close below what it was woken for, and how long at most after looking
/// in vain: a commit of unknown outcome keeps its slot open until the store answers again.
const CLOSING: Duration = Duration::from_millis(5);
const LONGEST_CLOSING: Duration = Duration::from_secs(1);

/// Answers a sync: at once if there is something, else when there is or the time is over.
///
/// # Errors
/// [`UserError::Unavailable`] when the store does not answer.
pub async fn sync(node: &Node, request: &SyncRequest) -> Result<SyncResponse, UserError> {
    acknowledge(node, request).await;
    let client = LazyClient::of(request, &node.users().feed(&request.user).await?);
    let deadline = Instant::now() + request.timeout.min(LONGEST_WAIT);
    let mut closing = CLOSING;
    loop {
        let feed = node.users().feed(&request.user).await?;
        // Listen first: what happens while the response is built rings the bell.
        let mut bell = feed.listen();
        let timer = node.metrics().sync.start();
        let built = build::build(node, &feed, request, client.as_ref()).await?;
        drop(timer);
        if feed.is_closed() {
            // What was published meanwhile went to its successor, which the token would skip.
            continue;
        }
        if !built.response.is_empty() || request.answers_at_once() || Instant::now() >= deadline {
            if let Some(client) = client {
                client.is_answered(request, built.next, built.carried);
            }
            return Ok(built.response);
        }
        let until = if built.behind { deadline.min(Instant::now() + closing) } else { deadline };
        let _waiting = Counted::of(&node.metrics().sync_waiting);
        if let Ok(Ok(())) = timeout_at(until, bell.changed()).await {
            node.metrics().sync_wakeups.increment(1);
            closing = CLOSING;
        } else {
            closing = (closing * 2).min(LONGEST_CLOSING);
        }
    }
}

/// The token shows which to-device messages arrived.
async fn acknowledge(node: &Node, request: &SyncRequest) {
    let (Some(since), Some(device)) = (&request.since, &request.device) else { return };
    let Ok(feed) = node.users().feed(&request.user).await else { return };
    if feed.data().to_device.get(device.as_str()).is_some_and(|newest| *newest > 0) {
        let up_to = since.delivered(&node.tokens().stream_key(request.user.as_str()));
        node.users().handle(&request.user).acknowledge_to_device(device.as_str(), up_to).await;
    }
}
