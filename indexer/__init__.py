"""Indexing: folders of photos in, embedded batches out."""
