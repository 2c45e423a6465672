//! The faults, each of which must do no harm.

mod cut;
mod drained;
mod dropped;
mod frozen;
mod given_up;
mod killed;
mod outages;
mod past;
mod points;
mod rebuilt;
mod shapes;
mod skewed;
mod spooled;
mod steady;
mod together;
mod unheard;
