"""A Kinesis event source mapping, as on AWS."""
