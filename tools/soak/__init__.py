"""Sends a server of its own more than it can do, and checks that it refuses in time and loses nothing."""
