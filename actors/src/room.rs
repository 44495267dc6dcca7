//! The room: one actor, the single writer of one log.
//!
//! | File | Holds |
//! |---|---|
//! | `machine` | [`Room`](machine::Room): the pure state machine; validates and applies, no I/O |
//! | `send`, `membership`, `create`, `receipt`, `typing` | the verbs of the machine |
//! | `import`, `outside` | rooms of other servers: taking one in by a join, and memberships in those that we are not in |
//! | `actor` | the ractor shell: one commit in flight, dies on a refused or unknown one (**I4**) |
//! | `commit` | what a commit writes: the append and its projections |
//! | `trailing` | projections that follow the answer, on a store that cannot write them with the append |
//! | `load`, `replay` | activation: from the log to the machine, and what a crash left undone |
//! | `settlement` | commits of unknown outcome |
//! | `view` | what everyone else sees: an immutable snapshot after each commit |
//! | `census` | numbers over all active rooms, for metrics |
//! | `handle` | the address: admission, deadline, retries |
//! | `directory` | finds or starts the actor of a room; passivation and quarantine |

pub mod actor;
mod census;
pub mod commit;
pub mod create;
pub mod directory;
pub mod error;
pub mod event;
pub mod handle;
pub mod import;
pub mod load;
pub mod machine;
pub mod membership;
pub mod message;
pub mod outside;
pub mod receipt;
pub mod replay;
pub mod send;
pub mod settlement;
mod trailing;
pub mod typing;
pub mod view;

pub use directory::Rooms;
pub use error::RoomError;
pub use event::{RoomEvent, StateDelta};
pub use handle::RoomHandle;
pub use view::RoomView;
