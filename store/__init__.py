"""The store: SQLite is the truth, FAISS is a cache."""
