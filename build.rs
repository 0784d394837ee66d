//! Has the crate compiled anew when a file under `schemas/`, or a fixture of the audits, comes or goes: what is compiled in is a
//! folder, and the compiler only watches the files that were in it the last time.

fn main() {
    println!("cargo::rerun-if-changed=schemas");
    println!("cargo::rerun-if-changed=tests/fixtures/audit");
}
