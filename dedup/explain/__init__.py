"""Why two pictures are copies, or are not."""
