"""Tests of single parts, without HTTP."""
