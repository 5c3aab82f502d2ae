import io
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.model.artefact import Artefact
from stresswatch.model.artefact_file import FORMAT, MAXIMUM_ARTEFACT_BYTES, CorruptArtefact
from stresswatch.model.sklearn_export import PARITY, NotExportable, export_pipeline, prove_parity
from stresswatch.text.normalisation import MAXIMUM_TEXT_LENGTH, normalise
from training_jobs.model.dataset import frame
from training_jobs.model.fitting import Hyperparameters, fit_pipeline


def fit(posts, **hyperparameters):
    return fit_pipeline(posts, Hyperparameters(**hyperparameters))


@pytest.fixture(scope="module")
def pipeline(labelled_posts):
    return fit(labelled_posts)


@pytest.fixture(scope="module")
def artefact(pipeline):
    return Artefact.from_bytes(export_pipeline(pipeline).to_bytes())


def numbers_of(posts):
    return np.array([post.post.numbers for post in posts])


def texts_of(posts):
    return [post.post.text for post in posts]


def test_the_artefact_scores_as_the_pipeline_does(artefact, pipeline, labelled_posts):
    assert prove_parity(artefact, pipeline, frame(labelled_posts)) <= PARITY


@pytest.mark.parametrize("k", [1, 3])
def test_unselected_numeric_features_have_zero_weight(labelled_posts, k):
    pipeline = fit(labelled_posts, k=k)
    artefact = export_pipeline(pipeline)
    assert np.count_nonzero(artefact.number_weight) == k
    assert prove_parity(artefact, pipeline, frame(labelled_posts)) <= PARITY


NUMBER = st.floats(-1e6, 1e6) | st.just(float("nan"))
# Words of the vocabulary among arbitrary Unicode, so that known pairs and repetitions occur.
TEXT = st.lists(
    st.sampled_from(["panic", "Sleep", "WORK", "feel", "really", ".", "\n", "İstanbul", "ﬁ"])
    | st.text(max_size=8),
    min_size=1,
    max_size=30,
).map(" ".join)


@given(st.lists(st.tuples(TEXT, st.tuples(*[NUMBER] * 5)), min_size=1, max_size=5))
def test_parity_holds_for_any_text_and_numeric_features(artefact, pipeline, posts):
    table = pd.DataFrame(
        [(text, *numbers) for text, numbers in posts], columns=["text", *NUMERIC_FEATURES]
    )
    ours = artefact.score([text for text, _ in posts], table[list(NUMERIC_FEATURES)].to_numpy())
    assert np.abs(ours.probability - pipeline.predict_proba(table)[:, 1]).max() <= PARITY


def test_a_post_scores_bit_for_bit_the_same_in_any_batch(artefact, labelled_posts):
    texts, numbers = texts_of(labelled_posts), numbers_of(labelled_posts)
    together = artefact.score(texts, numbers)
    backwards = artefact.score(texts[::-1], numbers[::-1])
    alone = [artefact.score([text], row[None]) for text, row in zip(texts, numbers, strict=True)]
    assert together.probability.tolist() == backwards.probability[::-1].tolist()
    many = artefact.score(texts * 3, np.tile(numbers, (3, 1)))
    assert many.probability.tolist() == together.probability.tolist() * 3
    assert together.probability.tolist() == [float(score.probability[0]) for score in alone]


def test_straight_and_curly_apostrophes_score_the_same(artefact):
    straight, curly = artefact.score(["I don't sleep", "I don\u2019t sleep"], np.zeros((2, 5)))[0]
    assert straight == curly


def test_extreme_numeric_values_are_clipped(artefact):
    far, farther = artefact.score(["panic"] * 2, np.full((2, 5), [[1e4], [1e300]]))[0]
    assert far == farther


def test_an_empty_batch_gives_empty_scores(artefact):
    scores = artefact.score([], np.empty((0, 5)))
    assert scores.probability.shape == scores.out_of_vocabulary.shape == (0,)


def test_a_text_without_words_is_scored_on_its_numeric_features(artefact, pipeline):
    table = pd.DataFrame([("!!", 10.0, 9.0, 8.0, 7.0, 0.0)], columns=["text", *NUMERIC_FEATURES])
    assert prove_parity(artefact, pipeline, table) <= PARITY


