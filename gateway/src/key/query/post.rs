//! `POST /_matrix/key/v2/query`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query>

use ruma::api::federation::discovery::get_remote_server_keys_batch::v2::Request;

use super::Answer;
use crate::{Anyone, ApiError, Context, Json};

/// The longest question.
pub const MOST_BODY_BYTES: usize = 64 << 10;
/// The most servers of a question that are looked for; the others are left out of the answer, as those that cannot be had.
const MOST_SERVERS: usize = 100;

/// The keys of several servers. Of those that nothing good enough is known of, only the first is asked: one question must
/// not make this server ask a hundred others.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Json<Answer>, ApiError> {
    let federation = cx.federation()?;
    let mut server_keys = Vec::new();
    let mut may_ask = true;
    for (server, criteria) in request.server_keys.iter().take(MOST_SERVERS) {
        let times = criteria.values().filter_map(|criteria| criteria.minimum_valid_until_ts);
        let valid_until_ms = times.map(|time| u64::from(time.get())).max().unwrap_or(0);
        let notarized = federation.notarized_keys(server, valid_until_ms, may_ask).await?;
        may_ask &= !notarized.has_asked;
        server_keys.extend(notarized.document);
    }
    Ok(Json(Answer { server_keys }))
}
