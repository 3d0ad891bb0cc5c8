"""The dashboard is served without a token: every page by one document, its files by their names, and nothing else."""

import base64
import gzip
import re
from collections.abc import Iterator

import pytest

from functions.api.dashboard import files, routes
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client, Request, Shape
from tests.builders.world import World
from whendue.table.keys import sign_in_key
from whendue.table.writes import Absent, Write

PAGES = ["/", "/dashboard", "/dashboard/jobs", "/dashboard/jobs/0192", "/dashboard/schedules/nightly-report"]
CODE = "c" * 43
# What a browser downloads before it shows anything.
FIRST_LOAD_BYTES = 150 * 1024


@pytest.fixture
def anybody(world: World, shape: Shape) -> Client:
    """A client without a token."""
    return Client(api_of(world), None, shape)


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take one-time links."""
    monkeypatch.setenv("WHENDUE_DASHBOARD_LINKS", "true")
    routes._settings.cache_clear()
    yield
    routes._settings.cache_clear()


def script_of(text: str) -> str:
    found = re.search(r'<script type="module" crossorigin src="([^"]+)">', text)
    assert found
    return found[1]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_the_same_document_and_finds_its_files(anybody: Client, path: str) -> None:
    """Relative to its address, as a browser reads it."""
    answer = anybody.send("GET", path)
    assert answer.status == 200
    steps = script_of(answer.text).removesuffix(script_of(answer.text).rpartition("assets/")[2])
    assert steps == ("../" * (path.count("/") - 1) or "./") + "assets/"


@pytest.mark.parametrize(
    ("seen", "root"),
    [("/", "./"), ("/prod", "./prod/"), ("/prod/", "./"), ("/prod/dashboard/jobs", "../"), ("/prod/dashboard/", "../")],
)
def test_below_a_stage_the_files_are_found_too(world: World, seen: str, root: str) -> None:
    """With a slash at the end of an address, and without one."""
    event = Request("GET", seen, {}).event("http")
    event["requestContext"]["stage"] = "prod"
    answer = Client(api_of(world), None).event(event)
    assert script_of(answer.text).startswith(f"{root}assets/")


def test_what_a_path_holds_gets_into_no_page(world: World) -> None:
    """Its text is a stranger's."""
    event = Request("GET", '/"><script>', {}).event("http")
    event["requestContext"]["stage"] = '"><script>'
    assert '"><script>' not in Client(api_of(world), None).event(event).text.replace('svg"><script', "")


def test_a_page_reads_its_query_alone(anybody: Client) -> None:
    """Filters of a list, or the code of an issuer; the API has no such parameters there."""
    assert anybody.send("GET", "/dashboard/jobs", state="dead", tag=["a:1", "b:2"], made="up").status == 200


@pytest.mark.parametrize("path", ["/dashboard/a/b/c", "/assets", "/assets/", "/dashboard/config.json/x/y"])
def test_other_paths_are_none(anybody: Client, path: str) -> None:
    """A deep link that no page has is not found."""
    assert anybody.send("GET", path).status in (404, 200 if path == "/assets/" else 404)


def test_no_route_of_the_api_is_hidden(client: Client) -> None:
    """The list of jobs is the API's, whatever an address bar says."""
    assert client.send("GET", "/jobs").json["items"] == []


def test_a_page_has_a_strict_policy(anybody: Client) -> None:
    """No script or style in the page, no other origin, no frame; and no text becomes markup."""
    answer = anybody.send("GET", "/dashboard/jobs")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<style|<script(?![^>]*src=)|\son[a-z]+=|\sstyle=", answer.text)


def names() -> list[str]:
    return sorted(path.name for path in files.ASSETS.iterdir() if not path.name.endswith(".br"))


@pytest.mark.parametrize("name", names())
def test_a_file_is_the_same_in_every_encoding(world: World, name: str) -> None:
    """As it was built; Brotli's is compared by the build."""
    whole = (files.ASSETS / name).read_text()
    plain = asset(world, name, "identity")
    zipped = asset(world, name, "gzip, deflate, br;q=0")
    best = asset(world, name, "gzip, deflate, br, zstd")
    assert plain.text == whole
    assert gzip.decompress(base64.b64decode(zipped.text)).decode() == whole
    assert base64.b64decode(best.text) == (files.ASSETS / f"{name}.br").read_bytes()
    codings = [answer.headers.get("content-encoding") for answer in (plain, zipped, best)]
    assert codings == [None, "gzip", "br"]
    for answer in (plain, zipped, best):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"


