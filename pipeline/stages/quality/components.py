"""All components of one face, by name. Names follow ISO/IEC 29794-5 where the standard has the component."""

from pipeline.stages.quality import geometry, pixels
from pipeline.stages.quality.canonical import canonical_face
from pipeline.stages.quality.looks import FaceLook
from pipeline.stages.quality.occlusion import covered
from pipeline.types import Face, Pixels


def of_pixels(photo: Pixels, face: Face) -> dict[str, float]:
    """Measure what needs no model; angles in degrees with their sign, everything else as its function says."""
    view = canonical_face(face.crop)
    pose = geometry.head_pose(face.crop.landmarks)
    return {
        "DetectorConfidence": face.detection.confidence,
        "InterEyeDistance": geometry.inter_eye_distance(face.crop.landmarks),
        "CropOfTheFaceImage": face.detection.box.share_inside(photo),
        "HeadPoseYaw": pose.yaw,
        "HeadPosePitch": pose.pitch,
        "HeadPoseRoll": pose.roll,
        "Sharpness": pixels.sharpness(view),
        "UnderExposurePrevention": pixels.highlights(view),
        "OverExposurePrevention": pixels.washed_out(view),
        "DynamicRange": pixels.dynamic_range(view),
        "IlluminationUniformity": pixels.illumination_uniformity(view),
        "CompressionArtifacts": pixels.blockiness(photo, face.detection.box, view.scale),
        "FaceOcclusionPrevention": covered(view),
    }


def of_look(look: FaceLook | None) -> dict[str, float]:
    """Return what the recognition models say, as components."""
    if look is None:
        return {}
    lengths = {f"EmbeddingLength.{model}": length for model, length in look.length.items()}
    return lengths | {f"MirrorAgreement.{model}": agreement for model, agreement in look.agreement.items()}
