"""Laws of profiles: the resolution order, following, and what the table keeps of them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.samples import a_job
from whendue.adapters.dynamodb.attribute_values import to_attribute
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, Policy, evolve, from_item, to_item
from whendue.profiles import model as domain
from whendue.profiles.model import (
    POLICY_FIELDS,
    PROFILES,
    Profile,
    followed,
    resolve,
    sources_of,
    to_content,
)
from whendue.table.preconditions import Precondition

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "max_attempts": st.integers(1, 50),
    "base_s": st.integers(1, 99) | st.floats(0.5, 99),
    "factor": st.integers(1, 9),
    "cap_s": st.integers(1, 86_400),
    "jitter": st.sampled_from(["full", "none"]),
    "timeout_s": st.integers(1, 999),
    "lease_s": st.integers(2, 3600),
    "retention_s": st.integers(60, 9999),
    "never_retry": st.lists(st.sampled_from(["timeout", "ValueError", "x.y-z"]), unique=True).map(tuple),
}
layers = st.fixed_dictionaries({}, optional=VALUES)
policies = st.fixed_dictionaries(VALUES).map(lambda values: Policy(**values))
limits = st.builds(
    Limit, st.none() | st.integers(1, 99), st.none() | st.floats(0.1, 99), st.none() | st.sampled_from(["key", "k.2"])
).filter(lambda limit: limit != Limit())
profiles = st.builds(
    Profile,
    st.just("mine"),
    policy=layers,
    queue=st.none() | st.sampled_from(["critical", "low"]),
    limit=st.none() | limits,
    follow=st.booleans(),
    version=st.integers(1, 9),
    edited_at=st.integers(0, 2**42),
)


def test_the_laws_know_every_field() -> None:
    """A new field of a policy must join them."""
    assert tuple(VALUES) == POLICY_FIELDS


@given(policies, layers, layers, layers)
def test_each_field_is_the_requests_else_the_profiles_else_the_tasks_else_the_default(
    default: Policy, task: dict[str, Any], profile: dict[str, Any], request: dict[str, Any]
) -> None:
    """The resolution order, field by field, and what the job says of it."""
    policy, letters = resolve(default, task=task, profile=profile, request=request)
    sources = sources_of(evolve(a_job(), policy=policy, sources=letters))
    for name in POLICY_FIELDS:
        order = [("request", request), ("profile", profile), ("task", task)]
        source, value = next(
            ((source, layer[name]) for source, layer in order if name in layer), ("default", getattr(default, name))
        )
        assert (getattr(policy, name), sources[name]) == (value, source)
    assert (letters is None) == (not task and not profile and not request), "a job of defaults alone pays nothing"


@pytest.mark.parametrize("layer", ["task", "profile", "request"])
def test_a_layer_that_names_what_a_policy_does_not_have_is_refused(layer: str) -> None:
    """A misspelt `max_atempts=3` of a task must not be taken for nothing."""
    with pytest.raises(ValueError, match="max_atempts"):
        resolve(Policy(), **{"task": {}, "profile": {}, "request": {}} | {layer: {"max_atempts": 3}})


def job_of(profile: Profile, task: dict[str, Any], request: dict[str, Any], default: Policy) -> Job:
    policy, sources = resolve(default, task=task, profile=profile.policy, request=request)
    return evolve(a_job(), policy=policy, sources=sources, profile_version=profile.version, follow=True)


@given(policies, layers, layers, profiles, profiles)
def test_a_followers_policy_is_what_it_would_be_if_it_were_submitted_now(
    default: Policy, task: dict[str, Any], request: dict[str, Any], old: Profile, new: Profile
) -> None:
    """What the request asked for stays, everything else is of one version: the newer one. Also after the table."""
    newest = replace(new, version=(old.version or 0) + 1)
    job = from_item(to_item(job_of(old, task, request, default)))
    assert followed(job, newest, default=default, task=task) == job_of(newest, task, request, default)


@given(policies, profiles, profiles)
def test_a_follower_never_goes_back_to_an_older_version(default: Policy, has: Profile, found: Profile) -> None:
    """Another process may have known a newer one than this one does."""
    job = job_of(has, {}, {}, default)
    after = followed(job, found, default=default, task={})
    assert after.profile_version == max(has.version or 0, found.version or 0)
    if (found.version or 0) <= (has.version or 0):
        assert after == job


@given(policies, profiles)
def test_a_built_in_profile_is_nothing_to_follow(default: Policy, has: Profile) -> None:
    """It has no versions; a tenant's own never turns into one."""
    job = job_of(has, {}, {}, default)
    assert followed(job, PROFILES["patient"], default=default, task={}) == job


@given(profiles)
def test_a_profile_survives_the_table(profile: Profile) -> None:
    """What is read is what was written, also an empty list that overrides another layer's."""
    item = {"version": profile.version, "edited_at": profile.edited_at, "content": to_content(profile)}
    assert domain.from_item("mine", item) == profile
    to_attribute(item["content"])  # A TypeError where DynamoDB has no type for what is in it.


def test_what_a_newer_version_of_whendue_says_is_left_out() -> None:
    """Both run side by side while a deploy is rolled out."""
    content = {"policy": {"max_attempts": 3, "novelty": 1}, "limit": {"concurrency": 2, "novelty": 1}, "novelty": 1}
    read = domain.from_item("mine", {"version": 1, "edited_at": 0, "content": content, "novelty": 1})
    assert read == Profile("mine", {"max_attempts": 3}, limit=Limit(2), version=1, edited_at=0)


def test_a_follower_without_a_version_takes_the_first_that_it_finds() -> None:
    """Its profile was built in when it was accepted, and is the tenant's own since."""
    job = evolve(a_job(), follow=True)
    after = followed(job, Profile("mine", {"max_attempts": 3}, version=1), default=Policy(), task={})
    assert (after.profile_version, after.policy.max_attempts) == (1, 3)


@given(st.none() | st.integers(1, 9), st.none() | st.frozensets(st.integers(1, 9)), st.none() | st.booleans())
def test_a_precondition_is_all_that_it_says(
    version: int | None, one_of: frozenset[int] | None, exists: bool | None
) -> None:
    """RFC 9110 section 13.1: the versions named, and whether there is one."""
    good = (one_of is None or version in one_of) and (exists is None or exists == (version is not None))
    assert Precondition(one_of, exists).holds(version) == good


@given(st.text("rptd", max_size=20))
def test_letters_of_another_version_of_whendue_are_read_as_far_as_they_go(letters: str) -> None:
    """While a deploy is rolled out, jobs have more or fewer fields than this process knows."""
    assert tuple(sources_of(evolve(a_job(), sources=letters))) == POLICY_FIELDS
