"""The gallery of embeddings: its protocol, the pickle files that store it, and the index in memory."""