def test_the_longest_text_of_one_repeated_word_is_scored(artefact, pipeline):
    text = ("feel " * MAXIMUM_TEXT_LENGTH)[:MAXIMUM_TEXT_LENGTH]
    table = pd.DataFrame([(text, *[np.nan] * 5)], columns=["text", *NUMERIC_FEATURES])
    assert prove_parity(artefact, pipeline, table) <= PARITY


FULL_WIDTH = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}


@pytest.mark.parametrize("sign", ["\u2a74", "\u33c2", "\ufdfa", "&#x2a74;"])
def test_a_long_text_of_expanding_characters_keeps_parity(artefact, pipeline, sign):
    text = (sign * MAXIMUM_TEXT_LENGTH)[:MAXIMUM_TEXT_LENGTH]
    table = pd.DataFrame([(text, *[np.nan] * 5)], columns=["text", *NUMERIC_FEATURES])
    assert prove_parity(artefact, pipeline, table) <= PARITY


@pytest.mark.parametrize(
    "text",
    [
        "I don&#39;t &amp; can\N{RIGHT SINGLE QUOTATION MARK}t sleep\N{HORIZONTAL ELLIPSIS}",
        "panic\N{IDEOGRAPHIC SPACE}at\N{NO-BREAK SPACE}work!".translate(FULL_WIDTH),
        "pan\N{SOFT HYPHEN}ic&#x200B; sle\N{ZERO WIDTH SPACE}ep &amp;#x200B;",
    ],
)
def test_a_text_scores_like_its_normalised_form(artefact, pipeline, text):
    both = [text, normalise(text)]
    table = pd.DataFrame(
        [(each, *[np.nan] * 5) for each in both], columns=["text", *NUMERIC_FEATURES]
    )
    assert prove_parity(artefact, pipeline, table) <= PARITY
    first, second = artefact.score(both, np.full((2, 5), np.nan)).probability
    assert first == second


def test_an_older_format_is_rejected_with_advice_to_train_again(artefact):
    with np.load(io.BytesIO(artefact.to_bytes())) as arrays:
        before = dict(arrays) | {"format": np.array(FORMAT - 1)}
    file = io.BytesIO()
    np.savez(file, **before)
    with pytest.raises(
        CorruptArtefact, match=f"format is {FORMAT - 1}, .* reads {FORMAT}: .* train"
    ):
        Artefact.from_bytes(file.getvalue())


def test_the_share_of_unknown_words_is_counted(artefact):
    scores = artefact.score(["panic zzzz sleep qqqq", "\N{GRINNING FACE}"], np.zeros((2, 5)))
    assert scores.out_of_vocabulary.tolist() == [0.5, 0.0]


def test_scores_include_sentiment_and_word_rarity(artefact):
    alone = {
        artefact.words[word]: idf
        for word, second, idf in zip(artefact.first, artefact.second, artefact.idf, strict=True)
        if second < 0
    }
    texts = ["panic sleep zzzz", "awful", "wonderful", "\N{GRINNING FACE}"]
    scores = artefact.score(texts, np.zeros((4, 5)))
    assert scores.word_rarity[0] == pytest.approx((alone["panic"] + alone["sleep"]) / 2)
    assert scores.word_rarity[3] == 0
    assert scores.sentiment[1] < scores.sentiment[3] == 0 < scores.sentiment[2]


def test_the_same_model_gives_the_same_bytes(labelled_posts):
    first, second = (export_pipeline(fit(labelled_posts)).to_bytes() for _ in range(2))
    assert first == second


def test_a_pipeline_with_an_unsupported_setting_is_rejected(labelled_posts):
    changed = {"features__terms__sublinear_tf": False}
    pipeline = fit_pipeline(labelled_posts, Hyperparameters(), **changed)
    with pytest.raises(NotExportable, match="sublinear_tf=False"):
        export_pipeline(pipeline)


def test_an_artefact_that_differs_from_the_pipeline_is_rejected(artefact, pipeline, labelled_posts):
    other = fit(labelled_posts[:200])
    with pytest.raises(NotExportable, match="differs from the pipeline"):
        prove_parity(artefact, other, frame(labelled_posts))


