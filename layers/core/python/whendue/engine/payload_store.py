"""Payloads and results: inline while the hot item stays within one write unit, else an item, else S3."""

from collections.abc import Mapping, Sequence

from whendue.aws_quotas import (
    HOT_ITEM_RESERVE_BYTES,
    PAYLOAD_INLINE_BYTES,
    PAYLOAD_ITEM_BYTES,
    RESULT_INLINE_BYTES,
    WRITE_UNIT_BYTES,
)
from whendue.engine.ports import BlobStore, JobStore
from whendue.errors import UnavailableError
from whendue.jobs.lifetime import IN_ITEM, belonging
from whendue.jobs.model import Job, evolve, item_bytes, stored
from whendue.jobs.outcomes import StoredPayload
from whendue.table.keys import Key, blob_key, payload_key, result_key
from whendue.table.writes import insert


class PayloadStore:
    """Puts payloads and results in their places and brings them back."""

    def __init__(self, store: JobStore, blobs: BlobStore) -> None:
        """Use this table and this blob store."""
        self._store = store
        self._blobs = blobs

    def place_payload(self, job: Job, text: str) -> StoredPayload:
        """Choose a payload's place. A blob is stored now: nothing points to it until the job is written.

        Raises:
            UnavailableError: the blob store refused.
        """
        hot = item_bytes(stored(evolve(job, payload=text)))
        size = len(text.encode())
        if size <= PAYLOAD_INLINE_BYTES and hot <= WRITE_UNIT_BYTES - HOT_ITEM_RESERVE_BYTES:
            return StoredPayload(inline=text)
        if size <= PAYLOAD_ITEM_BYTES:
            key = payload_key(job.id, job.request_hash, job.life)
            return StoredPayload(at=IN_ITEM, write=insert("payload", key, belonging(job, {"text": text})))
        name = job.request_hash if job.life is None else f"{job.request_hash}@{job.life}"
        return self._blob(job, f"payload/{job.tenant}/{job.id}/{name}", text)

    def place_result(self, job: Job, text: str) -> StoredPayload:
        """Choose a result's place, under the fence of the claim that made it.

        Raises:
            UnavailableError: the blob store refused.
        """
        size = len(text.encode())
        # What finishing itself adds: the done partition's name, finish time and expiry.
        hot = item_bytes(stored(evolve(job, result=text))) + len(job.tenant) + HOT_ITEM_RESERVE_BYTES // 2
        if size <= RESULT_INLINE_BYTES and (hot <= WRITE_UNIT_BYTES or size <= _pointer_bytes()):
            return StoredPayload(inline=text)
        if size <= PAYLOAD_ITEM_BYTES:
            key = result_key(job.id, job.fence or "")
            return StoredPayload(at=IN_ITEM, write=insert("result", key, belonging(job, {"text": text})))
        return self._blob(job, f"result/{job.tenant}/{job.id}/{job.fence}", text)

    def _blob(self, job: Job, key: str, text: str) -> StoredPayload:
        """Put a text into the bucket, after the note by which it is found when the job has gone.

        Raises:
            UnavailableError: table or blob store refused.
        """
        [noted] = self._store.apply(
            [insert("note_blob", blob_key(job.id, key, job.life), belonging(job, {"blob": key}))]
        )
        if noted.failed:
            raise UnavailableError("the payload or result could not be stored")
        self._blobs.put(key, text)
        return StoredPayload(at=key)

    def payloads(self, jobs: Sequence[Job]) -> dict[str, str | None]:
        """Bring the payloads of jobs, by job id; None where one is gone. One read for all that are items.

        Raises:
            UnavailableError: table or blob store refused.
        """
        return self._texts(
            {job.id: (job.payload, job.payload_at, payload_key(job.id, job.request_hash, job.life)) for job in jobs}
        )

    def result(self, job: Job) -> str | None:
        """Return a job's result; None if it has none.

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

    def forget(self, blobs: Sequence[str]) -> None:
        """Delete texts from the bucket; one that is gone already is done.

        Raises:
            UnavailableError: the blob store refused.
        """
        for key in blobs:
            self._blobs.delete(key)


def _pointer_bytes() -> int:
    """Count what pointing elsewhere would cost: a result no longer than that is inline in any case."""
    return len("result_at") + len(IN_ITEM)
