"""What the endpoints take and answer, as the document shows it: one module for each of `api`."""
