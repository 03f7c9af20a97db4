//! The behaviour of dogi-url, by subject.

mod amounts;
mod arbitrary;
mod bad_input;
mod bad_repos;
mod body;
mod forgery;
mod instances;
mod messages;
mod repos;
mod requests;
mod roundtrip;
mod signatures;
mod support;
mod values;
