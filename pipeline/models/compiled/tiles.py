"""The steps of a convolution around its products, in compiled code: samples to points, points to pixels; and pooling.

Pictures are float32 (faces, rows, columns, channels). A tile is what one filtering computes at once: m x m pixels of
the output. In between, each point has a matrix of its own, of tiles by channels, then of tiles by filters. What the
next tile needs is asked for early: its lines lie too far apart for the processor to foresee.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np

from pipeline.models.compiled.code import LANES, Function, Native, compiled
from pipeline.models.compiled.filtering import Exact, filtering
from pipeline.models.compiled.transforms import transformed

_TILES = ("faces", "down", "across")


@cache
def spreading(outputs: int, stride: int) -> Native:
    """Return the step from samples to points, for channels that are a multiple of `LANES`.

    spread(x, v, faces, down, across, x_face, x_row, channels, v_point): the first tile begins at `x`.
    """
    rule = filtering(outputs, stride)
    step, before = rule.outputs * stride, rule.before
    code = Function("spread", ("x", "v"), (*_TILES, "x_face", "x_row", "channels", "v_point"))
    between = code.room(rule.products * rule.samples)

    def tile(x: str, v: str) -> None:
        def column(at: str) -> None:
            start = code.at(x, (at, "%channels"))
            places = [code.at(start, (row, "%x_row")) for row in range(rule.samples)]
            samples = [code.load(place) for place in places]
            for place in places:
                code.prefetch(code.at(place, (step, "%channels")))
            for row, value in enumerate(transformed(code, before, samples)):
                code.store(value, code.at(between, (row * rule.samples, LANES), (at, LANES)))

        def row(at: str) -> None:
            start = code.at(between, (at, rule.samples * LANES))
            samples = [code.load(code.at(start, (column, LANES))) for column in range(rule.samples)]
            target = code.at(v, (code.times(at, rule.products), "%v_point"))
            for column, value in enumerate(transformed(code, before, samples)):
                code.store(value, code.at(target, (column, "%v_point")))

        code.loop(rule.samples, column)
        code.loop(rule.products, row)

    def channels(f: str, d: str, a: str, number: str) -> None:
        x = code.at("%x", (f, "%x_face"), (code.times(d, step), "%x_row"), (code.times(a, step), "%channels"))
        v = code.at("%v", (number, "%channels"))
        _vectors(code, "%channels", lambda at: tile(code.at(x, (at, 1)), code.at(v, (at, 1))))

    _tiles(code, channels)
    return compiled(code)[0]


@cache
def copying(high: int, wide: int, stride: int) -> Native:
    """Return the same for a convolution that is computed as it is written: each window becomes a row.

    A row holds the window's samples, line by line, `run` apart; what a line has more of counts for nothing.
    """
    code = Function("copy", ("x", "v"), (*_TILES, "x_face", "x_row", "channels", "run"))
    line = code.times("%channels", wide)

    def window(f: str, d: str, a: str, number: str) -> None:
        x = code.at("%x", (f, "%x_face"), (code.times(d, stride), "%x_row"), (code.times(a, stride), "%channels"))
        v = code.at("%v", (number, code.times("%run", high)))
        # The last vector of a line may reach over its end: into what is written next, or behind everything.
        for row in range(high):
            source, target = code.at(x, (row, "%x_row")), code.at(v, (row, "%run"))
            _vectors(code, line, partial(_copy, code, source, target))

    _tiles(code, window)
    return compiled(code)[0]


def _copy(code: Function, source: str, target: str, at: str) -> None:
    code.store(code.load(code.at(source, (at, 1))), code.at(target, (at, 1)))


@cache
def gathering(outputs: int, stride: int) -> Native:
    """Return the step from points to pixels, which also ends a layer; `outputs` of 1 is for `copying`.

    gather(m, out, bias, more, slopes, faces, down, across, filters, m_point, out_face, out_row, out_column, bias_row,
    bias_column, more_face, more_row, more_column): to every pixel a bias and another picture are added, then what is
    not positive is multiplied by the filter's slope. A step of 0 reads the same numbers for all pixels.
    """
    after = filtering(outputs, stride).after if outputs > 1 else np.ones((1, 1))
    step = len(after)
    numbers = ("filters", "m_point", "out_face", "out_row", "out_column", "bias_row", "bias_column")
    more = ("more_face", "more_row", "more_column")
    code = Function("gather", ("m", "out", "bias", "more", "slopes"), (*_TILES, *numbers, *more))
    between = code.room(after.size)

    def filters(f: str, d: str, a: str, number: str) -> None:
        down, across = code.times(d, step), code.times(a, step)
        out = code.at("%out", (f, "%out_face"), (down, "%out_row"), (across, "%out_column"))
        bias = code.at("%bias", (down, "%bias_row"), (across, "%bias_column"))
        other = code.at("%more", (f, "%more_face"), (down, "%more_row"), (across, "%more_column"))
        points = code.at("%m", (number, "%filters"))

        def some(at: str) -> None:
            _columns(code, after, code.at(points, (at, 1)), between)
            pixels = {"out": out, "bias": bias, "more": other}
            slopes = code.load(code.at("%slopes", (at, 1)))
            _rows(code, after, between, {name: code.at(p, (at, 1)) for name, p in pixels.items()}, slopes)

        _vectors(code, "%filters", some)

    _tiles(code, filters)
    return compiled(code)[0]


def _columns(code: Function, after: Exact, points: str, between: str) -> None:
    """Go from the points of a tile to the rows of its pixels, column by column."""
    n = after.shape[1]

    def column(at: str) -> None:
        start = code.at(points, (at, "%m_point"))
        places = [code.at(start, (row * n, "%m_point")) for row in range(n)]
        values = [code.load(place) for place in places]
        for place in places:
            code.prefetch(code.at(place, ("%filters", 1)))
        for row, value in enumerate(transformed(code, after, values)):
            code.store(value, code.at(between, (row * n, LANES), (at, LANES)))

    code.loop(n, column)


def _rows(code: Function, after: Exact, between: str, pixels: Mapping[str, str], slopes: str) -> None:
    """Go on to the pixels themselves, row by row, and end the layer."""
    m, n = after.shape

    def row(at: str) -> None:
        start = code.at(between, (at, n * LANES))
        values = [code.load(code.at(start, (column, LANES))) for column in range(n)]
        lines = {name: code.at(place, (at, f"%{name}_row")) for name, place in pixels.items()}
        for number, value in enumerate(transformed(code, after, values)):
            here = {name: code.at(line, (number, f"%{name}_column")) for name, line in lines.items()}
            for name in ("out", "more"):
                code.prefetch(code.at(here[name], (m, f"%{name}_column")))
            total = code.add(code.add(value, code.load(here["bias"])), code.load(here["more"]))
            code.store(code.lean(total, slopes), here["out"])

    code.loop(m, row)


@cache
def pooling(largest: bool, size: int, stride: int) -> Native:
    """Return the largest or the mean of every window of one face.

    pool(x, out, down, across, channels, x_row, x_column, out_row, out_column)
    """
    numbers = ("down", "across", "channels", "x_row", "x_column", "out_row", "out_column")
    code = Function("pool", ("x", "out"), numbers)

    def window(down: str, across: str) -> None:
        x = code.at("%x", (code.times(down, stride), "%x_row"), (code.times(across, stride), "%x_column"))
        out = code.at("%out", (down, "%out_row"), (across, "%out_column"))

        def some(at: str) -> None:
            start = code.at(x, (at, 1))
            values = [
                code.load(code.at(start, (row, "%x_row"), (column, "%x_column")))
                for row in range(size)
                for column in range(size)
            ]
            mean = [1 / size**2] * size**2
            code.store(code.largest(values) if largest else code.combine(mean, values), code.at(out, (at, 1)))

        _vectors(code, "%channels", some)

    code.loop("%down", lambda down: code.loop("%across", lambda across: window(down, across)))
    return compiled(code)[0]


def _tiles(code: Function, body: Callable[[str, str, str, str], None]) -> None:
    """Do `body` for every face, row of tiles and tile, and the tile's number."""

    def face(f: str) -> None:
        def band(d: str) -> None:
            first = code.times(code.plus(code.times(f, "%down"), d), "%across")
            code.loop("%across", lambda a: body(f, d, a, code.plus(first, a)))

        code.loop("%down", band)

    code.loop("%faces", face)


def _vectors(code: Function, count: str, body: Callable[[str], None]) -> None:
    """Do `body` at every vector of a row of numbers."""
    code.loop(count, body, LANES)
