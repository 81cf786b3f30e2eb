"""Every failure around liveness has its code and is never a pass: the rows of docs/liveness-failures.md."""
