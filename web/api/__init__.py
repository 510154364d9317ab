"""What the page asks for: one module a subject, each handler a call of the library."""
