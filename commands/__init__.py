"""The commands: one module a family, each declares, calls and renders."""
