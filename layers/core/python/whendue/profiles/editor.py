"""Editing profiles: each edit inserts a version that never changes; the current item points to the newest.

A version's item is inserted first, which decides between two edits at the same time. Then the current item is moved to
it. An edit that finds a version that is not current yet, because its writer died or is slow, moves the current item
first. So every version was current once, in order, and no edit is lost.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, NoReturn

from whendue.aws_quotas import DYNAMODB_MAX_STATEMENTS
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.readable import read_one, readable
from whendue.engine.runtime import Runtime
from whendue.errors import (
    BuiltInProfileError,
    PreconditionFailedError,
    ProfileNotFoundError,
    TooManyProfilesError,
    UnavailableError,
    UnknownSubscriptionError,
    UnstorableError,
)
from whendue.notifications.publisher import NotificationPublisher
from whendue.profiles.lookup import ProfileLookup
from whendue.profiles.model import PROFILES, Profile, check_timeout, from_item, live, to_content
from whendue.quotas import PROFILE_NAMES, PROFILE_VERSION_KEPT_S, PROFILE_VERSIONS
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict
from whendue.table.keys import Key, profile_key, profile_version_key
from whendue.table.preconditions import Precondition
from whendue.table.writes import Is, Write, delete, insert


class Edited(NamedTuple):
    """A profile after an edit; `created` when there was none of this name."""

    profile: Profile
    created: bool


class ProfileEditor:
    """Reads and changes a tenant's profiles."""

    def __init__(self, runtime: Runtime, profiles: ProfileLookup, notifications: NotificationPublisher) -> None:
        """Use this runtime; `profiles` forgets what was changed, `notifications` knows the subscriptions."""
        self._runtime = runtime
        self._notifications = notifications
        self._profiles = profiles

    def every(self, tenant: str) -> list[Profile]:
        """List the built-in profiles and the tenant's own, by name.

        Raises:
            UnavailableError: the table does not answer.
        """
        items = self._names(tenant)
        own = readable(
            self._runtime, items, lambda item: from_item(item["sk"], item) if live(item) else None, "list_profiles"
        )
        return sorted([*PROFILES.values(), *filter(None, own)], key=lambda profile: profile.name)

    def read(self, tenant: str, name: str) -> Profile:
        """Read a profile as it is now.

        Raises:
            ProfileNotFoundError: none has this name.
            UnreadableError: it cannot be read.
            UnavailableError: the table does not answer.
        """
        if name in PROFILES:
            return PROFILES[name]
        item = live(self._current(tenant, name))
        if item is None:
            raise ProfileNotFoundError(f"no profile has the name {name}")
        return read_one(item, partial(from_item, name), f"the profile {name}")

    def version(self, tenant: str, name: str, version: int) -> Profile:
        """Read one version of a profile, also of one that was deleted since.

        Raises:
            ProfileNotFoundError: there is no such version, or it is the one that deleted the profile.
            UnreadableError: it cannot be read.
            UnavailableError: the table does not answer.
        """
        [item] = map(live, self._runtime.store.get([profile_version_key(tenant, name, version)]))
        if item is None:
            raise ProfileNotFoundError(f"the profile {name} has no version {version}")
        return read_one(item, partial(from_item, name), f"version {version} of the profile {name}")

    def put(self, tenant: str, wanted: Profile, expected: Precondition) -> Edited:
        """Make a profile, or the next version of one; saying again what it says makes no version.

        Args:
            tenant: whose.
            wanted: what it shall be; its version is given here.
            expected: what must hold of the current version.

        Raises:
            BuiltInProfileError: a built-in profile has this name.
            UnknownQueueError: there is no queue of its name.
            TimeoutTooLongError: its timeout is longer than any worker of its queue has.
            UnknownSubscriptionError: it names a subscription that does not exist.
            PreconditionFailedError: the current version is not as expected.
            TooManyProfilesError: the tenant has the maximum number of names.
            UnavailableError: the outcome is unknown; send it again.
        """
        if wanted.queue is not None:
            self._runtime.settings.check_queue(wanted.queue)
        check_timeout(self._runtime.settings, wanted.queue, whose={"the profile": wanted.policy})
        content = to_content(wanted)
        if unknown := self._notifications.unknown(tenant, wanted.notify.split()):
            raise UnknownSubscriptionError(f"notify names {unknown[0]!r}, but no subscription has this name")

        def decide(current: Item | None) -> Item | NoWrite[Edited] | None:
            known = live(current)
            if not expected.holds(known["version"] if known else None):
                raise PreconditionFailedError
            if known and known["content"] == content:
                return NoWrite(Edited(from_item(wanted.name, known), created=False))
            if current is None and len(self._names(tenant)) >= PROFILE_NAMES:
                raise TooManyProfilesError(
                    f"a tenant can have at most {PROFILE_NAMES} profiles, including deleted ones; reuse a name"
                )
            return current

        def apply(current: Item | None) -> Edited | Conflict:
            made = self._add(tenant, wanted.name, current, content, deleted=False)
            return made if made is CONFLICT else Edited(from_item(wanted.name, made), created=live(current) is None)

        return retry_on_conflict(lambda: self._editable(tenant, wanted.name), decide, apply, exhausted=_keeps_changing)

    def delete(self, tenant: str, name: str, expected: Precondition) -> None:
        """Delete a profile: jobs that were accepted before go on, its versions stay, and a new one counts on.

        Raises:
            BuiltInProfileError: a built-in profile has this name.
            ProfileNotFoundError: none has this name.
            PreconditionFailedError: the current version is not as expected.
            UnavailableError: the outcome is unknown; send it again.
        """

        def decide(current: Item | None) -> Item | None:
            known = live(current)
            if known is None:
                raise ProfileNotFoundError(f"no profile has the name {name}")
            if not expected.holds(known["version"]):
                raise PreconditionFailedError
            return current

        def apply(current: Item | None) -> Item | Conflict:
            return self._add(tenant, name, current, {}, deleted=True)

        retry_on_conflict(lambda: self._editable(tenant, name), decide, apply, exhausted=_keeps_changing)

    def _add(
        self, tenant: str, name: str, current: Item | None, content: Mapping[str, Any], *, deleted: bool
    ) -> Item | Conflict:
        """Add the version after the current one, and make it current; CONFLICT when another's came first."""
        version = 1 + (current["version"] if current else 0)
        ours = {
            "version": version,
            # Distinguishes a lost reply of ours from another's edit of the same content.
            "mark": self._runtime.clock.new_id(),
            "edited_at": self._runtime.clock.now_ms(),
            "deleted": deleted,
            "content": dict(content),
        }
        [result] = self._runtime.store.apply(
            [insert("profile_version", profile_version_key(tenant, name, version), ours)]
        )
        if result.done:
            self._move_on(tenant, name, ours)
            self._forget_old(tenant, name, version - PROFILE_VERSIONS)
            return ours
        if result.status is WriteStatus.INVALID:
            raise UnstorableError
        if result.current is None:
            raise UnavailableError("it is not known whether the profile was changed; send the same request again")
        self._move_on(tenant, name, {field: result.current[field] for field in ours})
        return CONFLICT

    def _move_on(self, tenant: str, name: str, version_item: Item) -> None:
        """Make a version current, if the one before it is."""
        key, before = profile_key(tenant, name), version_item["version"] - 1
        step = (
            Write("profile", key, (Is("version", before),), version_item)
            if before
            else insert("profile", key, version_item)
        )
        [result] = self._runtime.store.apply([step])
        self._profiles.forget(tenant, name)
        if result.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError("it is not known whether the profile was changed; send the same request again")

    def _forget_old(self, tenant: str, name: str, last: int) -> None:
        """Delete versions up to the last that is not kept; what is left of them goes with the next edit."""
        if last < 1:
            return
        (pk, first_sk), last_sk = profile_version_key(tenant, name, 1), profile_version_key(tenant, name, last).sk
        kept_ms = self._runtime.clock.now_ms() - 1000 * PROFILE_VERSION_KEPT_S
        with suppress(UnavailableError):
            items = self._runtime.store.query_range(pk, first=first_sk, last=last_sk, limit=DYNAMODB_MAX_STATEMENTS)
            old = [Key(pk, item["sk"]) for item in items if item["edited_at"] < kept_ms]
            if old:
                self._runtime.store.apply([delete("forget_version", key) for key in old])

    def _editable(self, tenant: str, name: str) -> Item | None:
        if name in PROFILES:
            raise BuiltInProfileError
        return self._current(tenant, name)

    def _current(self, tenant: str, name: str) -> Item | None:
        [item] = self._runtime.store.get([profile_key(tenant, name)])
        return item

    def _names(self, tenant: str) -> list[Item]:
        return self._runtime.store.query(profile_key(tenant, "").pk)


def _keeps_changing() -> NoReturn:
    raise UnavailableError("the profile keeps changing; try again")
