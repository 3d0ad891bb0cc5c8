"""Where a former word of the glossary still stands, each with the reason."""

from typing import Final

from tests.builders.glossary import Allowed

PACKAGE: Final = "layers/core/python/whendue"
STYLE: Final = "docs/contributing/style.md"
_QUERY = "what AWS Lambda Powertools calls a query parameter"
_LINE = "a text without line feeds; the line in which jobs wait is the wait queue"
_QUOTED = "the style page quotes what not to write"
EXCEPTIONS: Final = (
    Allowed("functions/api/routes/*.py", "Query", "Query", _QUERY),
    Allowed("functions/api/schemas/shared/list_parameters.py", "Query", "Query", _QUERY),
    Allowed("tests/unit/load/test_load.py", "Query", "Query", "DynamoDB's operation"),
    Allowed(f"{PACKAGE}/declarations/schema.py", "Line", "Line", _LINE),
    Allowed(f"{PACKAGE}/channels/*.py", "Line", "Line", _LINE),
    Allowed(f"{PACKAGE}/mail.py", "Line", "Line", _LINE),
    Allowed("examples/task.py", "Line", "Line", "a line of an order"),
    Allowed("docs/guide/tasks.md", "occupy", "occupy workers", "plain English: long jobs keep workers busy"),
    Allowed(
        f"{PACKAGE}/jobs/model.py", "agenda", '"agenda_pk"', "an attribute of older tables, which are refused by it"
    ),
    Allowed(f"{PACKAGE}/submission/submit.py", "one", "one", "the method `Submit.one` beside `Submit.many`"),
    Allowed(STYLE, "told", "is told", _QUOTED),
    Allowed(STYLE, "hears", '"hears"', _QUOTED),
    Allowed(STYLE, "owes", "owes", _QUOTED),
    Allowed(STYLE, "news", "news", _QUOTED),
    Allowed(STYLE, "told", '"told"', _QUOTED),
    Allowed(STYLE, "tell", '"tell"', _QUOTED),
    Allowed(STYLE, "whom", '"whom"', _QUOTED),
)
