//! What the checks on receipt made of an event. One enum, so that "rejected", "soft-failed" and "outlier" never blur.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu>

/// The standing of an event in its room. Stored in the log as [`PduStanding::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PduStanding {
    /// Passed every check: part of the timeline, and of the state if it is a state event.
    Accepted,
    /// Allowed by the state before it but not by the current state: kept and usable as a `prev_event`, never shown to
    /// clients, never a forward extremity.
    SoftFailed,
    /// Refused by its auth events or by the state before it: kept so that it is known, in no state, citing it in
    /// `auth_events` is a reason to reject.
    Rejected,
    /// Known only as part of an auth chain or of a state: it has no place in the timeline.
    Outlier,
}

impl PduStanding {
    /// The stored form.
    pub const fn code(self) -> i8 {
        match self {
            Self::Accepted => 0,
            Self::SoftFailed => 1,
            Self::Rejected => 2,
            Self::Outlier => 3,
        }
    }

    /// From the stored form; `None` if no standing has this code.
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Accepted),
            1 => Some(Self::SoftFailed),
            2 => Some(Self::Rejected),
            3 => Some(Self::Outlier),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_survives_its_code_and_no_other_code_is_one() {
        for code in i8::MIN..=i8::MAX {
            match PduStanding::from_code(code) {
                Some(standing) => assert_eq!(standing.code(), code),
                None => assert!(!(0..=3).contains(&code)),
            }
        }
    }
}
