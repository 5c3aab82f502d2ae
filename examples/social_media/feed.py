"""Simulate a platform's feed on this machine: new entries of its communities, oldest first.

    python examples/social_media/feed.py [PORT]

``GET /new?after=ID&limit=N`` returns JSON Lines: at most N entries after the given one. The texts
are generated from word lists, so they have no authors.
"""

import json
import random
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

ENTRIES = 500
_BEGINNINGS = ["I cannot sleep because of", "So glad about", "No one helps me with", "Today I saw"]
_TOPICS = ["the rent", "my exam", "our garden", "the deadline", "my new job", "the noise"]
_COMMUNITIES = ["anxiety", "relationships", "gardening"]


def entries() -> list[dict]:
    """Generate the platform's entries, always the same; one in fifty was removed by its author."""
    chance = random.Random(7)
    return [
        {
            "id": f"t{number:06}",
            "author": f"user{chance.randrange(100)}",
            "community": chance.choice(_COMMUNITIES),
            "created_utc": 1_763_900_000 + 60 * number,
            "body": ""
            if number % 50 == 0
            else f"{chance.choice(_BEGINNINGS)} {chance.choice(_TOPICS)}.",
        }
        for number in range(1, ENTRIES + 1)
    ]


class Feed(BaseHTTPRequestHandler):
    """Serves the entries after a given one."""

    def do_GET(self) -> None:
        query = parse_qs(urlparse(self.path).query)
        after, limit = query.get("after", [""])[0], int(query.get("limit", ["100"])[0])
        page = [entry for entry in entries() if entry["id"] > after][:limit]
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        self.wfile.writelines(json.dumps(entry).encode() + b"\n" for entry in page)

    def log_message(self, *_: object) -> None:
        """Log no requests."""


def serve(port: int = 0) -> ThreadingHTTPServer:
    """Listen on localhost only, on the given port or any free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), Feed)


if __name__ == "__main__":
    server = serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
    print(f"http://127.0.0.1:{server.server_address[1]}/new")
    server.serve_forever()
