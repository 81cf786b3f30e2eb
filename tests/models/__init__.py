"""Tests that load real models."""
