"""The catalog: SQL, and nothing but SQL."""
