"""The gallery of embeddings: what it is asked for, the pickled files it is kept in, and the index in memory."""
