//! What is measured. One file, one scenario.

mod audience;
mod chatter;
mod first_sync;
mod idle;
mod register;
mod send;

use clap::ValueEnum;

use crate::Options;
use crate::measure::Measurement;
use crate::subject::Subject;

/// The scenarios, in the order in which they are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The empty server, before anything happened.
    Idle,
    /// Registration and login.
    Register,
    /// One room, one sender.
    Send1,
    /// One room, ten senders.
    Send10,
    /// A hundred rooms of ten, all of them reading.
    Chatter,
    /// One room with 500 who read.
    Audience,
    /// First syncs of users with many large rooms.
    FirstSync,
}

impl Scenario {
    /// Plays it.
    pub async fn plays(self, subject: &mut Subject, options: &Options) -> Vec<Measurement> {
        match self {
            Self::Idle => idle::plays(subject).await,
            Self::Register => register::plays(subject, options.size).await,
            Self::Send1 => send::plays(subject, 1, options.size).await,
            Self::Send10 => send::plays(subject, 10, options.size).await,
            Self::Chatter => chatter::plays(subject, options).await,
            Self::Audience => audience::plays(subject, options.size).await,
            Self::FirstSync => first_sync::plays(subject, options.size).await,
        }
    }
}
