"""What every page of the stack has around its content: it needs no network, and fits a phone."""

from __future__ import annotations

from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1f2933;background:#fff;margin:1.5em auto;"
    "max-width:44em;padding:0 1em}"
)


def html_page(title: str, style: str, content: str) -> str:
    """Return a page of content that is HTML, with a style of its own beside the common one."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head>"
        f"<body><main>{content}</main></body></html>\n"
    )
