"""Botocore's models are parsed once for all sessions of the tests."""

import boto3
from botocore.loaders import JSONFileLoader


def test_another_session_parses_no_model_again(monkeypatch):
    read = []

    def read_file(loader, path, open_method):
        read.append(path)

    boto3.Session().client("ssm")
    monkeypatch.setattr(JSONFileLoader, "_load_file", read_file)
    boto3.Session().client("ssm")
    assert read == []
