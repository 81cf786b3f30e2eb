"""The flows. Each reads top to bottom as its list of stages; a stage's refusal ends it with its code."""

from pipeline.flows.challenge import challenge
from pipeline.flows.enrol import EnrolRequest, enrol
from pipeline.flows.forget import forget
from pipeline.flows.policy import Policy
from pipeline.flows.services import Services
from pipeline.flows.upload import upload
from pipeline.flows.verify import VerifyRequest, verify
from pipeline.stages.sent_files import SentFile

__all__ = [
    "EnrolRequest",
    "Policy",
    "SentFile",
    "Services",
    "VerifyRequest",
    "challenge",
    "enrol",
    "forget",
    "upload",
    "verify",
]
