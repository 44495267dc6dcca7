//! Sending to-device messages: to each recipient's stream, and once for each transaction.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid>

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use playhouse_storage::{
    store::put,
    tables::{TransactionAnswer, room_log::Transaction, transaction::TransactionAnswerRow},
};
use ruma::{CanonicalJsonValue, DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use serde_json::value::RawValue;

use super::{Messages, elsewhere};
use crate::{
    Node,
    user::{
        UserError, UserHandle,
        keys::query::existing,
        message::{UserRequest, to_device_message},
    },
};

/// The most bytes of one message's content.
pub const MOST_CONTENT_BYTES: usize = 65_536;
/// The most messages of one request.
pub const MOST_MESSAGES: usize = 10_000;
/// The most bytes of an event type, and of a transaction's id.
const MOST_NAME_BYTES: usize = 255;
/// Recipients that are served at the same time.
const AT_ONCE: usize = 32;

/// Contents by recipient and device; `*` means each device.
pub type Contents = BTreeMap<OwnedUserId, BTreeMap<String, Box<RawValue>>>;

/// A request to send messages, checked.
#[derive(Debug)]
pub struct SendToDevice {
    sender: OwnedUserId,
    device: OwnedDeviceId,
    kind: String,
    transaction_id: String,
    contents: Contents,
}

impl SendToDevice {
    /// Checks what a device sends.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`], [`UserError::TooLarge`].
    pub fn check(
        (sender, device): (&UserId, &DeviceId),
        kind: String,
        transaction_id: String,
        contents: Contents,
    ) -> Result<Self, UserError> {
        if kind.len() > MOST_NAME_BYTES || transaction_id.len() > MOST_NAME_BYTES {
            return Err(UserError::Invalid("an event type or a transaction id may have 255 bytes".into()));
        }
        if contents.values().map(BTreeMap::len).sum::<usize>() > MOST_MESSAGES {
            return Err(UserError::TooLarge(format!("one request may carry {MOST_MESSAGES} messages")));
        }
        for (recipient, content) in
            contents.iter().flat_map(|(user, devices)| devices.values().map(move |content| (user, content)))
        {
            if content.get().len() > MOST_CONTENT_BYTES {
                return Err(UserError::TooLarge("a to-device message may have 64 KiB".into()));
            }
            if !content.get().trim_start().starts_with('{') {
                return Err(UserError::Malformed("the content of a message must be an object".into()));
            }
            let is_local = recipient.server_name() == sender.server_name();
            if !is_local && serde_json::from_str::<CanonicalJsonValue>(content.get()).is_err() {
                return Err(UserError::Malformed(
                    "a message to another server may hold no numbers but integers up to 2^53-1".into(),
                ));
            }
        }
        Ok(Self { sender: sender.to_owned(), device: device.to_owned(), kind, transaction_id, contents })
    }

    pub(super) fn transaction(&self) -> Transaction {
        Transaction {
            user: self.sender.to_string(),
            device: self.device.to_string(),
            path: format!("sendToDevice/{}", self.kind),
            id: self.transaction_id.clone(),
        }
    }
}

/// Sends the messages; durable on return. The same transaction again does nothing.
///
/// # Errors
/// [`UserError::Unavailable`], [`UserError::Busy`]: some may have been delivered; the same request again delivers the
/// others.
pub async fn send_to_device(node: &Node, request: SendToDevice) -> Result<(), UserError> {
    let transaction = request.transaction();
    let owner = (&transaction.user, &transaction.device);
    let key = (&transaction.path, &transaction.id);
    if node.store().get::<TransactionAnswer>(owner, key).await?.is_some() {
        return Ok(());
    }
    let is_local = |user: &OwnedUserId| user.server_name() == node.server_name();
    let (local, others): (Contents, Contents) =
        request.contents.into_iter().partition(|(user, _)| is_local(user));
    elsewhere::send(node, &request.sender, &request.kind, &transaction, others).await?;
    let recipients = existing(node.store(), local).await?;
    let deliveries: Vec<_> = recipients
        .into_iter()
        .map(|(user, contents)| {
            let messages = contents.into_iter().map(|(device, content)| {
                (device, to_device_message(&request.sender, &request.kind, &content))
            });
            deliver(node.users().handle(&user), messages.collect(), transaction.clone())
        })
        .collect();
    let outcomes: Vec<Result<(), UserError>> =
        stream::iter(deliveries).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect::<Result<(), UserError>>()?;
    let answer = TransactionAnswerRow { event_id: None };
    let stamp = node.clocks().stamp(&transaction.user);
    Ok(node.store().write(vec![put::<TransactionAnswer>(owner, key, &answer, stamp)]).await?)
}

/// A recipient whose rows cannot be read harms nobody else.
async fn deliver(to: UserHandle, messages: Messages, transaction: Transaction) -> Result<(), UserError> {
    match to.deliver_once(messages, transaction).await {
        Err(UserError::Corrupt(error)) => {
            tracing::warn!(%error, "a user cannot be sent to-device messages");
            Ok(())
        }
        outcome => outcome,
    }
}

impl UserHandle {
    /// Puts the messages of a transaction into the inboxes of the user's devices, once; durable on return.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn deliver_once(&self, messages: Messages, transaction: Transaction) -> Result<(), UserError> {
        let transaction = Some(transaction);
        self.ask(|reply| UserRequest::DeliverToDevice { messages, transaction, reply }).await
    }
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, owned_user_id, user_id};

    use super::*;

    fn check(kind: &str, content: &str) -> Result<SendToDevice, UserError> {
        let content = RawValue::from_string(content.to_owned()).unwrap();
        let contents = [(owned_user_id!("@bob:test"), [("*".to_owned(), content)].into())].into();
        let sender = (user_id!("@alice:test"), device_id!("PHONE"));
        SendToDevice::check(sender, kind.to_owned(), "1".to_owned(), contents)
    }

    #[test]
    fn contents_are_objects_of_bounded_size() {
        assert!(check("m.test", "{}").is_ok());
        assert!(matches!(check("m.test", "[]"), Err(UserError::Malformed(_))));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MOST_CONTENT_BYTES));
        assert!(matches!(check("m.test", &large), Err(UserError::TooLarge(_))));
        assert!(check("m.test", r#"{"a":1.5}"#).is_ok());
        assert!(matches!(check(&"x".repeat(256), "{}"), Err(UserError::Invalid(_))));
    }

    #[test]
    fn what_cannot_be_signed_does_not_go_to_another_server() {
        for (number, is_right) in [("1.5", false), ("9007199254740992", false), ("9007199254740991", true)] {
            let content = RawValue::from_string(format!("{{\"a\":{number}}}")).unwrap();
            let contents = [(owned_user_id!("@bob:far"), [("*".to_owned(), content)].into())].into();
            let sender = (user_id!("@alice:test"), device_id!("PHONE"));
            let checked = SendToDevice::check(sender, "m.test".to_owned(), "1".to_owned(), contents);
            assert_eq!(checked.is_ok(), is_right, "{number}");
        }
    }

    #[test]
    fn transactions_of_other_devices_types_and_ids_leave_other_marks() {
        let transaction = |user: &str, device: &str, path: &str, id: &str| Transaction {
            user: user.into(),
            device: device.into(),
            path: path.into(),
            id: id.into(),
        };
        let marks = [
            transaction("@a:b", "c", "d", "e"),
            transaction("@a:b", "cd", "", "e"),
            transaction("@a:b", "c", "de", ""),
            transaction("@a:bc", "", "d", "e"),
        ]
        .map(|transaction| super::super::mark_pos(&transaction));
        let distinct: std::collections::BTreeSet<i64> = marks.into_iter().collect();

        assert_eq!(distinct.len(), 4);
        assert!(distinct.iter().all(|mark| *mark < 0));
    }
}
