"""Why two pictures are copies or not, as text and as a picture."""
