"""Decoding in processes of its own, so that a decoder's crash or runaway is one photo's refusal and nothing more."""

from pipeline.models.decoding.pool import DecodingPool

__all__ = ["DecodingPool"]
