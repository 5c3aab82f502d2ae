"""Read a platform's feed and put new posts on the posts stream.

    python examples/social_media/source.py --feed http://127.0.0.1:8080/new --stream STREAM

The cursor, the id of the last entry on the stream, is kept in a file. It advances only after the
stream has accepted every earlier post. So you can stop this program at any time without losing a
post; posts sent since the last advance are sent again. It ends when the feed has no new entries, or
with `--follow` polls again every few seconds.

It forwards only the fields of the contract. The author is left out, because nothing here needs it.
"""

import argparse
import json
import sys
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import boto3

from stresswatch.contracts.posts import InvalidPost
from stresswatch.producer import Producer

PAGE = 100
PAUSE_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--feed", required=True)
    parser.add_argument("--stream", required=True)
    parser.add_argument("--cursor", type=Path, default=Path("feed.cursor"))
    parser.add_argument("--follow", action="store_true")
    arguments = parser.parse_args()
    with Producer(boto3.client("kinesis"), arguments.stream) as producer:
        while True:
            while entries := read(arguments.feed, cursor(arguments.cursor)):
                put(producer, entries)
                move(arguments.cursor, entries[-1]["id"])
            if not arguments.follow:
                break
            time.sleep(PAUSE_SECONDS)
    print(f"{producer.metrics().taken:,} posts are on the stream.")


def read(feed: str, after: str) -> list[dict]:
    query = urllib.parse.urlencode({"after": after, "limit": PAGE})
    with urllib.request.urlopen(f"{feed}?{query}", timeout=30) as answer:
        return [json.loads(line) for line in answer]


def put(producer: Producer, entries: list[dict]) -> None:
    """Put a page, and wait until the stream has it; report and skip invalid posts."""
    futures = []
    for entry in entries:
        try:
            futures.append(producer.put(as_post(entry)))
        except InvalidPost as error:
            print(f"{entry['id']} is not a valid post: {error.detail}", file=sys.stderr)
    producer.flush()
    for future in futures:
        future.result()  # raises NotTaken, and the cursor stays where it is


def as_post(entry: dict) -> dict:
    return {
        "post_id": entry["id"],
        "text": entry["body"],
        "source": entry["community"],
        "created_at": datetime.fromtimestamp(entry["created_utc"], UTC).isoformat(),
    }


def cursor(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def move(file: Path, to: str) -> None:
    """Replace the cursor atomically, so that it is never half written."""
    new = file.with_suffix(".new")
    new.write_text(to)
    new.replace(file)


if __name__ == "__main__":
    main()
