"""The gallery of embeddings in a Milvus server, with the same answers as the one in memory."""
