"""Profiles as submit and workers use them: the built-in ones, and a tenant's own, known for 5 s at most."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnknownProfileError, UnknownTaskError, WhendueError
from whendue.jobs.model import Job, evolve
from whendue.profiles.model import PROFILES, Profile, default_policy, followed, from_item, live
from whendue.quotas import PROFILE_AGE_MS, PROFILES_REMEMBERED
from whendue.settings import Settings
from whendue.support.ttl_cache import TtlCache
from whendue.table.keys import profile_key

UNKNOWABLE: Final = (UnavailableError, UnknownProfileError, UnknownTaskError)


class ProfileLookup:
    """Finds profiles. A process has one of these, so that what it knows is known once."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime; nothing is known yet."""
        self._runtime = runtime
        self._cache: TtlCache[tuple[str, str], Profile] = TtlCache(runtime.clock, PROFILE_AGE_MS, PROFILES_REMEMBERED)

    def find(self, tenant: str, name: str, *, stale: bool = False) -> Profile:
        """Find a profile. A missing one is not cached: one that was just created works at once.

        Args:
            tenant: whose.
            name: what it is called.
            stale: what was known earlier will do while the table does not answer.

        Raises:
            UnknownProfileError: none has this name.
            UnavailableError: the table does not answer.
        """
        if name in PROFILES:
            return PROFILES[name]
        return self._cache.get((tenant, name), lambda: self._read(tenant, name), stale=stale)

    def each(self, tenant: str, names: Iterable[str]) -> dict[str, Profile | WhendueError]:
        """Find profiles by their names; the error for each that cannot be found."""
        found: dict[str, Profile | WhendueError] = {}
        for name in names:
            try:
                found[name] = self.find(tenant, name)
            except (UnknownProfileError, UnavailableError) as error:
                found[name] = error
            except Exception as error:  # noqa: BLE001 - whatever it is, jobs of other profiles go on
                self._runtime.bulkhead.note("read_profile", name, error)
                found[name] = WhendueError()
        return found

    def forget(self, tenant: str, name: str) -> None:
        """Read a profile again when it is next asked for: it was changed here."""
        self._cache.forget((tenant, name))

    def followed(self, job: Job) -> Job:
        """Return a following job with the policy of its profile's newest version; unchanged if that cannot be read."""
        try:
            newest = self.find(job.tenant, job.profile, stale=True)
            task = self._runtime.registry.find(job.type).policy
            settings = self._runtime.settings
            return _kept(followed(job, newest, default=default_policy(settings), task=task), settings)
        except UNKNOWABLE:
            return job
        except Exception as error:  # noqa: BLE001 - an unreadable profile governs no new claim
            self._runtime.bulkhead.note("followed", job.id, error)
            return job

    def _read(self, tenant: str, name: str) -> Profile:
        [item] = map(live, self._runtime.store.get([profile_key(tenant, name)]))
        if item is None:
            raise UnknownProfileError(f"no profile has the name {name!r}", profiles=sorted(PROFILES))
        return from_item(name, item)


def _kept(job: Job, settings: Settings) -> Job:
    """Return a job with a timeout that a worker of its queue can keep: a profile may ask for more than that one has."""
    longest_s = settings.longest_attempt_s(job.queue)
    if job.policy.timeout_s <= longest_s:
        return job
    return evolve(job, policy=replace(job.policy, timeout_s=longest_s))
