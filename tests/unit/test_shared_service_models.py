"""Botocore's models are listed and parsed once for all sessions of the tests."""

import os

import boto3
from botocore.loaders import JSONFileLoader


def test_a_second_session_reuses_the_loaded_models(monkeypatch):
    read, listed, list_folder = [], [], os.listdir

    def read_file(loader, path, open_method):
        read.append(path)

    def look(folder):
        listed.append(folder)
        return list_folder(folder)

    boto3.Session().client("ssm")
    monkeypatch.setattr(JSONFileLoader, "_load_file", read_file)
    monkeypatch.setattr(os, "listdir", look)
    boto3.Session().client("ssm")
    assert not read
    assert len(listed) < 10, "the folders of all services"
