"""What is stored: people's rows, their image folders, enrolments, uploads, and the gallery of embeddings.

The database's commit is the only atomic step; files are written before it, under names that only the commit makes
valid. Arguments are plain: nothing here reads settings, knows HTTP or loads a model.
"""
