"""The gallery of embeddings in a Milvus server; it returns the same results as the one in memory."""
