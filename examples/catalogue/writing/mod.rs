//! What is written from the contract of the API and the domain files: the JSON Schema of every stored form, and the part of
//! the contract that the domain files use. The tests include this module too, to hold the committed schemas to it.
#![allow(dead_code, reason = "the tool and the tests each use their part of it")]

pub(crate) mod asks;
pub(crate) mod contract;
pub(crate) mod domain_file;
pub(crate) mod node;
pub(crate) mod reduced;
pub(crate) mod schema;
pub(crate) mod treatment;
