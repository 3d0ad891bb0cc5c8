"""`whendue workflows` on the real API."""

from tests.functional.cli.command_line import CommandLine
from whendue.client import Client, NewWorkflow, Node


def test_show(whendue: CommandLine) -> None:
    """Nodes, progress and what it waits for."""
    environ = whendue.environ
    nodes = {"first": Node("ok"), "second": Node("ok", depends_on=["first"])}
    with Client(str(environ["WHENDUE_URL"]), str(environ["WHENDUE_TOKEN"])) as client:
        workflow = client.submit_workflow(NewWorkflow(nodes=nodes))
    done = whendue("workflows", "show", workflow.id, "--json")
    assert (done.code, done.json["id"], done.json["criticalPath"]) == (0, workflow.id, ["first", "second"])
    assert done.json["edges"] == [{"from": "first", "to": "second", "on": "success"}]
    rows = [row.split("\t") for row in whendue("workflows", "show", workflow.id).out.splitlines()]
    assert [row[0] for row in rows[-3:]] == ["node", "first", "second"]
    assert whendue("workflows", "show", "none").code == 5
