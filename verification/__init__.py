"""Proof of the promises: faults, fuzzing, rules broken on purpose, and the rules of AWS."""
