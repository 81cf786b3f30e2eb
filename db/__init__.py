"""What is kept: people's rows, their image folders, enrolments, uploads, and the gallery of embeddings.

The database's commit is the one atomic point; files are written before it under names that only it makes known.
Arguments are plain: nothing here reads settings, knows HTTP or loads a model.
"""
