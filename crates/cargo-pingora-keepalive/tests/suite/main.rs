//! The program as its users see it: run as a process, on small projects made in temporary folders,
//! with `.crate` files made on the fly in a cargo home of their own. Nothing here needs a network.

mod adopter;
mod adopting;
mod checking;
mod downloading;
mod exporting;
mod exporting_one;
mod exporting_onto;
mod fixture;
mod materializing;
mod refreshing;
mod refusing;
mod removing;
mod verifying;
