//! Tests of whole modelled tapes.
