"""What `.env` may hold: the table of its keys, and the checks of their values."""
