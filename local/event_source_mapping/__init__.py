"""The event source mapping of a Kinesis stream, as AWS runs it."""
