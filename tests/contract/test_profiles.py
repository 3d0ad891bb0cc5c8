"""Profiles on every table: what is edited is read back, and of many who edit at once none is lost."""

from concurrent.futures import ThreadPoolExecutor

from tests.builders.backends import app_on
from tests.builders.world import TENANT
from whendue.engine.ports import JobStore
from whendue.errors import PreconditionFailedError, UnavailableError, UnknownProfileError
from whendue.jobs.limit_spec import Limit
from whendue.profiles.model import PROFILES, Profile
from whendue.table.preconditions import Precondition

ANY = Precondition()
THREADS = 8


def test_a_profile_is_read_back_edited_listed_and_deleted(store: JobStore) -> None:
    """Maps, empty names, numbers with a fraction and a reserved word survive the table."""
    app = app_on(store)
    policy = {"max_attempts": 7, "base_s": 2.5, "jitter": "none", "never_retry": ()}
    first = app.profile_editor.put(TENANT, Profile("mine", policy, "high", Limit(3, 0.5, "bank"), follow=True), ANY)
    assert first.created
    assert app.profile_editor.read(TENANT, "mine") == first.profile
    assert first.profile.policy == policy
    second = app.profile_editor.put(TENANT, Profile("mine"), ANY).profile
    assert (second.version, app.profiles.find(TENANT, "mine")) == (2, second)
    assert app.profile_editor.version(TENANT, "mine", 1) == first.profile
    assert app.profile_editor.every(TENANT) == sorted([*PROFILES.values(), second], key=lambda profile: profile.name)
    app.profile_editor.delete(TENANT, "mine", Precondition(one_of=frozenset({2})))
    assert app.profile_editor.every(TENANT) == sorted(PROFILES.values(), key=lambda profile: profile.name)
    assert type(app.profiles.each(TENANT, ["mine"])["mine"]) is UnknownProfileError
    assert app.profile_editor.put(TENANT, Profile("mine"), ANY).profile.version == 4


def test_of_many_who_edit_under_one_lock_one_wins(store: JobStore) -> None:
    """Whoever adds the version has won; nobody else may believe so."""
    app_on(store).profile_editor.put(TENANT, Profile("mine"), ANY)

    def edit(number: int) -> Profile | None:
        wanted = Profile("mine", {"max_attempts": number})
        try:
            return app_on(store).profile_editor.put(TENANT, wanted, Precondition(one_of=frozenset({1}))).profile
        except (PreconditionFailedError, UnavailableError):
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        won = [profile for profile in pool.map(edit, range(1, THREADS + 1)) if profile]
    assert [profile.version for profile in won] == [2]
    assert app_on(store).profile_editor.read(TENANT, "mine") == won[0]
