//! What the presets set.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom>

/// A set of defaults for a new room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// By invite.
    PrivateChat,
    /// By invite, and the first invited users have the powers of the creator.
    TrustedPrivateChat,
    /// Open to everybody.
    PublicChat,
}

impl Preset {
    /// Who may join.
    pub(super) const fn join_rule(self) -> &'static str {
        match self {
            Self::PrivateChat | Self::TrustedPrivateChat => "invite",
            Self::PublicChat => "public",
        }
    }

    /// Whether guests may join, where that must be said: without an event they may not.
    pub(super) const fn guest_access(self) -> Option<&'static str> {
        match self {
            Self::PrivateChat | Self::TrustedPrivateChat => Some("can_join"),
            Self::PublicChat => None,
        }
    }

    /// The level that an invite needs: in a private room everybody may bring somebody along.
    pub(super) const fn invite_level(self) -> i64 {
        match self {
            Self::PrivateChat | Self::TrustedPrivateChat => 0,
            Self::PublicChat => 50,
        }
    }

    /// Whether the first invited users are as powerful as the creator.
    pub(super) const fn trusts_invited(self) -> bool {
        matches!(self, Self::TrustedPrivateChat)
    }
}
