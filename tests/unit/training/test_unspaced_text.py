"""Text without spaces between words: a model learns from it, and serving reads the same terms."""

import random
from dataclasses import replace

import pytest

from stresswatch.evaluation.metrics import measure
from stresswatch.model.sklearn_export import export_pipeline, prove_parity
from stresswatch.task.definition import TASK
from tests.conftest import make_posts
from tests.unit.training.container import files_of, lines, put_posts, run
from training_jobs.model import card, fitting, search, train
from training_jobs.model.dataset import frame, labels_of
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

SENTENCES = {
    "chinese": (
        ("我今天压力很大", "我感到非常焦虑", "我晚上睡不着觉"),
        ("我今天过得很开心", "我感到非常轻松", "我晚上睡得很好"),
        ("早上去公司上班", "下午和朋友见面", "晚上在家吃饭", "昨天看了一本书"),
        "\N{FULLWIDTH EXCLAMATION MARK}",
    ),
    "japanese": (
        ("もう限界だと思う", "不安で眠れない", "ストレスがひどい"),
        ("とても楽しかった", "ぐっすり眠れた", "気分がいい"),
        ("朝は会社に行った", "友達とｶﾌｪで会った", "家でご飯を食べた", "本を読んだ"),
        "。",
    ),
    "thai": (
        ("ฉันเครียดมาก", "ฉันกังวลจนนอนไม่หลับ"),
        ("วันนี้มีความสุข", "ฉันสบายใจดี"),
        ("ไปทำงานตอนเช้า", "กินข้าวกับเพื่อน", "อ่านหนังสือที่บ้าน"),
        " ",
    ),
}


def posts_in(language, count, seed):
    """Posts without numeric features, with sentences that a tenth of the labels contradict."""
    stressed, calm, both, end = SENTENCES[language]
    chance = random.Random(seed)
    posts = []
    for place, one in enumerate(make_posts(count, seed)):
        shown = one.label if chance.random() < 0.9 else 1 - one.label
        said = [*chance.choices(both, k=3), chance.choice(stressed if shown else calm)]
        chance.shuffle(said)
        text = end.join(said) + f"{end}{place}"
        numbers = tuple(float("nan") for _ in one.post.numbers)
        posts.append(replace(one, post=one.post._replace(text=text, numbers=numbers)))
    return posts


@pytest.mark.parametrize("language", SENTENCES)
def test_unspaced_text_is_learned_and_served_alike(language):
    learned, others = posts_in(language, 300, seed=1), posts_in(language, 200, seed=2)
    pipeline = fit_pipeline(learned, Hyperparameters())
    assert prove_parity(export_pipeline(pipeline), pipeline, frame(others)) <= 1e-9
    probability = pipeline.predict_proba(frame(others))[:, 1]
    assert measure(labels_of(others), probability).roc_auc > 0.8


def test_a_task_without_lexicons_is_noted_in_log_and_card(
    container, labelled_posts, monkeypatch, caplog
):
    other = TASK._replace(text=TASK.text._replace(language="ja", lexicons=()))
    for module in (train, card, fitting, search):
        monkeypatch.setattr(module, "TASK", other)
    put_posts(container, lines(labelled_posts))
    with caplog.at_level("INFO"):
        assert run(container) == 0
    assert "the task has no lexicons" in caplog.text
    assert "It has no lexicon" in files_of(container)["model_card.md"].decode()
