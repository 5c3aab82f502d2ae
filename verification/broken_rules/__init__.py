"""Mutation tests: rules broken on purpose, for tests to detect."""
