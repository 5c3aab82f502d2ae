from stresswatch.splits import EVALUATION_SHARE, is_evaluation_post


def test_about_the_stated_share_of_posts_is_for_evaluation():
    count = sum(is_evaluation_post(f"post-{number}") for number in range(10_000))
    assert abs(count / 10_000 - EVALUATION_SHARE) < 0.02


def test_the_split_never_moves():
    # A change here would let models be measured on posts that their parents were trained on.
    evaluation = [name for name in map(str, range(30)) if is_evaluation_post(name)]
    assert evaluation == FROZEN


FROZEN = ["8", "9"]
