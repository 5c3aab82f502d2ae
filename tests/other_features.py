"""Model versions from a time when posts had other numeric features."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pandas as pd

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.model.artefact import Artefact
from stresswatch.versions.model_version import (
    MANIFEST_FILE,
    MODEL_FILE,
    REFERENCE_FILE,
    Manifest,
    sha256,
)

REMOVED, ADDED = "stars", NUMERIC_FEATURES[0]
OTHER_FEATURES = (REMOVED, *NUMERIC_FEATURES[1:])


def with_other_features(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return a version's files as if it had been trained for `OTHER_FEATURES`."""
    artefact = replace(Artefact.from_bytes(files[MODEL_FILE]), numeric_features=OTHER_FEATURES)
    reference = pd.read_parquet(io.BytesIO(files[REFERENCE_FILE]))
    content = reference.rename(columns={ADDED: REMOVED}).to_parquet(index=False)
    changed = files | {MODEL_FILE: artefact.to_bytes(), REFERENCE_FILE: content}
    digests = {
        name: sha256(changed[name]) for name in Manifest.from_bytes(files[MANIFEST_FILE]).files
    }
    return with_manifest(changed, numeric_features=OTHER_FEATURES, files=digests)


def with_manifest(version: dict[str, bytes], /, **changes: Any) -> dict[str, bytes]:
    """Return a version's files with other fields in the manifest."""
    manifest = replace(Manifest.from_bytes(version[MANIFEST_FILE]), **changes)
    return version | {MANIFEST_FILE: manifest.to_bytes()}


def predicting(label: str, version: dict[str, bytes]) -> dict[str, bytes]:
    """Return a version's files as if it had been trained to predict another label."""
    artefact = replace(Artefact.from_bytes(version[MODEL_FILE]), predicts=label)
    return with_manifest(version | {MODEL_FILE: artefact.to_bytes()}, predicts=label)
