"""Writing small numeric functions as LLVM code, eight float32 at a time, compiled for the processor at hand.

A function takes pointers to float32 and int64 numbers, in this order; strides and lengths count float32, not bytes.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any

import numpy as np

LANES = 8
_VECTOR = f"<{LANES} x float>"
ZERO = "zeroinitializer"
_DECLARATIONS = f"declare {_VECTOR} @llvm.fma.v{LANES}f32({_VECTOR}, {_VECTOR}, {_VECTOR})\n"
_DECLARATIONS += "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\n"
_TINY = 1e-12

Values = Sequence[str]
Native = Callable[..., None]
"""A compiled function; it leaves the interpreter while it runs."""


class Function:
    """One function that is being written: methods add instructions, and most return the name of what they give."""

    def __init__(self, name: str, pointers: Sequence[str], numbers: Sequence[str]) -> None:
        self.name, self.kinds = name, "p" * len(pointers) + "n" * len(numbers)
        arguments = [f"ptr noalias %{one}" for one in pointers] + [f"i64 %{one}" for one in numbers]
        self._head = f"define void @{name}({', '.join(arguments)})"
        self._lines = ["entry:"]
        self._block, self._names = "entry", 0

    @property
    def text(self) -> str:
        """The whole function."""
        return "\n".join([self._head + " {", *self._lines, "  ret void", "}", ""])

    def times(self, left: str | int, right: str | int) -> str:
        """Return the product of two numbers."""
        return self._value(f"mul i64 {left}, {right}")

    def plus(self, left: str | int, right: str | int) -> str:
        """Return the sum of two numbers."""
        return self._value(f"add i64 {left}, {right}")

    def minus(self, left: str | int, right: str | int) -> str:
        """Return the difference of two numbers."""
        return self._value(f"sub i64 {left}, {right}")

    def quotient(self, left: str | int, right: str | int) -> str:
        """Return how many times one positive number is in another."""
        return self._value(f"udiv i64 {left}, {right}")

    def smaller(self, left: str, right: str) -> str:
        """Return the smaller of two numbers."""
        less = self._value(f"icmp slt i64 {left}, {right}")
        return self._value(f"select i1 {less}, i64 {left}, i64 {right}")

    def larger(self, left: str, right: str | int) -> str:
        """Return the larger of two numbers."""
        more = self._value(f"icmp sgt i64 {left}, {right}")
        return self._value(f"select i1 {more}, i64 {left}, i64 {right}")

    def at(self, pointer: str, *steps: tuple[str | int, str | int]) -> str:
        """Return a pointer further on: by the sum of the products of these numbers."""
        for count, size in steps:
            pointer = self._value(f"getelementptr float, ptr {pointer}, i64 {self.times(count, size)}")
        return pointer

    def room(self, vectors: int) -> str:
        """Return a pointer to room for so many vectors, which is the function's own."""
        return self._value(f"alloca [{vectors * LANES} x float], align 32")

    def load(self, pointer: str) -> str:
        """Return the vector at a place."""
        return self._value(f"load {_VECTOR}, ptr {pointer}, align 4")

    def load_everywhere(self, pointer: str) -> str:
        """Return a vector that holds the one number at a place in all lanes."""
        number = self._value(f"load float, ptr {pointer}, align 4")
        lane = self._value(f"insertelement {_VECTOR} undef, float {number}, i64 0")
        return self._value(f"shufflevector {_VECTOR} {lane}, {_VECTOR} undef, <{LANES} x i32> {ZERO}")

    def store(self, vector: str, pointer: str) -> None:
        """Put a vector at a place."""
        self._do(f"store {_VECTOR} {vector}, ptr {pointer}, align 4")

    def prefetch(self, pointer: str) -> None:
        """Ask for what lies at a place, or for nothing where there is no memory."""
        self._do(f"call void @llvm.prefetch.p0(ptr {pointer}, i32 0, i32 3, i32 1)")

    def multiply_add(self, left: str, right: str, onto: str) -> str:
        """Return left * right + onto, rounded once."""
        parts = ", ".join(f"{_VECTOR} {one}" for one in (left, right, onto))
        return self._value(f"call {_VECTOR} @llvm.fma.v{LANES}f32({parts})")

    def add(self, left: str, right: str) -> str:
        """Return the sum of two vectors."""
        return self._value(f"fadd {_VECTOR} {left}, {right}")

    def subtract(self, left: str, right: str) -> str:
        """Return the difference of two vectors."""
        return self._value(f"fsub {_VECTOR} {left}, {right}")

    def largest(self, vectors: Values) -> str:
        """Return the largest of vectors, lane by lane; a NaN in any of them is kept."""
        first, *others = vectors
        for other in others:
            more = self._value(f"fcmp ult {_VECTOR} {first}, {other}")
            first = self._value(f"select <{LANES} x i1> {more}, {_VECTOR} {other}, {_VECTOR} {first}")
        return first

    def combine(self, factors: Iterable[float], vectors: Values) -> str:
        """Return the sum of vectors, each times a factor that is known now."""
        total = ""
        for factor, vector in zip(factors, vectors, strict=True):
            if abs(factor) < _TINY:
                continue
            if not total:
                total = vector if factor == 1 else self._value(f"fmul {_VECTOR} {vector}, {_everywhere(factor)}")
            elif factor in (1, -1):
                total = self._value(f"{'fadd' if factor == 1 else 'fsub'} {_VECTOR} {total}, {vector}")
            else:
                total = self.multiply_add(vector, _everywhere(factor), total)
        return total or ZERO

    def lean(self, vector: str, slopes: str) -> str:
        """Return the vector with what is not positive multiplied by `slopes`."""
        scaled = self._value(f"fmul {_VECTOR} {vector}, {slopes}")
        positive = self._value(f"fcmp ogt {_VECTOR} {vector}, {ZERO}")
        return self._value(f"select <{LANES} x i1> {positive}, {_VECTOR} {vector}, {_VECTOR} {scaled}")

    def loop(self, stop: str | int, body: Callable[[str], None], step: int = 1) -> None:
        """Do `body` with 0, `step`, ... as long as that is less than `stop`, which is positive."""

        def without(at: str, _: Values) -> Values:
            body(at)
            return ()

        self.sums(stop, (), without, step)

    def sums(self, stop: str | int, start: Values, body: Callable[[str, Values], Values], step: int = 1) -> Values:
        """Do the same with vectors that each round makes new ones of, `start` at first; return the last ones."""
        tag, before = self._tag(), self._block
        self._do(f"br label %{tag}")
        self._label(tag)
        index, following, left = f"%{tag}.i", f"%{tag}.n", f"%{tag}.c"
        self._do(f"{index} = phi i64 [ 0, %{before} ], [ {following}, %{tag}.end ]")
        place = len(self._lines)
        carried = [f"%{tag}.x{number}" for number in range(len(start))]
        made = body(index, carried)
        self._do(f"br label %{tag}.end")
        self._label(f"{tag}.end")
        self._lines[place:place] = [
            f"  {name} = phi {_VECTOR} [ {first}, %{before} ], [ {new}, %{tag}.end ]"
            for name, first, new in zip(carried, start, made, strict=True)
        ]
        self._do(f"{following} = add i64 {index}, {step}")
        self._do(f"{left} = icmp slt i64 {following}, {stop}")
        self._do(f"br i1 {left}, label %{tag}, label %{tag}.out")
        self._label(f"{tag}.out")
        return made

    def choose(self, number: str, least: str | int, enough: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Do `enough` where a number is `least` or more, and `otherwise` where it is not."""
        tag = self._tag()
        truth = self._value(f"icmp sge i64 {number}, {least}")
        self._do(f"br i1 {truth}, label %{tag}.yes, label %{tag}.no")
        for name, body in (("yes", enough), ("no", otherwise)):
            self._label(f"{tag}.{name}")
            body()
            self._do(f"br label %{tag}.out")
        self._label(f"{tag}.out")

    def _value(self, expression: str) -> str:
        self._names += 1
        self._do(f"%v{self._names} = {expression}")
        return f"%v{self._names}"

    def _tag(self) -> str:
        self._names += 1
        return f"b{self._names}"

    def _do(self, line: str) -> None:
        self._lines.append(f"  {line}")

    def _label(self, name: str) -> None:
        self._lines.append(f"{name}:")
        self._block = name


def _everywhere(number: float) -> str:
    """Return a constant vector; LLVM takes float32 as the digits of the double of the same value."""
    digits = struct.unpack("<Q", struct.pack("<d", float(np.float32(number))))[0]
    return "<" + ", ".join([f"float 0x{digits:016X}"] * LANES) + ">"


_engines: list[Any] = []
_compiling = Lock()


def compiled(*functions: Function) -> list[Native]:
    """Compile functions for this processor; what comes out lives as long as the process."""
    import llvmlite.binding as llvm

    with _compiling:
        if not _engines:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
        )
        module = llvm.parse_assembly(_DECLARATIONS + "\n".join(one.text for one in functions))
        module.verify()
        passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        passes.getModulePassManager().run(module, passes)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        _engines.append(engine)
    kinds = {"p": ctypes.c_void_p, "n": ctypes.c_int64}
    return [
        ctypes.CFUNCTYPE(None, *(kinds[kind] for kind in one.kinds))(engine.get_function_address(one.name))
        for one in functions
    ]
