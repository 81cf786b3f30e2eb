"""The flows with small stand-ins for models and records: every code's path, in milliseconds."""
