//! Metrics of the store.
