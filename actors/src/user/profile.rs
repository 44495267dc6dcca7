//! Profile fields.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#profiles>

use playhouse_storage::{
    store::{delete, put},
    tables::{Profile, profile::ProfileRow},
};
use serde_json::value::RawValue;

use super::{UserError, actor::UserActorState};

/// The most bytes of a whole profile.
const MOST_PROFILE_BYTES: usize = 65_536;

impl UserActorState {
    /// Sets or removes a field.
    ///
    /// # Errors
    /// [`UserError::TooLarge`] when the profile would pass 64 KiB, [`UserError::Unavailable`].
    pub(super) async fn set_profile(
        &mut self,
        field: &str,
        value: Option<Box<RawValue>>,
    ) -> Result<(), UserError> {
        let user = self.user.as_str();
        if let Some(value) = &value {
            let others = self.context.store.all::<Profile>((user,), ()).await?;
            let others = others.iter().filter(|((name,), _)| name != field);
            let bytes: usize = others.map(|((name,), row)| name.len() + row.value.get().len()).sum();
            if bytes + field.len() + value.get().len() > MOST_PROFILE_BYTES {
                return Err(UserError::TooLarge("a profile may hold 64 KiB".into()));
            }
        }
        let position = self.begin();
        let write = match value {
            Some(value) => put::<Profile>((user,), (field,), &ProfileRow { value }, position.first()),
            None => delete::<Profile>((user,), (field,), position.first()),
        };
        self.write(vec![write]).await
    }
}
