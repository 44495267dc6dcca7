//! What a scene found.

/// The laws of a scene, each kept or broken.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What happened, for whoever reads along.
    pub story: Vec<String>,
    /// What must not have happened.
    pub faults: Vec<String>,
}

impl Outcome {
    /// Tells what happened.
    pub fn tells(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    /// A law: `what` is a fault unless it holds.
    pub fn law(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(what());
        }
    }
}
