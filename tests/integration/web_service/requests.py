"""Requests to the web service's function, and its answers."""

import json

import lambdas.api.handler as api
from stresswatch.contracts.labelled_posts import labelled_post_record
from stresswatch.contracts.posts import post_record
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, request

PROBLEM = "application/problem+json"
POSTS = [post_record(one.post) for one in make_posts(20, seed=41)]
LABELS = [labelled_post_record(one) for one in make_posts(5, seed=42)]


class Answer:
    def __init__(self, answer):
        self.status = answer["statusCode"]
        self.headers = {name.lower(): value for name, value in answer["headers"].items()}
        self.text = answer["body"]

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def reason(self):
        """The last part of a problem's type."""
        assert self.headers["content-type"] == PROBLEM
        assert self.body["status"] == self.status
        return self.body["type"].removeprefix("urn:stresswatch:problem:")


def ask(method, path, body=None, **how):
    return Answer(api.handler(request(method, path, body, **how), CONTEXT))


def post(path, value, **how):
    return ask("POST", path, json.dumps(value), **how)
