import pytest

from stresswatch.model.artefact_file import MAXIMUM_ARTEFACT_BYTES, CorruptArtefact
from stresswatch.versions.champion import (
    ChampionCache,
    ChampionUnavailable,
    Pointer,
    ServedModel,
    load_model,
)
from stresswatch.versions.model_files import DigestMismatch

FIRST = Pointer("v1", "s3://models/models/v1/", "a" * 64)
SECOND = Pointer("v2", "s3://models/models/v2/", "b" * 64)


class World:
    """A pointer that moves, models that load or fail, and an accelerated clock."""

    def __init__(self):
        self.pointer = FIRST
        self.broken = {}
        self.reads = 0
        self.loads = []
        self.now = 0.0
        self.refused = []

    def read(self):
        self.reads += 1
        if isinstance(self.pointer, Exception):
            raise self.pointer
        return self.pointer

    def load(self, pointer):
        self.loads.append(pointer.version)
        if pointer.version in self.broken:
            raise self.broken[pointer.version]
        return ServedModel(pointer, scorer=None)

    def cache(self):
        return ChampionCache(
            self.read, self.load, 30.0, self.refused.append, clock=lambda: self.now
        )


@pytest.fixture
def world():
    return World()


def test_the_pointer_is_read_once_within_its_ttl(world):
    cache = world.cache()
    for world.now in (0.0, 10.0, 29.9):
        assert cache.current().pointer == FIRST
    assert world.reads == 1


def test_a_promotion_takes_effect_after_the_ttl(world):
    cache = world.cache()
    cache.current()
    world.pointer, world.now = SECOND, 30.0
    assert cache.current().pointer == SECOND


def test_an_unchanged_pointer_does_not_reload_the_model(world):
    cache = world.cache()
    cache.current()
    world.now = 30.0
    cache.current()
    assert (world.reads, world.loads) == (2, ["v1"])


@pytest.mark.parametrize("error", [DigestMismatch("altered"), CorruptArtefact("cut off")])
def test_after_a_load_failure_the_old_champion_keeps_serving(world, error):
    cache = world.cache()
    cache.current()
    world.pointer, world.broken, world.now = SECOND, {"v2": error}, 30.0
    assert cache.current().pointer == FIRST
    assert world.refused == [error]
    world.broken, world.now = {}, 60.0
    assert cache.current().pointer == SECOND


def test_the_champion_keeps_serving_if_the_pointer_is_unreadable(world):
    cache = world.cache()
    cache.current()
    world.pointer, world.now = ConnectionError("no SSM"), 30.0
    assert cache.current().pointer == FIRST


@pytest.mark.parametrize("pointer", [None, ConnectionError("no SSM")])
def test_a_pointer_failure_without_a_loaded_model_is_an_error(world, pointer):
    world.pointer = pointer
    with pytest.raises(ChampionUnavailable):
        world.cache().current()


def test_a_pointer_round_trips_through_json():
    assert Pointer.from_json(FIRST.to_json()) == FIRST


@pytest.mark.parametrize(
    "value", ["", "none", "{}", "[]", '"v1"', '{"version": "v", "uri": "http://x", "sha256": "d"}']
)
def test_an_invalid_pointer_is_rejected(value):
    with pytest.raises(ValueError, match="pointer cannot be read"):
        Pointer.from_json(value)


def test_an_oversized_model_is_rejected_without_reading_it_whole():
    class Endless:
        def get_object(self, **_):
            return {"Body": self}

        def read(self, size):
            assert size == MAXIMUM_ARTEFACT_BYTES + 1
            return bytes(size)

    with pytest.raises(CorruptArtefact, match="v1 has over"):
        load_model(Endless(), Pointer("v1", "s3://models/v1/", "0" * 64))
