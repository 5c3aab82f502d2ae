"""The common frame of all HTML pages, for any screen width and without network access."""

from __future__ import annotations

from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1f2933;background:#fff;margin:1.5em auto;"
    "max-width:44em;padding:0 1em}"
)


def html_page(title: str, style: str, content: str) -> str:
    """Return a page with HTML content, and its own style in addition to the common one."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head>"
        f"<body><main>{content}</main></body></html>\n"
    )
