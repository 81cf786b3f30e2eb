"""Many small matrix products in compiled code, of rows that stay in the cache and multipliers in order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from pipeline.models.compiled.code import LANES, ZERO, Function, Native, Values, compiled
from pipeline.models.compiled.filtering import Exact
from pipeline.types import Floats

PANEL = 2 * LANES
"""Filters that one pass over a matrix computes; with six rows they fill the sixteen registers of AVX2."""
_ROWS = 6


@cache
def products() -> Native:
    """Return the matrix products of all points.

    products(v, u, m, points, v_point, u_point, m_point, lines, v_line, run, v_row, rows, panels, filters): of every
    point, `rows` rows by `panels` panels of the multipliers (see `in_panels`), written into rows of `filters`. A row is
    `lines` times an even `run` of numbers, `v_line` apart; the next row begins `v_row` further.
    """
    sizes = ("lines", "v_line", "run", "v_row", "rows", "panels", "filters")
    code = Function("products", ("v", "u", "m"), ("points", "v_point", "u_point", "m_point", *sizes))
    length = code.times("%lines", "%run")
    each_block = _blocks(code)

    def point(number: str) -> None:
        v, u, m = (code.at(f"%{one}", (number, f"%{one}_point")) for one in "vum")

        def panel(index: str) -> None:
            weights, target = code.at(u, (index, code.times(length, PANEL))), code.at(m, (index, PANEL))

            def block(first: str, rows: int) -> None:
                totals = _block(code, code.at(v, (first, "%v_row")), weights, length, rows)
                for row in range(rows):
                    place = code.at(target, (code.plus(first, row), "%filters"))
                    code.store(totals[2 * row], place)
                    code.store(totals[2 * row + 1], code.at(place, (1, LANES)))

            each_block(block)

        code.loop("%panels", panel)

    code.loop("%points", point)
    return compiled(code)[0]


def _blocks(code: Function) -> Callable[[Callable[[str, int], None]], None]:
    """Return what does something with every block of rows: its first one, and how many it has.

    Blocks of six rows and of five come out even. Of few rows, the last block begins early enough to be whole; of fewer
    than six, each is a block of its own.
    """
    blocks = code.quotient(code.plus("%rows", _ROWS - 1), _ROWS)
    large = code.larger(code.minus("%rows", code.times(blocks, _ROWS - 1)), 0)
    last = code.minus("%rows", _ROWS - 1)

    def each(block: Callable[[str, int], None]) -> None:
        def six_or_five(number: str) -> None:
            fives = code.minus(number, large)
            late = code.smaller(code.plus(code.times(large, _ROWS), code.times(fives, _ROWS - 1)), last)
            six, five = (lambda: block(code.times(number, _ROWS), _ROWS)), (lambda: block(late, _ROWS - 1))
            code.choose(code.minus(large, number), 1, six, five)

        many, few = (lambda: code.loop(blocks, six_or_five)), (lambda: code.loop("%rows", lambda at: block(at, 1)))
        code.choose("%rows", _ROWS, many, few)

    return each


def _block(code: Function, v: str, weights: str, length: str, rows: int) -> Values:
    """Return the product of some rows and one panel, which stays in registers all the while."""

    def line(number: str, totals: Values) -> Values:
        begin = code.at(v, (number, "%v_line"))
        starts = [code.at(begin, (row, "%v_row")) for row in range(rows)]
        factors = code.at(weights, (number, code.times("%run", PANEL)))

        def one(at: str, totals: Values) -> Values:
            here = code.at(factors, (at, PANEL))
            halves = [code.load(here), code.load(code.at(here, (1, LANES)))]
            new = []
            for row, start in enumerate(starts):
                value = code.load_everywhere(code.at(start, (at, 1)))
                new += [code.multiply_add(value, halves[half], totals[2 * row + half]) for half in (0, 1)]
            return new

        def two(at: str, totals: Values) -> Values:
            # The next panel, from memory, should be near by the time that this one is done; lines come in twos.
            code.prefetch(code.at(factors, (at, PANEL), (length, PANEL)))
            return one(code.plus(at, 1), one(at, totals))

        return code.sums("%run", totals, two, 2)

    return code.sums("%lines", [ZERO] * (2 * rows), line)


def in_panels(matrices: Exact) -> Floats:
    """Return matrices (points, length, filters) in the order in which `products` reads them.

    The shape is (points, panels, length, `PANEL`), with zeros for an even length and for whole panels.
    """
    points, length, filters = matrices.shape
    even, count = length + length % 2, -(-filters // PANEL)
    whole = np.zeros((points, even, count * PANEL), np.float32)
    whole[:, :length, :filters] = matrices
    return np.ascontiguousarray(whole.reshape(points, even, count, PANEL).transpose(0, 2, 1, 3))
