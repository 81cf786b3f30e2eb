"""Backups: a copy of everything that outlives a request, taken while the server runs, and the way back."""
