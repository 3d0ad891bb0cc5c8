"""Sealed cursors: nobody reads them, makes them, or uses one where it does not belong; a wrong one costs little."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.adapters.cursors import SealedCursors
from whendue.errors import InvalidCursorError
from whendue.quotas import CURSOR_BYTES
from whendue.support.secret import WORDS, Secret

ONE, TWO = "1" * 32, "2" * 32
CURSORS = SealedCursors(Secret((ONE,)))
BOUND = ("jobs", "acme", None, "ok")
POSITION = ["live", {"high#3": [1_800_000_000_000, "0190a7c4-0000-7000-8000-000000000000", 1_800_000_120_000]}]
SEALED = CURSORS.seal(POSITION, BOUND)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def opened(cursor: str, bound: Any = BOUND, cursors: SealedCursors = CURSORS) -> Any:
    return cursors.open(cursor, bound)


@given(values.filter(lambda value: "\\ud" not in repr(value)))
def test_what_was_sealed_is_opened_again(position: Any) -> None:
    """Whatever JSON it is."""
    assert opened(CURSORS.seal(position, BOUND)) == position


def test_a_cursor_shows_nothing_of_its_position() -> None:
    """Neither as text nor as base64."""
    raw = base64.urlsafe_b64decode(SEALED + "=" * (-len(SEALED) % 4))
    for part in (b"live", b"high", b"0190a7c4", b"1800000", b"acme", b"{", b"["):
        assert part not in raw[:-1] or len(part) == 1
    with pytest.raises(UnicodeDecodeError):
        raw.decode()


@pytest.mark.parametrize("index", range(len(SEALED)))
def test_a_cursor_with_one_character_changed_is_none(index: int) -> None:
    """Wherever it is, also in the unused bits at the end."""
    for other in "Aa0_":
        if other != SEALED[index]:
            with pytest.raises(InvalidCursorError):
                opened(SEALED[:index] + other + SEALED[index + 1 :])


@pytest.mark.parametrize(
    "cursor",
    [
        *(SEALED[:size] for size in range(len(SEALED))),
        SEALED + "A",
        SEALED + "=",
        SEALED + "\n",
        " " + SEALED,
        "\xd6",
        "\ud800",
        "é" * 100,
        "A" * CURSOR_BYTES,
        "A" * (CURSOR_BYTES + 1),
        "A" * 10_000_000,
        "+/==",
        "null",
        base64.urlsafe_b64encode(b'["x","live",{}]').decode().rstrip("="),
    ],
)
def test_what_is_no_cursor_is_refused_as_such(cursor: str) -> None:
    """Never with another error."""
    with pytest.raises(InvalidCursorError):
        opened(cursor)


@pytest.mark.parametrize(
    "bound",
    [
        ("jobs", "other", None, "ok"),
        ("workflows", "acme", None, "ok"),
        ("jobs", "acme", None, "bad"),
        ("jobs", "acme", "ok", None),
        ("jobs", "acme", None),
        ("jobs", "acme", None, "ok", None),
        ("jobs", 'acme",null,"ok'),
        (),
    ],
)
def test_a_cursor_of_another_tenant_list_or_filter_is_refused(bound: tuple[Any, ...]) -> None:
    """What it is bound to is part of its seal."""
    with pytest.raises(InvalidCursorError):
        opened(SEALED, bound)


def test_a_cursor_of_another_deployment_is_refused() -> None:
    """Its secret is another one."""
    with pytest.raises(InvalidCursorError):
        opened(SEALED, cursors=SealedCursors(Secret((TWO,))))


def test_cursors_live_on_when_another_word_seals() -> None:
    """Old processes make them while new ones are rolled out, and the other way round."""
    both = SealedCursors(Secret((ONE, TWO)))
    assert opened(SEALED, cursors=both) == POSITION
    new = both.seal(POSITION, BOUND)
    assert opened(new, cursors=both) == POSITION
    with pytest.raises(InvalidCursorError):
        opened(new)


def test_a_forged_cursor_costs_one_try_for_each_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is, it is looked at so often; one that is too long is not looked at."""
    cursors = SealedCursors(Secret(tuple(str(n) * 32 for n in range(WORDS))))
    tries: list[int] = []

    class Counting:
        def __init__(self, cipher: Any) -> None:
            self.cipher = cipher

        def decrypt(self, data: bytes, associated: Any) -> bytes:
            tries.append(len(data))
            result: bytes = self.cipher.decrypt(data, associated)
            return result

    monkeypatch.setattr(cursors, "_ciphers", [Counting(cipher) for cipher in cursors._ciphers])
    for size in (CURSOR_BYTES, CURSOR_BYTES + 4):
        with pytest.raises(InvalidCursorError):
            cursors.open("A" * size, BOUND)
    assert tries == [CURSOR_BYTES * 3 // 4] * WORDS
