"""The flows. Each reads top to bottom as its list of stages; a stage's refusal ends it with its code."""

from pipeline.flows.audit import note
from pipeline.flows.challenge import challenge
from pipeline.flows.compare import CompareRequest, compare
from pipeline.flows.enrol import EnrolRequest, enrol
from pipeline.flows.facehash import Lesson, check_lesson, look_at_lesson, recognise, train, user_name
from pipeline.flows.faces import faces_of
from pipeline.flows.forget import forget
from pipeline.flows.one_call import enrol_photos, name_kept, verify_photos
from pipeline.flows.people import (
    MOST_PEOPLE,
    face_picture,
    found_face,
    list_people,
    move_face,
    rename_person,
    show_person,
    shown_face,
    take_face,
)
from pipeline.flows.policy import Policy
from pipeline.flows.search import MOST_CANDIDATES, SearchRequest, search
from pipeline.flows.services import Services
from pipeline.flows.upload import upload
from pipeline.flows.verify import VerifyRequest, verify
from pipeline.stages.sent_files import SentFile
from pipeline.stages.terms import check_terms

__all__ = [
    "MOST_CANDIDATES",
    "MOST_PEOPLE",
    "CompareRequest",
    "EnrolRequest",
    "Lesson",
    "Policy",
    "SearchRequest",
    "SentFile",
    "Services",
    "VerifyRequest",
    "challenge",
    "check_lesson",
    "check_terms",
    "compare",
    "enrol",
    "enrol_photos",
    "face_picture",
    "faces_of",
    "forget",
    "found_face",
    "list_people",
    "look_at_lesson",
    "move_face",
    "name_kept",
    "note",
    "recognise",
    "rename_person",
    "search",
    "show_person",
    "shown_face",
    "take_face",
    "train",
    "upload",
    "user_name",
    "verify",
    "verify_photos",
]
