"""GET /jobs/<id>: any key may ask, and sees its own jobs alone."""

from __future__ import annotations

from api.jobs import EXTENSION
from codes_dict import Code, Outcome
from pipeline.jobs import Jobs
from security.keys import KeySet, new_key
from tests.http.front import front


def test_a_job_shows_to_the_key_that_made_it() -> None:
    (one, first), (other, second) = (new_key(label, {"facehash"}, 0, None) for label in ("a", "b"))
    client = front(load=lambda: KeySet([first, second]))
    jobs: Jobs = client.application.extensions[EXTENSION]
    job = jobs.start("train", first.key_id, "home", lambda _: Outcome(Code.DONE))
    job.wait()
    replies = [client.get(f"/jobs/{job.id}", headers={"X-API-Key": key}) for key in (one, other, "none")]
    assert [reply.status_code for reply in replies] == [200, 404, 401]
    assert replies[0].get_json()["results"]["state"] == "done"


def test_on_the_open_server_every_local_caller_sees_the_jobs() -> None:
    client = front()
    jobs: Jobs = client.application.extensions[EXTENSION]
    job = jobs.start("train", "", "home", lambda _: Outcome(Code.DONE))
    job.wait()
    assert client.get(f"/jobs/{job.id}").get_json()["results"]["result"]["code"] == 101
