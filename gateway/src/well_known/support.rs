//! `GET /.well-known/matrix/support`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport>

use ruma::{
    OwnedUserId,
    api::client::discovery::discover_support::{Contact, ContactRole, Request, Response},
};

use crate::{Anyone, ApiError, Context, IntoReply};

/// Says whom to write to.
pub async fn handler(cx: Context<Anyone>, _: Request) -> Result<impl IntoReply, ApiError> {
    let config = &cx.config().well_known;
    let admin =
        contact(ContactRole::Admin, config.support_admin_email.as_ref(), config.support_admin_user.as_ref());
    let (email, user) = (config.support_security_email.as_ref(), config.support_security_user.as_ref());
    let security = contact(ContactRole::Security, email, user);

    let mut response = Response::with_contacts([admin, security].into_iter().flatten().collect());
    response.support_page.clone_from(&config.support_page);
    if response.contacts.is_empty() && response.support_page.is_none() {
        return Err(ApiError::not_found("This server publishes no contact"));
    }
    Ok(response)
}

fn contact(role: ContactRole, email: Option<&String>, user: Option<&OwnedUserId>) -> Option<Contact> {
    match (email, user) {
        (Some(email), user) => {
            let mut contact = Contact::with_email_address(role, email.clone());
            contact.matrix_id = user.cloned();
            Some(contact)
        }
        (None, Some(user)) => Some(Contact::with_matrix_id(role, user.clone())),
        (None, None) => None,
    }
}
