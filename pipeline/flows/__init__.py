"""The flows. Each reads top to bottom as its list of stages; a stage's refusal ends it with its code."""

from pipeline.flows.audit import note
from pipeline.flows.compare import CompareRequest, compare
from pipeline.flows.enrol import EnrolRequest, enrol
from pipeline.flows.facehash import Lesson, check_lesson, look_at_lesson, recognise, train, user_name
from pipeline.flows.faces import faces_of
from pipeline.flows.likeness import (
    compare_embeddings,
    compare_embeddings_with_image,
    compare_images,
    compare_with_image,
    detect_faces,
    recognise_embeddings,
    recognise_faces,
)
from pipeline.flows.one_call import enrol_photos, name_kept, verify_photos
from pipeline.flows.policy import Policy
from pipeline.flows.search import MOST_CANDIDATES, SearchRequest, search
from pipeline.flows.seen_faces import PLUGINS, FaceOptions
from pipeline.flows.services import Services
from pipeline.flows.subject_rules import subject_face
from pipeline.flows.upload import challenge, upload
from pipeline.flows.verify import VerifyRequest, verify
from pipeline.stages.metric import METRICS
from pipeline.stages.sent_files import SentFile
from pipeline.stages.terms import check_terms
