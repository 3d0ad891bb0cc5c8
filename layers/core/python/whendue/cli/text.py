"""Text of others on a terminal: a job's error or a schedule's name can send it no commands."""


def printable(text: str) -> str:
    """Return text on one line, with what a terminal could take for a command escaped."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
