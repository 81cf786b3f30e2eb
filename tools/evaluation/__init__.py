"""Measuring the product on a folder of people: pairs, the system's own rule, the search, and peers."""