def asset(world: World, name: str, accepted: str, shape: Shape = "http") -> Answer:
    return Client(api_of(world), None, shape).send("GET", f"/assets/{name}", headers={"Accept-Encoding": accepted})


def test_a_rest_api_gets_text(world: World) -> None:
    """It would pass the base64 of compressed bytes on as it is."""
    name = names()[0]
    answer = asset(world, name, "br, gzip", "rest")
    assert "content-encoding" not in answer.headers
    assert answer.text == (files.ASSETS / name).read_text()


@pytest.mark.parametrize("name", ["nothing.js", "..%2findex.html", "index.html", f"{names()[0]}.br", "%2e%2e"])
def test_nothing_else_of_the_folder_is_a_file(anybody: Client, name: str) -> None:
    """The names that there are, and no path."""
    assert anybody.send("GET", f"/assets/{name}").status in (404, 422)


def test_the_first_load_is_small() -> None:
    """The page, what it names, and the largest page of the application, as they travel."""
    text = files.page("")
    first = [name for name in names() if name in text]
    sizes = {name: (files.ASSETS / f"{name}.br").stat().st_size for name in names()}
    largest = max(size for name, size in sizes.items() if name not in first)
    assert len(text) + sum(sizes[name] for name in first) + largest <= FIRST_LOAD_BYTES


def test_it_says_how_one_signs_in(anybody: Client) -> None:
    """Without an issuer, with a token."""
    assert anybody.send("GET", "/dashboard/config.json").json == {"signIn": None}


def put_link(world: World, expires_at_ms: int) -> None:
    change = {"token": "the token", "expires_at": expires_at_ms // 1000}
    [done] = world.app.runtime.store.apply([Write("put", sign_in_key(CODE), (Absent(),), change)])
    assert done.done


def use(client: Client, code: str = CODE, scheme: str = "Code") -> Answer:
    return client.send("POST", "/dashboard/sign-in", headers={"Authorization": f"{scheme} {code}"})


@pytest.mark.usefixtures("links")
def test_a_link_gives_its_token_once(world: World, anybody: Client) -> None:
    """A second one who has it gets nothing."""
    put_link(world, world.system.now_ms() + 60_000)
    first = use(anybody)
    assert (first.status, first.json) == (200, {"token": "the token"})
    assert first.headers["cache-control"] == "no-store"
    assert use(anybody).status == 401


@pytest.mark.usefixtures("links")
def test_a_link_that_is_too_old_gives_nothing(world: World, anybody: Client) -> None:
    """DynamoDB may keep the item for days after its time."""
    put_link(world, world.system.now_ms())
    assert use(anybody).status == 401


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize(
    ("code", "scheme"), [("d" * 43, "Code"), ("short", "Code"), ("é" * 43, "Code"), (CODE, "Bearer")]
)
def test_another_code_gives_nothing(world: World, anybody: Client, code: str, scheme: str) -> None:
    """And does not use the link up."""
    put_link(world, world.system.now_ms() + 60_000)
    assert use(anybody, code, scheme).status == 401
    assert use(anybody).status == 200


def test_without_the_setting_there_are_no_links(world: World, anybody: Client) -> None:
    """A deployment has none."""
    put_link(world, world.system.now_ms() + 60_000)
    answer = use(anybody)
    assert (answer.status, answer.json["code"]) == (404, "route_not_found")


@pytest.mark.usefixtures("links")
def test_nothing_of_somebody_unknown_is_parsed(anybody: Client) -> None:
    """The code is in a header; a body is refused unread."""
    assert anybody.send("POST", "/dashboard/sign-in", "{" * 100).status == 413


def test_nobody_else_gets_into_the_api(world: World, anybody: Client) -> None:
    """Pages are public, and nothing below them."""
    assert anybody.send("GET", "/jobs").status == 401
    assert Client(api_of(world), a_token()).send("GET", "/jobs").status == 200


def test_a_wrong_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """As every other one: not at the first request of a reader."""
    from functions.api.handler import _api_of
    from whendue.errors import ConfigurationError

    monkeypatch.setenv("WHENDUE_DASHBOARD_ISSUER", "nonsense")
    with pytest.raises(ConfigurationError):
        _api_of(world.app)
