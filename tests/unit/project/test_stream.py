"""whendue.project.stream: lines of many processes in one stream."""

import io
import json
import threading

from hypothesis import given
from hypothesis import strategies as st

from whendue.project.stream import Stream, document, readable


def test_each_line_has_the_name_of_its_process() -> None:
    """Those of one text, too; and no line can send a terminal commands."""
    target = io.StringIO()
    Stream(target=target).write("api", "one\ntwo\x1b[2J")
    assert target.getvalue() == "api      | one\napi      | two\ufffd[2J\n"


def test_lines_are_documents_for_programs() -> None:
    """One each."""
    target = io.StringIO()
    Stream(as_json=True, target=target).write("api", "ö\x1b\n")
    assert [json.loads(line) for line in target.getvalue().splitlines()] == [{"process": "api", "text": "ö\x1b"}]


def test_lines_of_threads_do_not_mix() -> None:
    """Each is written as a whole."""
    target, line = io.StringIO(), "x" * 500
    stream = Stream(target=target)

    def write() -> None:
        for _ in range(50):
            stream.write("w", line)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.getvalue() == f"w        | {line}\n" * 200


def test_a_reader_that_has_gone_ends_nothing() -> None:
    """As `head` does; jobs go on."""
    target = io.StringIO()
    stream = Stream(target=target)
    target.close()
    stream.write("api", "one")
    stream.write("api", "two")
    assert stream.closed


def test_what_an_encoding_has_not_is_replaced() -> None:
    """A terminal may know ASCII alone."""
    target = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Stream(target=target).write("api", "ö")
    target.seek(0)
    assert target.read() == "api      | ?\n"


def test_a_line_of_a_log_is_readable() -> None:
    """Its metrics are CloudWatch's."""
    metrics = {"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "timer_ticks"}]}]}, "timer_ticks": [1.0]}
    line = {"level": "INFO", "message": "jobs", "service": "whendue", "outcomes": {"succeeded": 1}, "unsettled": 0}
    assert readable(line | metrics) == 'jobs outcomes={"succeeded": 1}'
    failed = {"level": "ERROR", "message": "claims-0 failed", "error_type": "KeyError", "where": "a.py:1"}
    assert readable(failed) == "ERROR claims-0 failed error_type=KeyError where=a.py:1"


def test_requests_that_were_answered_as_asked_are_left_out() -> None:
    """They would hide those that were refused; a program, and whoever asks for it, sees all."""
    answered, refused = ({"message": "request", "status": status} for status in (202, 422))
    quiet = Stream(target=io.StringIO())
    assert not quiet.wants(answered)
    assert quiet.wants(refused)
    assert quiet.wants({"message": "request"})
    assert quiet.wants({"message": "jobs", "status": 200})
    for all_ in (Stream(as_json=True), Stream(verbose=True)):
        assert all_.wants(answered)


def test_the_traceback_of_an_error_of_the_api_is_shown_in_lines() -> None:
    """Powertools logs it as one text."""
    line = {"level": "ERROR", "message": "unexpected", "exception": "Traceback:\n  one\nKeyError: 'a'", "request": "r"}
    assert readable(line) == "ERROR unexpected request=r\nTraceback:\n  one\nKeyError: 'a'"


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.text())))
)
def test_every_document_is_readable(facts: dict[str, object]) -> None:
    """A task may print JSON of its own."""
    line = json.dumps({"message": "m"} | facts)
    read = document(line)
    assert read is not None
    assert str(read["message"]) in readable(read)


@given(st.text(max_size=100))
def test_other_lines_are_no_documents(line: str) -> None:
    """Whatever a task prints."""
    assert document(line) is None or line.startswith("{")


def test_a_line_that_is_nested_too_deeply_is_no_document() -> None:
    """Python's reader of JSON has a limit of its own."""
    assert document('{"message": ' * 100_000) is None
