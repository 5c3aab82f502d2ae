"""The operator's command, `stresswatch`."""

import csv

from stresswatch.streaming.put_records import MAXIMUM_RECORD_BYTES

# A text that is too long for a post is for the contract to judge, as one in a line of JSON is.
csv.field_size_limit(MAXIMUM_RECORD_BYTES)
