"""A convolution as it is read from a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.models.compiled.filtering import Exact
from pipeline.models.compiled.memory import Shape


@dataclass(eq=False)
class Convolution:
    """A convolution and what follows it, as it is read: `kernel` is (filters, channels, high, wide).

    `bias` is (filters,), or (height, width, filters) where it differs at the borders. `more` is the name of a picture
    that is added, and `slopes` (filters,) what then multiplies all that is not positive.
    """

    name: str
    source: str
    kernel: Exact
    bias: Exact
    stride: int
    padding: int
    height: int
    width: int
    more: str | None = None
    slopes: Exact | None = None

    @property
    def shape(self) -> Shape:
        """What comes out."""
        return self.height, self.width, len(self.kernel)

    @property
    def sources(self) -> Sequence[str]:
        """The pictures that it reads."""
        return [self.source, self.more] if self.more else [self.source]

    @property
    def ends_linear(self) -> bool:
        """Whether what comes out is still the sums and their bias alone."""
        return self.more is None and self.slopes is None

    def follow(self, factors: Exact, offsets: Exact) -> None:
        """Multiply what comes out, filter by filter, and add offsets."""
        self.kernel = self.kernel * factors.reshape(-1, 1, 1, 1)
        self.bias = self.bias * factors + offsets
