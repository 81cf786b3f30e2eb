"""The calls."""

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from faceapp_client.errors import JobLostError, RefusedError
from faceapp_client.photos import Photo, parts, several
from faceapp_client.results import (
    Comparison,
    Embeddings,
    EnrolledFace,
    Enrolment,
    FacePhoto,
    Faces,
    Job,
    PeoplePage,
    Person,
    PersonDetails,
    Receipt,
    Reply,
    SearchResult,
    Upload,
    Verdict,
    pick,
    typed,
)
from faceapp_client.transport import Retries, Transport, checked_key, checked_url

DEFAULT_URL = "http://127.0.0.1:8001"


class Client:
    """A server and how it is called; also a context manager. Threads may share it.

    Photos are file paths, bytes, or pairs of name and bytes. Calls raise `RefusedError` with the server's code and
    advice, `UnreachableError` where no server answers, and `OSError` for a photo that cannot be read. That a person is
    not accepted is a result, not an exception. An address or a key that cannot be one is a `ValueError`. `transport`
    replaces the network, for tests.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout_s: float = 120.0,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        http = httpx.Client(base_url=checked_url(base_url), timeout=timeout_s, transport=transport)
        if api_key:
            http.headers["X-API-Key"] = checked_key(api_key)
        self._transport = Transport(http, retries or Retries())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def upload(self, person_id: str, *photos: Photo, challenge: str = "") -> Upload:
        """Score photos and keep the good ones, for `enrol` or `verify`; `challenge` is the nonce that they answer."""
        query = {"id": person_id, **_set(challenge=challenge)}
        return typed(Upload, self._transport.call("POST", "/upload_imgs", query=query, photos=parts(photos)))

    def enrol(
        self, upload_id: str, name: str, *, in_place: bool = False, consent: str = "", retain_until: str = ""
    ) -> Enrolment:
        """Enrol an upload; `in_place` replaces what is enrolled. `retain_until` is a day, YYYY-MM-DD."""
        flags = {"delete_pickles": "false", "rebuild_db": "false", "in_place": _flag(in_place)}
        form = {"upload_id": upload_id, "name": name, **flags, **_set(consent=consent, retain_until=retain_until)}
        return typed(Enrolment, self._transport.call("POST", "/upload_db", form=form))

    def verify(
        self, upload_id: str, *, skip_verify: bool = False, skip_db_search: bool = False, skip_liveness: bool = False
    ) -> Verdict:
        """Say whether an upload shows the person of its ID."""
        form = {"upload_id": upload_id, **_skips(skip_verify, skip_db_search, skip_liveness)}
        return typed(Verdict, self._transport.call("POST", "/verify", form=form))

    def enrol_photos(
        self,
        person_id: str,
        *photos: Photo,
        name: str = "",
        in_place: bool = False,
        consent: str = "",
        retain_until: str = "",
    ) -> Enrolment:
        """Upload and enrol photos in one call. `name` may be left out for a person who is enrolled."""
        form = {**_set(name=name, consent=consent, retain_until=retain_until), "in_place": _flag(in_place)}
        path = f"/people/{_part(person_id)}/faces"
        return typed(Enrolment, self._transport.call("POST", path, form=form, photos=parts(photos)))

    def verify_photo(
        self,
        person_id: str,
        *photos: Photo,
        skip_verify: bool = False,
        skip_db_search: bool = False,
        skip_liveness: bool = False,
        challenge: str = "",
    ) -> Verdict:
        """Upload and verify photos in one call."""
        query = {"id": person_id, **_set(challenge=challenge), **_skips(skip_verify, skip_db_search, skip_liveness)}
        return typed(Verdict, self._transport.call("POST", "/verify-photo", query=query, photos=parts(photos)))

    def challenge(self, person_id: str) -> Reply:
        """Ask what the person shall do in front of the camera: `results` has `challenge`, `actions`, `expires_in_s`."""
        return self._transport.call("POST", "/liveness/challenge", form={"id": person_id})

    def compare(
        self, a: Photo | Sequence[Photo], b: Photo | Sequence[Photo], *, live: bool = False, document: bool = False
    ) -> Comparison:
        """Say whether `a` and `b` show one person. `live`: `b` is a selfie; `document`: `a` is an ID card."""
        photos = [*parts(several(a), "a"), *parts(several(b), "b")]
        form = {"live": _flag(live), "document": _flag(document)}
        return typed(Comparison, self._transport.call("POST", "/compare", form=form, photos=photos))

    def search(self, *photos: Photo, limit: int = 5, live: bool = False) -> SearchResult:
        """Say who photos show: for each face the `limit` nearest people."""
        return SearchResult.of(self._search(photos, limit, live, later=False))

    def search_later(self, *photos: Photo, limit: int = 5, live: bool = False) -> Job:
        """Start a search in the background, for many photos; `wait` returns its end."""
        return typed(Job, self._search(photos, limit, live, later=True), kind="search")

    def detect(self, *photos: Photo) -> Faces:
        """Find the faces of photos."""
        reply = self._transport.call("POST", "/detect", photos=parts(photos))
        return typed(Faces, reply, photos=[pick(FacePhoto, one) for one in reply.results["photos"]])

    def embed(self, *photos: Photo) -> Embeddings:
        """Find the faces of photos and return their embeddings."""
        reply = self._transport.call("POST", "/embed", photos=parts(photos))
        return typed(Embeddings, reply, photos=[pick(FacePhoto, one) for one in reply.results["photos"]])

    def people_page(self, *, search: str = "", after: str = "", limit: int = 50) -> PeoplePage:
        """Return a page of the people whose ID or name contains `search`, by ID, after the ID `after`."""
        query = {**_set(search=search, after=after), "limit": str(limit)}
        reply = self._transport.call("GET", "/people", query=query)
        return typed(PeoplePage, reply, people=[pick(Person, one) for one in reply.results["people"]])

    def people(self, *, search: str = "") -> Iterator[Person]:
        """Yield everybody whose ID or name contains `search`, by ID, page after page."""
        page = self.people_page(search=search, limit=100)
        yield from page.people
        while page.next is not None:
            page = self.people_page(search=search, after=page.next, limit=100)
            yield from page.people

    def person(self, person_id: str) -> PersonDetails:
        """Return a person and the faces."""
        return _details(self._transport.call("GET", f"/people/{_part(person_id)}"))

    def rename(self, person_id: str, name: str) -> Person:
        """Give a person another name."""
        reply = self._transport.call("PATCH", f"/people/{_part(person_id)}", form={"name": name})
        return pick(Person, reply.results)

    def forget(self, person_id: str) -> Receipt:
        """Remove every trace of a person."""
        return typed(Receipt, self._transport.call("DELETE", f"/people/{_part(person_id)}"))

    def face(self, person_id: str, face_id: str) -> bytes:
        """Return an enrolled face as a PNG."""
        return self._transport.content(f"/people/{_part(person_id)}/faces/{_part(face_id)}")

    def delete_face(self, person_id: str, face_id: str) -> PersonDetails:
        """Take a face away from a person; the only one stays."""
        return _details(self._transport.call("DELETE", f"/people/{_part(person_id)}/faces/{_part(face_id)}"))

    def move_face(self, person_id: str, face_id: str, to: str) -> PersonDetails:
        """Move a face to another person, whom it has to show; returns that person."""
        path = f"/people/{_part(person_id)}/faces/{_part(face_id)}/move"
        return _details(self._transport.call("POST", path, form={"to": to}))

    def job(self, job_id: str) -> Job:
        """Return how far a job is."""
        return typed(Job, self._transport.call("GET", f"/jobs/{_part(job_id)}"))

    def wait(self, job: Job | str, *, every_s: float = 0.5, at_most_s: float = 3600.0) -> Reply:
        """Wait for a job; return its reply. Raises `RefusedError` where it was refused, `JobLostError`, `TimeoutError`.

        `SearchResult.of` reads the reply of a search.
        """
        job_id, deadline = job if isinstance(job, str) else job.job, time.monotonic() + at_most_s
        while (now := self.job(job_id)).is_running:
            if time.monotonic() > deadline:
                raise TimeoutError(f"The job {job_id} did not end within {at_most_s:.0f} s.")
            time.sleep(every_s)
        if now.result is None:
            raise JobLostError(f"The job {job_id} is lost.", "Send the request again.")
        code, message, results = int(now.result["code"]), str(now.result["message"]), now.result["results"]
        if now.state == "failed":
            raise RefusedError(code, message, results, status=200, request_id=now.request_id)
        return Reply(code=code, message=message, results=results, request_id=now.request_id)

    def codes(self) -> Sequence[Mapping[str, object]]:
        """Return every code with cause and advice."""
        return list(self._transport.call("GET", "/codes").results.values())

    def code(self, number: int) -> Mapping[str, object]:
        """Return a code with cause and advice."""
        return self._transport.call("GET", f"/codes/{number}").results

    def ready(self) -> Reply:
        """Return the health of a server that can serve requests; raises `RefusedError` where it cannot."""
        return self._transport.call("GET", "/health/ready")

    def _search(self, photos: Sequence[Photo], limit: int, live: bool, later: bool) -> Reply:
        query = {"limit": str(limit), "live": _flag(live), "async": _flag(later)}
        return self._transport.call("POST", "/search", query=query, photos=parts(photos))


def _details(reply: Reply) -> PersonDetails:
    return typed(PersonDetails, reply, faces=[pick(EnrolledFace, one) for one in reply.results["faces"]])


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _skips(verify: bool, search: bool, liveness: bool) -> dict[str, str]:
    return {"skip_verify": _flag(verify), "skip_db_search": _flag(search), "skip_liveness": _flag(liveness)}


def _set(**fields: str) -> dict[str, str]:
    """Return the fields that are not empty."""
    return {key: value for key, value in fields.items() if value}


def _part(text: str) -> str:
    """Return a text as a part of a path."""
    return quote(text, safe="")
