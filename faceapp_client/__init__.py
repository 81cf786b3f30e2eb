"""A client of a faceapp server: typed results, retries that obey the server, one exception for each refusal.

    from faceapp_client import Client

    with Client("http://127.0.0.1:8001", api_key="...") as faceapp:
        faceapp.enrol_photos("RECO_ID_000024", "enrol_1.jpg", "enrol_2.jpg", name="Ada Lovelace")
        print(faceapp.verify_photo("RECO_ID_000024", "now.jpg").accepted)

It needs httpx and nothing of the server.
"""

from faceapp_client.client import DEFAULT_URL, Client
from faceapp_client.errors import FaceappError, JobLostError, RefusedError, UnreachableError
from faceapp_client.photos import Photo
from faceapp_client.results import (
    Candidate,
    Comparison,
    Embeddings,
    EnrolledFace,
    Enrolment,
    FacePhoto,
    Faces,
    FoundFace,
    Job,
    PeoplePage,
    Person,
    PersonDetails,
    Receipt,
    Reply,
    SearchResult,
    Upload,
    Verdict,
)
from faceapp_client.transport import Retries

__all__ = [
    "DEFAULT_URL",
    "Candidate",
    "Client",
    "Comparison",
    "Embeddings",
    "EnrolledFace",
    "Enrolment",
    "FacePhoto",
    "FaceappError",
    "Faces",
    "FoundFace",
    "Job",
    "JobLostError",
    "PeoplePage",
    "Person",
    "PersonDetails",
    "Photo",
    "Receipt",
    "RefusedError",
    "Reply",
    "Retries",
    "SearchResult",
    "UnreachableError",
    "Upload",
    "Verdict",
]
