"""What changes the user's files is made of; only `apply`, `undo` and `prune` put it to use."""
