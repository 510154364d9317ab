"""Worker processes: one may die of the picture that it decodes, several prove pairs on all cores."""
