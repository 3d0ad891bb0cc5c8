"""Profiles: versions never change, follow each other without a gap, and a job's policy is of exactly one of them."""

from typing import TYPE_CHECKING, Any

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.declarations.context import Context
from whendue.engine.ports import Item
from whendue.jobs.model import Policy, from_item, read_policy
from whendue.profiles.model import from_item as profile_from_item
from whendue.profiles.model import sources_of
from whendue.table.keys import profile_version_key
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.monitor import Run

POLICY = ("policy", "sources", "profile_version")


class ProfileWatcher(Watcher):
    """Watches profiles and the policies of jobs."""

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of a profile, of one of its versions, or of a job."""
        if write.key.pk.startswith("PROFILE#"):
            if write.key.sk.startswith("v#"):
                self._version_is_new(before)
            else:
                self._current_is_the_next(before, after)
        elif write.key.sk == "job":
            self._policy_is_kept(write, before, after)
            self._policy_is_of_one_version(after)

    def _version_is_new(self, before: Item | None) -> None:
        if before is not None:
            self.world.monitor.wrong("a version of a profile was changed")

    def _current_is_the_next(self, before: Item | None, after: Item) -> None:
        """What is current is a version that is kept, and the one after what was current."""
        number = before["version"] if before else 0
        if after["version"] != number + 1:
            self.world.monitor.wrong(f"version {number} of a profile is followed by {after['version']}")
        kept = self._version(after["pk"].removeprefix("PROFILE#"), after["sk"], after["version"])
        values = {name: value for name, value in after.items() if name not in ("pk", "sk")}
        if kept is None or {name: kept.get(name) for name in values} != values:
            self.world.monitor.wrong("a profile is not what its newest version says")

    def _policy_is_kept(self, write: Write, before: Item | None, after: Item) -> None:
        """A job keeps its policy; one that follows gets another with a claim or a deferral, never an older one's."""
        if before is None or all(before.get(name) == after.get(name) for name in POLICY):
            return
        if not before.get("follow"):
            self.world.monitor.wrong("the policy of a job that follows nothing was changed")
        if write.name not in ("claim", "defer"):
            self.world.monitor.wrong(f"{write.name} changed a policy")

    def _policy_is_of_one_version(self, after: Item) -> None:
        """What comes from a profile is all that its version says, but for what the request asked for."""
        if after.get("profile_version") is None:
            return
        job = from_item(after)
        kept = self._version(job.tenant, job.profile, after["profile_version"])
        if kept is None or kept["deleted"]:
            self.world.monitor.wrong(f"a job is under version {job.profile_version}, which never was")
            return
        says: dict[str, Any] = dict(profile_from_item(job.profile, kept).policy)
        sources = sources_of(job)
        asked = {name for name, source in sources.items() if source == "request"}
        has = {name: getattr(job.policy, name) for name, source in sources.items() if source == "profile"}
        if has != {name: value for name, value in says.items() if name not in asked}:
            self.world.monitor.wrong(f"a policy is not of the version {job.profile_version} that it names")

    def began(self, run: "Run", ctx: Context) -> None:
        """An attempt runs under the policy that its job's item shows."""
        item = self.world.store.rows[ctx._job.key]
        if Policy(**read_policy(item["policy"])) != ctx._job.policy:
            self.world.monitor.wrong("an attempt runs under another policy than its job shows")

    def _version(self, tenant: str, name: str, number: int) -> Item | None:
        return self.world.store.rows.get(profile_version_key(tenant, name, number))
