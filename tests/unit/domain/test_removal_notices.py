import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.posts import TEXT_REMOVED, InvalidPost, read_post
from stresswatch.text.normalisation import canonical
from stresswatch.text.removal_notices import FIRST_LETTERS, is_removal_notice

NOTICES = [
    "[removed]",
    "[deleted]",
    "[ Removed by Reddit ]",
    "[ Removed by reddit on account of violating the content policy. ]",
    "[ Removed by Reddit on account of violating the [content policy](/help/contentpolicy). ]",
    "[ Removed by reddit in response to a copyright notice. ]",
    "[removed by moderator]",
    "[Removed by moderators of r/stress]",
    "[removed by mods for spam]",
    "[removed by a moderator due to rule 3]",
    "[removed by Reddit's Legal Operations team]",
    "[removed for breaking rule 1]",
    "[removed too long]",
    "[deleted by user]",
    "[comment deleted by author]",
    "[This post has been removed]",
    "[unavailable]",
    "[removed]\n\n[View Poll](https://www.reddit.com/poll/abc)",
    "[deleted][removed]",
    "(removed)",
    "[removed: rule 3]",
    "[removed - violates the guidelines]",
    "[deleted user]",
    "[account suspended]",
    "[redacted]",
    "[[removed]]",
    "\N{LEFT BLACK LENTICULAR BRACKET}deleted\N{RIGHT BLACK LENTICULAR BRACKET}",
    "[removed](https://www.reddit.com/help/contentpolicy)",
]
SENTENCES = [
    "Sorry, this post has been removed by the moderators of r/stress.",
    "Sorry, this post was deleted by the person who originally posted it.",
    "This post was removed by Reddit's filters.",
    "This comment has been deleted.",
    "Removed by Reddit",
    "This Tweet is unavailable",
]
FORMS = {
    "Markdown's escapes": lambda text: text.replace("[", "\\[").replace("]", "\\]"),
    "capitals": str.upper,
    "blanks": lambda text: f" \t{text.replace(' ', '  ')}\n",
    "no-break spaces": lambda text: f"\N{NO-BREAK SPACE}{text}\N{NO-BREAK SPACE}",
    "zero-width characters": "\N{ZERO WIDTH SPACE}".join,
    "references": lambda text: text.replace("[", "&#91;").replace("]", "&#93;"),
    "references to the invisible": lambda text: f"&#x200B;{text}&amp;#x200B;",
    "a quotation": lambda text: f"> {text}",
    "emphasis": lambda text: f"**{text}**",
    "a full stop": lambda text: f"{text}.",
    "HTML": lambda text: f'<div class="md"><p>{text}</p>\n</div><br/>',
    "HTML as text": lambda text: f"&lt;!-- SC_OFF --&gt;&lt;p&gt;{text}&lt;/p&gt;",
    "quotation marks": lambda text: f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{QUOTATION MARK}",
}
POSTS = [
    "My last post was [deleted] and I do not know why",
    "[deleted] was my post",
    "[removed] I feel bad",
    "Tired [removed]",
    "[removed](http://example.org) I am so sad",
    "[deleted scene from my life] I was so scared [sigh]",
    "[deleted because I could not cope any more]",
    "[removed by my mother from the house]",
    "[removed for weeks from my family]",
    "[removed] by people who hate me",
    "[rant]",
    "[Rant] deleted by user",
    "I removed it",
    "(deleted because of him, and not by the rules)",
    "[removed due to the law that took my children]",
    "This post was removed and I do not know why",
    "This post is removed from my mind",
    "Deleted by my ex",
    "removed",
    "[]",
]


def is_removed(text):
    """Read a post, and return whether it is refused as a removal notice."""
    try:
        read_post({"post_id": "a", "text": text})
    except InvalidPost as error:
        return error.reason == TEXT_REMOVED
    return False


@pytest.mark.parametrize("text", NOTICES + SENTENCES)
def test_removal_notices_are_recognised(text):
    assert is_removed(text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [notice for notice in NOTICES if "(" not in notice])
def test_a_notice_is_recognised_in_every_form(text, form):
    assert is_removed(FORMS[form](text))


@pytest.mark.parametrize("text", POSTS)
def test_a_persons_own_words_are_a_post(text):
    assert not is_removed(text)


def test_a_doubly_encoded_notice_is_a_post():
    assert is_removed("&#91;removed&#93;")
    assert not is_removed("&amp;#91;removed&amp;#93;")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_first_letter_filter_covers_all_sentences(sentence):
    assert {sentence[0].upper(), sentence[0].lower()} <= FIRST_LETTERS


@given(st.text(min_size=1).filter(str.isalpha), st.sampled_from(NOTICES))
def test_a_notice_with_another_word_is_a_post(word, notice):
    assert not is_removed(f"xx{word} {notice}")
    assert not is_removed(f"{notice} xx{word}")


@given(st.text("[]() removdlt.by\\", max_size=500))
def test_any_text_is_classified(text):
    assert is_removal_notice(canonical(text)) in (True, False)
