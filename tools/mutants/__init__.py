"""Changes the modules that decide, one place at a time, and asks whether a test notices."""
