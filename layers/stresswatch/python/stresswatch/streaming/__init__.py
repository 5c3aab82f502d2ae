"""Kinesis: the envelope that records come in, and writing that takes refusals."""
