"""Kills a process that enrols and forgets at random moments, and checks what the next start finds."""
