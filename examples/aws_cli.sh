#!/bin/sh
# Puts posts, one JSON object a line, on a stream with AWS's command line, version 1 or 2:
#
#   examples/aws_cli.sh STREAM < posts.jsonl
#
# One post a call, which takes a second or so: to try things out. It stops at the first failure.
# `read` fails at the end of the file, also where a post without a line break is before it.
set -eu
stream=$1
post=$(mktemp)
trap 'rm -f "$post"' EXIT
while IFS= read -r line || [ -n "$line" ]; do
    printf '%s' "$line" > "$post"
    # fileb:// sends the bytes as they are. A key of the content spreads posts over the shards.
    aws kinesis put-record --stream-name "$stream" --data "fileb://$post" \
        --partition-key "$(cksum < "$post" | tr -d ' ')" --query SequenceNumber --output text
done
