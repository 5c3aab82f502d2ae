"""Put posts, one JSON object per line, on a stream with boto3 alone.

    python examples/boto3_posts.py STREAM < posts.jsonl

`PutRecords` can succeed as a request and still refuse some records. Only those are sent again.
`stresswatch.producer` does this and more.
"""

import hashlib
import itertools
import random
import sys
import time

import boto3

RECORDS_A_REQUEST = 500
ATTEMPTS = 8


def main() -> int:
    kinesis = boto3.client("kinesis")
    lines = (line.strip() for line in sys.stdin.buffer)
    posts = (line for line in lines if line)
    while batch := list(itertools.islice(posts, RECORDS_A_REQUEST)):
        refused = put(kinesis, sys.argv[1], batch)
        if refused:
            # Print what was not sent, for a later attempt, and stop reading.
            sys.stdout.buffer.writelines(post + b"\n" for post in [*refused, *posts])
            print("The stream refuses posts; the unsent ones are printed above.", file=sys.stderr)
            return 1
    return 0


def put(kinesis, stream: str, posts: list[bytes]) -> list[bytes]:
    """Put posts on a stream; return those refused in the last attempt."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, 0.1 * 2 ** (attempt - 1)))
        answer = kinesis.put_records(
            StreamName=stream,
            Records=[
                {"Data": post, "PartitionKey": hashlib.sha256(post).hexdigest()} for post in posts
            ],
        )
        results = zip(posts, answer["Records"], strict=True)
        posts = [post for post, result in results if "ErrorCode" in result]
        if not posts:
            break
    return posts


if __name__ == "__main__":
    sys.exit(main())
