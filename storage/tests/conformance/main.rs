//! The one conformance suite: every back end keeps the same laws.
//!
//! A back end joins with a [`bench::Subject`] and a test below. The laws are in the files named for what they are
//! about; `model.rs` compares long random histories with a naive model.

#![allow(clippy::unwrap_used)]

mod appends;
mod bench;
mod claims;
mod cluster;
mod expiry;
mod model;
mod partitions;
mod rows;
mod slices;
mod stamps;
mod vocabulary;

use bench::{Embedded, Memory, Subject};
use cluster::Cluster;

#[test]
fn memory_keeps_every_law() {
    keeps_every_law(&Memory);
}

#[test]
fn embedded_store_keeps_every_law() {
    keeps_every_law(&Embedded);
}

#[test]
fn memory_agrees_with_the_model() {
    model::agrees(&Memory, 96);
}

#[test]
fn embedded_store_agrees_with_the_model() {
    model::agrees(&Embedded, 48);
}

#[test]
fn cql_cluster_keeps_every_law_and_agrees_with_the_model() {
    let Some(cluster) = Cluster::from_environment() else {
        return eprintln!("not tried on CQL: {} names no server", cluster::SERVER);
    };
    keeps_every_law(&cluster);
    model::agrees(&cluster, 24);
}

fn keeps_every_law(subject: &impl Subject) {
    let laws =
        [rows::LAWS, slices::LAWS, stamps::LAWS, expiry::LAWS, appends::LAWS, claims::LAWS, partitions::LAWS];
    for (name, law) in laws.into_iter().flatten() {
        println!("law: {name}");
        bench::block_on(async {
            let bench = subject.open().await;
            let _home = bench.home.clone();
            law(bench).await;
        });
    }
}
