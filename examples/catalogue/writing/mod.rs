//! What is written from the contract of the API and the domain files: the JSON Schema of every stored form, and the part of
//! the contract that the domain files use. The tests include this module too, to hold the committed schemas to it.
#![allow(dead_code, unreachable_pub, reason = "the tool and the tests each use their part of it")]

pub mod contract;
pub mod domain_file;
pub mod node;
pub mod reduced;
pub mod schema;
pub mod treatment;
