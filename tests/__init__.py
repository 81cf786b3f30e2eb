"""The tests: unit, over HTTP, with real models, and against real databases."""
