"""Botocore's service models, listed and parsed once: each AWS mock has its own session."""

from __future__ import annotations

from functools import cache

from botocore.loaders import JSONFileLoader, Loader

_list_services = Loader.list_available_services


def install() -> None:
    JSONFileLoader.load_file = staticmethod(cache(JSONFileLoader().load_file))
    Loader.list_available_services = lambda loader, type_name: _services(
        tuple(loader.search_paths), type_name
    )


@cache
def _services(folders: tuple[str, ...], type_name: str) -> list[str]:
    loader = Loader(extra_search_paths=folders, include_default_search_paths=False)
    return _list_services(loader, type_name)
