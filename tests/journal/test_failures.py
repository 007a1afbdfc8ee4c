"""The records of failed tries: what is pending, what is final, and what the user asked for again."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from factory.journal import failures
from factory.journal.failures import Failure, Try, fail, iterate_final, make_failure_row, make_reopened_row
from factory.journal.keys import make_keys
from factory.journal.phases import FAILED_PHASE
from factory.journal.segments import Finished, write_segment
from factory.storage.store import Store
from schemas.outcome import Outcome
from schemas.request import Request
from tests.support.builders import make_brief

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NOTHING = Finished(np.empty(0, "S16"))


def make_request(name: str) -> Request:
    return Request(request_id=f"{name:0>32}", brief=make_brief(), placement="meta_feed", locale="en-US", seed=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def write(store: Store, *outcomes: Outcome) -> None:
    write_segment(store, FAILED_PHASE, [make_failure_row(outcome) for outcome in outcomes], "run", NOW)


def try_often(request: Request, times: int, max_attempts: int = 3, retries: int = 0) -> list[Outcome]:
    """As many failed tries of one request, one after the other."""
    return [fail(Try(request, retries, number), "text", "timeout", "slow", max_attempts) for number in range(times)]


def find_keys(*ids: str) -> set[bytes]:
    return {make_keys(pa.array([each], type=pa.string())).tobytes() for each in ids}


def test_a_request_is_pending_until_its_attempts_are_used_up(store: Store) -> None:
    one, two = make_request("1"), make_request("2")
    write(store, *try_often(one, 2))
    write(store, *try_often(two, 3))
    found = failures.read_failures(store)
    assert found.find_pending(NOTHING) == {one.request_id: Failure(0, 2, "failed", "timeout")}
    assert found.find_final() == {two.request_id: Failure(0, 3, "quarantined", "timeout")}
    assert found.find_final("raised") == {}
    assert sorted(found.list_ids()) == [one.request_id, two.request_id]


def test_what_was_tried_and_has_no_newer_record_did_not_fail_again(store: Store) -> None:
    request = make_request("1")
    write(store, *try_often(request, 1))
    tried = failures.read_failures(store).find_pending(NOTHING)
    assert failures.read_failures(store).find_pending(NOTHING, tried) == {}
    write(store, try_often(request, 2)[1])
    assert failures.read_failures(store).find_pending(NOTHING, tried)[request.request_id].attempt == 2


def test_what_came_to_its_end_after_it_had_failed_is_not_pending(store: Store) -> None:
    one, two = make_request("1"), make_request("2")
    write(store, *try_often(one, 1))
    write(store, *try_often(two, 1))
    pending = failures.read_failures(store).find_pending(NOTHING.with_ids([one.request_id]))
    assert list(pending) == [two.request_id]


def test_asking_again_counts_attempts_anew_and_keeps_the_request(store: Store) -> None:
    request = make_request("1")
    write(store, *try_often(request, 3))
    final = failures.read_failures(store).find_final()
    ((request_id, row),) = failures.iterate_outcomes(store, final)
    reopened = make_reopened_row(Outcome.model_validate_json(row.payload), 1)
    write_segment(store, FAILED_PHASE, [reopened], "run", NOW)
    pending = failures.read_failures(store).find_pending(NOTHING)
    assert (request_id, pending) == (request.request_id, {request.request_id: Failure(1, 0, "reopened", "")})
    ((_, again),) = failures.iterate_outcomes(store, pending)
    assert Outcome.model_validate_json(again.payload).request == request
    write(store, *try_often(request, 3, retries=1))
    assert failures.read_failures(store).find_final()[request.request_id] == Failure(1, 3, "quarantined", "timeout")


def test_only_given_up_requests_that_nobody_finished_become_quarantine_rows(store: Store) -> None:
    done, given_up, pending, foreign = (make_request(name) for name in "1234")
    for request, times in ((done, 3), (given_up, 3), (pending, 1), (foreign, 3)):
        write(store, *try_often(request, times))
    wanted = find_keys(given_up.request_id, pending.request_id)  # `done` was taken out of it by the text phase's row
    (row,) = iterate_final(store, wanted)
    assert (row.request_id, row.status) == (given_up.request_id, "quarantined")
    assert wanted == find_keys(pending.request_id)


def test_a_refusal_says_how_often_it_was_tried(store: Store) -> None:
    first, last = try_often(make_request("1"), 2, max_attempts=2)
    assert (first.status, last.status) == ("failed", "quarantined")
    assert last.quarantine is not None and last.quarantine.retryable
    assert (last.quarantine.attempt, last.quarantine.brief_id) == (2, make_brief().brief_id)
    with pytest.raises(ValueError, match="only a failed request"):
        make_failure_row(Outcome(request=make_request("1")))


def test_an_output_without_failures_has_none(store: Store) -> None:
    assert failures.read_failures(store).by_id == {}
    assert list(failures.iterate_outcomes(store, {})) == []
