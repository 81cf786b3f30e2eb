"""The gallery in Milvus, on a real Milvus Lite."""
