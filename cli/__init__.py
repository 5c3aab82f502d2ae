"""The operator's command, `stresswatch`."""

import csv

from stresswatch.streaming.put_records import MAXIMUM_RECORD_BYTES

# The contract judges texts that are too long for a post, as it does in JSON Lines.
csv.field_size_limit(MAXIMUM_RECORD_BYTES)
