//! `/_matrix/client/v3/directory/…`: aliases, and the public list of rooms.

pub mod list;
pub mod room;

use playhouse_actors::aliases::Asker;

use crate::Context;

/// The caller, as the rules of aliases and of the public list know callers.
pub(super) fn asker(cx: &Context) -> Asker<'_> {
    Asker { user: cx.user_id(), is_admin: cx.caller.is_admin() }
}
