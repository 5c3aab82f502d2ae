"""Run `npx`, and make CDK's own command deploy what the emulator supports.

Run ``python -m tests.e2e.npx NPX WORD...``. For `deploy --app FOLDER`, it copies the assembly,
rewrites the template as for the local stack, and zips the code of images: no container engine
has to build them. It passes everything else on unchanged.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from local.daemon import BUCKET
from local.endpoint import ACCOUNT, REGION, Endpoint
from local.template import deploy
from local.template.assembly import read_assembly


def for_the_emulator(app: Path, endpoint: Endpoint) -> Path:
    """Return a copy of an assembly, with the emulator's template and without images."""
    assembly = read_assembly(app, ACCOUNT, REGION)
    deployment = deploy.plan_deployment(assembly, BUCKET, endpoint.url)
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for (bucket, key), content in deployment.uploads.items():
        if bucket == BUCKET:
            s3.put_object(Bucket=bucket, Key=key, Body=content())
        else:  # of the bootstrap, whose policy denies calls without TLS
            s3.delete_bucket_policy(Bucket=bucket)
    copy = app.parent / "build" / "emulated"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(app, copy)
    (copy / f"{assembly.stack_name}.template.json").write_text(json.dumps(deployment.template))
    (manifest,) = copy.glob("*.assets.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"dockerImages": {}}))
    return copy


if __name__ == "__main__":
    npx, *words = sys.argv[1:]
    if "deploy" in words:
        place = words.index("--app") + 1
        endpoint = Endpoint(os.environ["AWS_ENDPOINT_URL"])
        words[place] = str(for_the_emulator(Path(words[place]), endpoint))
    os.execv(npx, [npx, *words])
