//! The laws of push rules.
#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!` gives values, and a test reads better without `&`"
)]

mod evaluation;
mod globs;
mod oracle;
mod rule_sets;

use std::sync::{Arc, LazyLock};

use ruma::push::Ruleset;
use serde_json::{Value, json};

use super::*;
use crate::{
    Pdu,
    testing::{ALICE, BOB, CAROL, TestRoom, user},
};

/// What an event does for a user of the room, by these rules.
fn outcome(room: &TestRoom, rules: &CompiledRules, who: &str, pdu: Pdu) -> Arc<PushOutcome> {
    let context = PushContext {
        room: RoomContext {
            member_count: room.state.joined_count(),
            power_levels: room.state.power_levels(),
        },
        user: UserContext { user_id: user(who), display_name: Some("Bobby") },
    };
    rules.evaluate(&EventFacts::new(pdu), &context)
}

fn rules_of(who: &str, rules: Value) -> CompiledRules {
    CompiledRules::compile(&serde_json::from_value::<Ruleset>(rules).unwrap(), user(who))
}

/// A room of three.
fn room() -> TestRoom {
    static ROOM: LazyLock<TestRoom> = LazyLock::new(|| {
        let mut room = TestRoom::new("11");
        room.joins(BOB);
        room.joins(CAROL);
        room
    });
    ROOM.clone()
}
