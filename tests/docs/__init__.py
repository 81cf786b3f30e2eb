"""The documentation: every command and every reply in it is run."""
