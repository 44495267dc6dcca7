//! A play that holds a server to its word while something goes wrong: several users act in one room and write down
//! what they asked for and what was acknowledged; afterwards nothing may be lost or doubled, and every sync token from
//! before must still be good.

mod check;
mod ledger;
mod reader;
mod theater;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::check::{everything, settle, whole_log};
pub use self::reader::Reader;
pub use self::theater::Theater;
pub use self::worker::Worker;

/// Ends a scene. Clones are the same curtain.
#[derive(Clone, Debug, Default)]
pub struct Curtain(Arc<AtomicBool>);

impl Curtain {
    /// Ends the scene: everybody finishes the request at hand.
    pub fn falls(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the scene is over.
    pub fn has_fallen(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
