"""One line of advice for each component that failed: what the person in front of the camera should do next."""

from collections.abc import Mapping
from types import MappingProxyType

FINE = "Nothing."
NO_FACE = "Show the whole face from the front, in even light, filling at least a quarter of the photo's width."
SECOND_PERSON = "Take the photo with one person in it: `box` (left, top, width, height) shows another face."

_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "DetectorConfidence": "Look straight into the camera, with nothing in front of the face.",
        "CropOfTheFaceImage": "Move back or to the middle: a part of the face is outside the photo.",
        "Sharpness": "Hold still, tap on the face to focus, and clean the lens.",
        "UnderExposurePrevention": "Move to the light: the face is too dark.",
        "OverExposurePrevention": "Move out of the glare: parts of the face are burnt out.",
        "DynamicRange": "Use more and even light: the face shows too few shades.",
        "IlluminationUniformity": "Turn towards the light: one side of the face is much darker.",
        "CompressionArtifacts": "Send the original photo, not a copy from a chat: it is compressed too much.",
        "FaceOcclusionPrevention": "Uncover the face: no mask, scarf, hand or hair in front of it.",
        "EmbeddingLength": "Take a larger and sharper photo from the front: the face shows too little to recognise it.",
        "MirrorAgreement": "Look straight into the camera in even light, with nothing in front of the face.",
        "UnifiedQualityScore": "Take a sharp photo from the front in even light, with the face larger in the picture.",
    }
)


def advice_for(name: str, value: float, threshold: float) -> str:
    """Return what to do about a failed component; `value` is as measured, angles with their sign."""
    if name == "InterEyeDistance":
        times = max(1.2, threshold / max(value, 1.0))
        return f"Move closer: the face should be about {times:.1f} times as large."
    if name == "HeadPoseYaw":
        return f"Turn the head about {_tens(value)} degrees to your {'right' if value > 0 else 'left'}."
    if name == "HeadPosePitch":
        return f"{'Lower' if value > 0 else 'Raise'} the chin by about {_tens(value)} degrees."
    if name == "HeadPoseRoll":
        return f"Hold the head upright: it is tilted by about {_tens(value)} degrees."
    return _ADVICE[name.partition(".")[0]]


def _tens(angle: float) -> int:
    """Return an angle's size to the next 5 degrees."""
    return max(5, 5 * round(abs(angle) / 5))
