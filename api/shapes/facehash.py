"""FaceHash's requests and replies."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_PNG, HAS_BASE64, HAS_FORM_BASE64, JsonFlag, Name, bodies


class FaceHashUser(Shape):
    """Whose classifier, and which user."""

    API_KEY: str | None = Field(None, examples=["API_KEY_TEST_1"])
    """`API_KEY_TEST_1` on a server without keys; else the key of the header, or left out."""
    username: Name = Field(examples=["ada"])
    """The user's name, `userName` too."""


class _Recognize(FaceHashUser):
    live: JsonFlag = False
    """Whether the face has to be live, as for /verify."""


RECOGNIZE = bodies("Recognize", _Recognize, "image", about="The photo, `picture` too.")


class TrainBody(FaceHashUser):
    """Images of the user, and hyper-parameters for those who want to choose some."""

    images: Annotated[list[Any], Field(min_length=10, json_schema_extra=HAS_BASE64, examples=[[EXAMPLE_PNG] * 10])]
    """Photos as base64 text; those that cannot be decoded are left out."""
    epochs: Annotated[int, Field(ge=1, le=100)] | SkipJsonSchema[None] = None
    batch_size: Annotated[int, Field(ge=32, le=1024)] | SkipJsonSchema[None] = None
    learning_rate: Annotated[float, Field(ge=1e-4, le=0.1)] | SkipJsonSchema[None] = None
    hidden_units: Annotated[int, Field(ge=0, le=256)] | SkipJsonSchema[None] = None
    dropout: Annotated[float, Field(ge=0, le=0.5)] | SkipJsonSchema[None] = None
    l2: Annotated[float, Field(ge=0, le=0.1)] | SkipJsonSchema[None] = None


class TrainForm(TrainBody):
    """The same in a form."""

    images: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(min_length=10, json_schema_extra=HAS_FORM_BASE64, examples=[[EXAMPLE_PNG] * 10]),
    ]


class TrainFiles(FaceHashUser):
    """The same with the images as files; hyper-parameters are fields as in the other forms."""

    images: Annotated[list[bytes], Field(min_length=10)]


class TrainQuery(Shape):
    """How the reply comes."""

    async_: Annotated[
        str, Field(alias="async", pattern="^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$", examples=["true"])
    ] = "false"
    """`true` replies at once, with a job to poll."""


class Trained(Shape):
    """That the training ended well; FAILURE where the images show too few faces, ERROR where they show two people."""

    responseType: Literal["SUCCESS", "FAILURE", "ERROR"] = Field(examples=["SUCCESS"])  # noqa: N815 - FaceHash's own name
    successDescription: str | SkipJsonSchema[None] = Field(None, examples=["Model trained successfully."])  # noqa: N815
    errorDescription: str | SkipJsonSchema[None] = None  # noqa: N815
    code: int | SkipJsonSchema[None] = None
    """Of an ERROR: 852, or 120 for a file that is no photo."""


class Recognized(Trained):
    """Whether the photo shows the user."""

    successDescription: str | SkipJsonSchema[None] = Field(None, examples=["Face recognized successfully."])  # noqa: N815
    detectionTime: float | SkipJsonSchema[None] = Field(None, examples=[0.0021])  # noqa: N815
    """Seconds that the classifier took."""
    confidencePercentage: float | SkipJsonSchema[None] = Field(None, examples=[0.95])  # noqa: N815
    """How likely the face is the user's, 0 to 1."""


class TrainStarted(Shape):
    """That the training began."""

    responseType: Literal["SUCCESS"]  # noqa: N815
    successDescription: str = Field(examples=["Training started."])  # noqa: N815
    job: str = Field(examples=["0a1b2c3d-00112233445566778899aabbccddeeff"])
    poll: str = Field(examples=["/jobs/0a1b2c3d-00112233445566778899aabbccddeeff"])


class Failure(Shape):
    """Why the request could not be served."""

    responseType: Literal["ERROR"]  # noqa: N815
    errorDescription: str = Field(examples=["A valid API key is needed."])  # noqa: N815
    code: int = Field(examples=[401])
    field: str | SkipJsonSchema[None] = None
    """The field that is wrong."""
