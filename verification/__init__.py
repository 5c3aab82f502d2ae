"""Verification of the guarantees: fault injection, fuzzing, mutated rules, and AWS's rules."""
