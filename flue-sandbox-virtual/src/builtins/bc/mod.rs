//! `bc`: arithmetic to any precision. The engine's own computes in floating
//! point and drops fractions (`1.5+2.25` is 3 to it).
