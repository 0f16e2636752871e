//! The program as its users meet it: started from a shell; judged by what it prints, what it writes
//! and how it exits. Ranks as threads need nothing; those under mpirun are left out of a build without MPI.

#[path = "../common/mod.rs"]
mod common;

mod acceptance;
mod bad_input;
mod checkpoint;
mod commands;
mod config;
mod convert;
mod files;
mod info;
mod json;
mod machine;
mod meshes;
mod mutants;
mod outputs;
mod partition;
mod reports;
mod reproducible;
mod solve;
mod support;
mod usage;
