"""Every exception that Python has built in, ready to be raised by one of several items."""

import builtins

# What their constructors insist on; all others take a text.
_ARGUMENTS: dict[str, tuple[object, ...]] = {
    "UnicodeDecodeError": ("utf-8", b"\xff", 0, 1, "broken on purpose"),
    "UnicodeEncodeError": ("utf-8", "\ud800", 0, 1, "broken on purpose"),
    "UnicodeTranslateError": ("\ud800", 0, 1, "broken on purpose"),
    "BaseExceptionGroup": ("broken on purpose", [GeneratorExit()]),
    "ExceptionGroup": ("broken on purpose", [ValueError("one"), TypeError("two")]),
}


def _built_in() -> dict[str, BaseException]:
    types = {
        value.__name__: value
        for value in vars(builtins).values()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    return {name: kind(*_ARGUMENTS.get(name, ("broken on purpose",))) for name, kind in sorted(types.items())}


BUILT_IN: dict[str, BaseException] = _built_in()
# What code of ours can meet; the others are raised by code of users alone.
EXCEPTIONS: dict[str, Exception] = {name: error for name, error in BUILT_IN.items() if isinstance(error, Exception)}
# Set to run every case (minutes); otherwise each stage raises some exceptions, and all are raised somewhere.
UNSHRUNK = "WHENDUE_UNSHRUNK"
EVERY = "WHENDUE_EVERY_CASE"
