"""Payloads and results: inline while the hot item stays within one write unit, else an item, else S3."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from whendue.domain.job import Job, evolve, item_bytes, to_item
from whendue.domain.keys import Key, payload_key, result_key
from whendue.domain.writes import Write, insert
from whendue.limits import (
    HOT_ITEM_RESERVE_BYTES,
    PAYLOAD_INLINE_BYTES,
    PAYLOAD_ITEM_BYTES,
    PAYLOAD_KEPT_S,
    RESULT_INLINE_BYTES,
    WRITE_UNIT_BYTES,
)
from whendue.ports import BlobStore, JobStore

IN_ITEM = "item"


class Placed(NamedTuple):
    """Where a text goes: inline, or at a place (`item` or an S3 key), with the write that puts it there."""

    inline: str | None = None
    at: str | None = None
    write: Write | None = None


class Documents:
    """Puts payloads and results in their places and brings them back."""

    def __init__(self, store: JobStore, blobs: BlobStore) -> None:
        """Use this table and this blob store."""
        self._store = store
        self._blobs = blobs

    def place_payload(self, job: Job, text: str) -> Placed:
        """Choose a payload's place. A blob is stored now: nothing points to it until the job is written.

        Raises:
            UnavailableError: the blob store refused.
        """
        hot = item_bytes(to_item(evolve(job, payload=text)))
        size = len(text.encode())
        if size <= PAYLOAD_INLINE_BYTES and hot <= WRITE_UNIT_BYTES - HOT_ITEM_RESERVE_BYTES:
            return Placed(inline=text)
        if size <= PAYLOAD_ITEM_BYTES:
            values = {"text": text, "expires_at": payload_expiry(job)}
            return Placed(at=IN_ITEM, write=insert("payload", payload_key(job.id, job.request_hash), values))
        return self._blob(f"payload/{job.tenant}/{job.id}/{job.request_hash}", text)

    def place_result(self, job: Job, text: str) -> Placed:
        """Choose a result's place, under the fence of the claim that made it.

        Raises:
            UnavailableError: the blob store refused.
        """
        size = len(text.encode())
        # What finishing itself adds: the done partition's name, finish time and expiry.
        hot = item_bytes(to_item(evolve(job, result=text))) + len(job.tenant) + HOT_ITEM_RESERVE_BYTES // 2
        if size <= RESULT_INLINE_BYTES and (hot <= WRITE_UNIT_BYTES or size <= _pointer_bytes()):
            return Placed(inline=text)
        if size <= PAYLOAD_ITEM_BYTES:
            values = {"text": text, "expires_at": payload_expiry(job)}
            return Placed(at=IN_ITEM, write=insert("result", result_key(job.id, job.fence or ""), values))
        return self._blob(f"result/{job.tenant}/{job.id}/{job.fence}", text)

    def _blob(self, key: str, text: str) -> Placed:
        self._blobs.put(key, text)
        return Placed(at=key)

    def payloads(self, jobs: Sequence[Job]) -> dict[str, str | None]:
        """Bring the payloads of jobs, by job id; None where one is gone. One read for all that are items.

        Raises:
            UnavailableError: table or blob store refused.
        """
        return self._texts(
            {job.id: (job.payload, job.payload_at, payload_key(job.id, job.request_hash)) for job in jobs}
        )

    def result(self, job: Job) -> str | None:
        """Bring a job's result; None where there is none.

        Raises:
            UnavailableError: table or blob store refused.
        """
        return self.results([job])[job.id]

    def results(self, jobs: Sequence[Job]) -> dict[str, str | None]:
        """Bring the results of jobs, by job id. One read for all that are items.

        Raises:
            UnavailableError: table or blob store refused.
        """
        return self._texts({job.id: (job.result, job.result_at, result_key(job.id, job.fence or "")) for job in jobs})

    def _texts(self, wanted: Mapping[str, tuple[str | None, str | None, Key]]) -> dict[str, str | None]:
        """Bring texts that are inline, in items or in blobs; each is (inline, where, the item's key)."""
        keys = {job_id: key for job_id, (_, at, key) in wanted.items() if at == IN_ITEM}
        items = self._store.get(list(keys.values())) if keys else []
        texts = {job_id: item["text"] if item else None for job_id, item in zip(keys, items, strict=True)}
        for job_id, (inline, at, _) in wanted.items():
            if at != IN_ITEM:
                texts[job_id] = inline if at is None else self._blobs.get(at)
        return texts

    def keep_longer(self, job: Job, due_at: int) -> list[Write]:
        """Give the write that keeps a payload's item for a later due time; it only ever moves forward."""
        if job.payload_at != IN_ITEM:
            return []
        expiry = max(payload_expiry(job), payload_expiry(evolve(job, due_at=due_at)))
        key = payload_key(job.id, job.request_hash)
        return [Write("keep_payload", key, (), {"expires_at": expiry})]


def payload_expiry(job: Job) -> int:
    """Say when a job's payload may go, seconds since 1970: long after its last possible attempt."""
    return job.due_at // 1000 + job.policy.retention_s + PAYLOAD_KEPT_S


def _pointer_bytes() -> int:
    """Count what pointing elsewhere would cost: a result no longer than that is inline in any case."""
    return len("result_at") + len(IN_ITEM)
