//! The `orgtrail` command.
fn main() {}
