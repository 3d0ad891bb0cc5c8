"""ETags and preconditions, as RFC 9110 has them."""

import pytest

from functions.api.http.etags import etag, precondition
from whendue.errors import InvalidRequestError
from whendue.table.preconditions import Precondition

READ = {
    "nothing": ({}, Precondition()),
    "its own ETag": ({"if-match": etag(3)}, Precondition(one_of=frozenset({3}))),
    "several": ({"if-match": '"3" , "12"'}, Precondition(one_of=frozenset({3, 12}))),
    "any": ({"if-match": "*"}, Precondition(exists=True)),
    "none yet": ({"if-none-match": "*"}, Precondition(exists=False)),
    "a weak one matches nothing": ({"if-match": 'W/"3"'}, Precondition(one_of=frozenset())),
    "somebody else's matches nothing": ({"if-match": '"abc", "03", "-3"'}, Precondition(one_of=frozenset())),
}


@pytest.mark.parametrize("name", READ)
def test_a_precondition_is_read(name: str) -> None:
    """A lock that is misread is no lock."""
    headers, expected = READ[name]
    assert precondition(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"if-match": "3"},
        {"if-match": '"3'},
        {"if-match": '"3",'},
        {"if-match": "*, *"},
        {"if-match": '"3" "4"'},
        {"if-match": ", ".join(['"1"'] * 300)},
        {"if-none-match": '"3"'},
        {"if-match": '"3"', "if-none-match": "*"},
    ],
)
def test_what_is_no_precondition_is_refused_not_ignored(headers: dict[str, str]) -> None:
    """Ignored, the writer would believe that he is protected."""
    with pytest.raises(InvalidRequestError):
        precondition(headers)
