"""Words in messages that depend on a number."""

from __future__ import annotations


def counted(count: float, one: str, many: str | None = None) -> str:
    """Return a number with its noun, in the singular for one.

    Parameters
    ----------
    many : str, optional
        The words for any other number; without it, `one` and an ``s``.

    Examples
    --------
    >>> counted(1, "post"), counted(2838, "post")
    ('1 post', '2,838 posts')
    >>> counted(1, "row is no post", "rows are no posts")
    '1 row is no post'
    """
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{number} {one if count == 1 else many or one + 's'}"


def with_unit(name: str, unit: str) -> str:
    """Return a metric's name with its unit, unless the name says it or it is only "times"."""
    words = name.lower().replace(",", " ").split()
    says_it = unit in words or unit.removesuffix("s") in words
    return name if unit == "times" or says_it else f"{name}, {unit}"
