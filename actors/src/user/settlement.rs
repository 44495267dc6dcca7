//! Writes of unknown outcome: their positions stay in flight until the stream was loaded anew and shows what became of
//! them. Else a sync token could pass what is found in the store later, and the client would never get it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use ruma::UserId;
use tokio::runtime::Handle;

use super::{
    UserError, Users,
    directory::{NoStream, UsersInner},
};
use crate::clock::Pending;

/// How long to wait before a stream that could not be loaded is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Settles the writes of a node's user streams. Holds the streams loosely: they hold their actors, which hold this.
#[derive(Clone)]
pub struct Settlement(Weak<UsersInner>);

impl Settlement {
    /// A settlement that loads streams from these.
    pub(super) fn new(users: &Arc<UsersInner>) -> Self {
        Self(Arc::downgrade(users))
    }

    /// Loads the stream anew, under another actor than the one that lost the write, and lets the positions go. Gives up
    /// on a stream that cannot be read: nobody gets anything of it.
    pub(super) fn settle(&self, user: &UserId, positions: Vec<Pending>) {
        let Some(runtime) = Handle::try_current().ok().filter(|_| !positions.is_empty()) else { return };
        let (users, user) = (self.0.clone(), user.to_owned());
        runtime.spawn(async move {
            while let Some(inner) = users.upgrade() {
                let users = Users::from(inner);
                match users.actor(&user).await {
                    Ok(_) => {
                        drop(positions);
                        return users.wake_around(&user);
                    }
                    Err(NoStream::Ending | NoStream::NotStarted(UserError::Unavailable { .. })) => {
                        drop(users);
                        tokio::time::sleep(PAUSE).await;
                    }
                    Err(_) => return,
                }
            }
        });
    }
}
