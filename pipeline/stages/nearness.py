"""The distances of a request's faces to everybody enrolled: float32 throughout, one matrix product a block of people.

`pipeline.stages.distance` says the same of a few vectors, in double precision and with every vector looked at.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.registry import SIM_FUNCS
from pipeline.stages.distance import checked
from pipeline.types import Floats


@dataclass(frozen=True, eq=False)
class Nearness:
    """Some probe faces of one model, prepared to be compared with many templates.

    `columns` is (d, n), of length 1 unless `sim_func` is "euclidean"; `lengths` are the probes' own, (n, 1).
    """

    sim_func: str
    columns: Floats
    lengths: Floats

    def to(self, templates: Floats, lengths: Floats) -> Floats:
        """Return the distance of every probe to every template, float32 of shape (n, m).

        `templates` is float32 (m, d) and contiguous, `lengths` (m,) are the templates' lengths. Raises `ValueError`
        where a template is zero or not finite.
        """
        products = np.ascontiguousarray((templates @ self.columns).T)
        if not (_all_finite(products) and lengths.min(initial=np.inf) > 0.0):
            raise ValueError("A template is zero or has a value that is not a finite number.")
        if self.sim_func == "euclidean":
            squares: Floats = np.square(self.lengths) + np.square(lengths) - np.float32(2) * products
            np.maximum(squares, 0, out=squares)
            np.sqrt(squares, out=squares)
            return squares
        products /= lengths
        np.clip(products, -1, 1, out=products)
        if self.sim_func == "cosine":
            np.subtract(np.float32(1), products, out=products)
            return products
        np.subtract(np.float32(2), np.float32(2) * products, out=products)
        np.sqrt(products, out=products)
        return products

    def log_lengths(self, lengths: Floats) -> Floats:
        """Return `pipeline.stages.distance.lengths` of the probes and templates of these `lengths`: (n, m)."""
        sums: Floats = np.log(self.lengths) + np.log(lengths)
        return sums


def nearness(probes: Floats, sim_func: str) -> Nearness:
    """Prepare raw probe embeddings (n, d).

    Raises `ValueError` for an unknown `sim_func` and for an embedding that is zero or not finite.
    """
    if sim_func not in SIM_FUNCS:
        raise ValueError(f"SIM_FUNC is one of {', '.join(SIM_FUNCS)}.")
    exact = checked(probes)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    rows = exact if sim_func == "euclidean" else exact / lengths
    return Nearness(sim_func, np.ascontiguousarray(rows.T, dtype=np.float32), lengths.astype(np.float32))


def _all_finite(values: Floats) -> bool:
    """Tell whether no value is NaN or infinite; a finite sum says so in one pass, and without an array beside it."""
    with np.errstate(invalid="ignore", over="ignore"):
        total = values.sum()
    return bool(np.isfinite(total) or np.isfinite(values).all())
