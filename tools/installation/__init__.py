"""What makes a fresh clone run: the virtual environment, the first `.env`, the folders. Used by the commands alone."""