def rewrite(data: bytes, name: str, array: np.ndarray | None) -> bytes:
    with np.load(io.BytesIO(data)) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays.pop(name, None)
    if array is not None:
        arrays[name] = array
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("idf", None),
        ("idf", np.array([1.0])),
        ("idf", np.array(["a"])),
        ("weight", np.array([object()], dtype=object)),
        ("format", np.array(99)),
        ("intercept", np.array(float("nan"))),
        ("scale", np.zeros(5)),
        ("first", np.array([10**9])),
        ("words", np.array([255], dtype=np.uint8)),
        ("numeric_features", np.frombuffer(b"one\nfor\nfive", dtype=np.uint8)),
        ("numeric_features", np.frombuffer(b"a\nb\nc\nd\na", dtype=np.uint8)),
        ("surplus", np.array([1])),
    ],
)
def test_an_artefact_with_an_invalid_array_is_rejected(artefact, name, array):
    with pytest.raises(CorruptArtefact):
        Artefact.from_bytes(rewrite(artefact.to_bytes(), name, array))


def test_an_artefact_truncated_anywhere_is_rejected(artefact):
    data = artefact.to_bytes()
    for length in range(0, len(data), max(1, len(data) // 50)):
        with pytest.raises(CorruptArtefact):
            Artefact.from_bytes(data[:length])


def with_member(data: bytes, name: str, content: bytes) -> bytes:
    """Return the artefact with other bytes in place of one array's file."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.namelist():
            target.writestr(member, content if member == name else source.read(member))
    return buffer.getvalue()


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + content


def header(shape: str, dtype: str = "<f8") -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n"


HOSTILE = {
    "a zip bomb": bytes(MAXIMUM_ARTEFACT_BYTES),
    "an array larger than all memory": npy(header(f"({10**15},)")),
    "an array larger than its file": npy(header("(100000000,)"), bytes(80)),
    "a product that overflows": npy(header(f"({2**40}, {2**40})"), bytes(8)),
    "a negative length": npy(header("(-1,)"), bytes(8)),
    "elements without size": npy(header("(10,)", "|S0")),
    "pickled objects": npy(header("(1,)", "|O"), b"cos\nsystem\n(S'true'\ntR."),
    "a header that is code": npy("__import__('os').getpid()\n"),
    "a header that nests deeply": npy("(" * 9_000),
    "another version of the format": npy(header("(1,)"), bytes(8), version=b"\x09\x09"),
    "nothing": b"",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("name", ["idf.npy", "words.npy"])
def test_a_hostile_array_raises_corrupt_artefact(artefact, name, content):
    with pytest.raises(CorruptArtefact):
        Artefact.from_bytes(with_member(artefact.to_bytes(), name, content))


def test_an_artefact_with_altered_bytes_scores_or_is_rejected(artefact):
    data = artefact.to_bytes()
    chance = random.Random(3)
    refused = 0
    for _ in range(500):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 8))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            scores = Artefact.from_bytes(bytes(changed)).score(["panic"], np.zeros((1, 5)))
        except CorruptArtefact:
            refused += 1
        else:
            assert 0 <= scores.probability[0] <= 1
    assert refused > 400


MEASURE = """
import sys
from stresswatch.model.artefact import Artefact
from stresswatch.model.artefact_file import CorruptArtefact
def peak(): return next(int(l.split()[1]) for l in open("/proc/self/status") if "VmHWM" in l)
data = sys.stdin.buffer.read()
before = peak()
try:
    Artefact.from_bytes(data)
except CorruptArtefact as error:
    print((peak() - before) // 1024, error)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("idf.npy", bytes(4 * MAXIMUM_ARTEFACT_BYTES), "unpacks to over"),
        ("idf.npy", npy(header("(1000000000,)")), "as large as its header says"),
        # Fits, and has a word for each byte.
        ("words.npy", npy(header(f"({15 * 2**20},)", "|u1"), b"\n" * (15 * 2**20)), "words"),
    ],
    ids=["a zip bomb", "a lying header", "empty words"],
)
def test_rejected_input_uses_little_memory(artefact, name, content, message):
    hostile = with_member(artefact.to_bytes(), name, content)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], input=hostile, capture_output=True, check=True
    )
    megabytes, _, error = done.stdout.decode().partition(" ")
    assert message in error
    assert int(megabytes) < 64


def test_an_oversized_file_is_rejected(artefact):
    with pytest.raises(CorruptArtefact, match="over"):
        Artefact.from_bytes(artefact.to_bytes() + bytes(MAXIMUM_ARTEFACT_BYTES))


def test_a_zip_bomb_is_rejected_before_it_is_unpacked(artefact):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(artefact.to_bytes())) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, bytes(MAXIMUM_ARTEFACT_BYTES) if name == "idf.npy" else content)
    with pytest.raises(CorruptArtefact, match="unpacks to over"):
        Artefact.from_bytes(buffer.getvalue())
