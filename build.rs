//! Has the crate compiled anew when a file under `schemas/` comes or goes: what is compiled in is a folder, and the compiler
//! only watches the files that were in it the last time.

fn main() {
    println!("cargo::rerun-if-changed=schemas");
}
