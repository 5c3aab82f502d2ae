"""Play the scene of the documentation's pictures: ``python -m docs.scene [MINUTES]``.

A new local stack in this folder plays the demo's scenario. Then posts are streamed for a number of
minutes, labelled and measured, so that the graphs have a history. The stack keeps running.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import local
from cli.console import console, errors_in_a_sentence
from cli.data import load_posts
from cli.demo.posts import DemoPosts, split_posts
from cli.demo.scenario import CHANGED, Scenario
from cli.demo.summary import Summary
from cli.demo.terminal import View
from cli.deployment.client import DeploymentClient, payload
from cli.deployment.consumer import Consumer
from cli.deployment.synthesis import synthesize
from cli.deployment.target import (
    APP_DIRECTORY,
    LOCAL_DIRECTORY,
    local_tracking_uri,
    of_local_stack,
)
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.task.definition import TASK

_MINUTES = 40
_POSTS_A_MINUTE = 50
_MINUTES_A_WINDOW = 6
"""Enough for a measurement of drift."""


def play() -> tuple[DeploymentClient, DemoPosts]:
    """Deploy a stack, and play the demo's scenario on it.

    Raises
    ------
    OperatorError, local.LocalStackError
    """
    data = load_posts()
    posts = split_posts(data.posts, data.newcomers)
    with View(console, TASK.title) as view:
        stack = local.up(
            LOCAL_DIRECTORY,
            template_directory=synthesize(APP_DIRECTORY, changed=CHANGED),
            on_progress=lambda _: None,
            tracking_uri=local_tracking_uri(),
        )
        target = of_local_stack(stack)
        deployment = DeploymentClient(target)
        summary = Summary(TASK.name, data.name)
        Scenario(deployment, Consumer(target), posts, view, summary).play()
    return deployment, posts


def stream(
    deployment: DeploymentClient,
    posts: list[LabelledPost],
    minutes: int,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Stream posts every minute, under new ids; label and measure each window."""
    begin, window = datetime.now(UTC), list[LabelledPost]()
    for minute in range(1, minutes + 1):
        for one in random.sample(posts, _POSTS_A_MINUTE):
            post = one.post._replace(post_id=f"{one.post.post_id}-{minute}")
            window.append(replace(one, post=post))
        deployment.send([payload(one) for one in window[-_POSTS_A_MINUTE:]])
        sleep(60)
        if minute % _MINUTES_A_WINDOW == 0:
            deployment.label(window)
            end = datetime.now(UTC)
            deployment.measure(begin, end)
            begin, window = end, []


def main() -> None:
    """Play the scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=int, nargs="?", default=_MINUTES)
    minutes = parser.parse_args().minutes
    with errors_in_a_sentence():
        deployment, posts = play()
        stream(deployment, [*posts.quiet[0], *posts.quiet[1], *posts.held_out], minutes)


if __name__ == "__main__":
    main()
