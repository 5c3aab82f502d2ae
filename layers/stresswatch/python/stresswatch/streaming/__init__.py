"""Kinesis: event records, and writes with partial failures."""
